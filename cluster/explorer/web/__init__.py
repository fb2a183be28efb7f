"""The explorer as a web app: the port and its guard, the Dash application, the frame, files to save.

Start at `server`. What pages show is decided in `cluster.explorer.pages`.
"""
