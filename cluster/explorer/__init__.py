"""`knockcast explore`: a local web app over one store, built with Dash and AG Grid.

It knows stores and their tables, and shows them; it computes no result that a command would not give. Start
at `server`, which opens the port and guards it; `frame` is around every page, `pages/` has a module for each.
"""
