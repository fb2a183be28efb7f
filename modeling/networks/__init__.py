"""Networks shared by all targets of a fold: autoencoders, their training, and the search for their shape.

Import `adam` late: it imports torch, which takes seconds.
"""
