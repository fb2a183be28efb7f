"""`knockcast explore`: a local web app over one store, built with Dash and AG Grid.

It knows stores and their tables, and shows them; it computes no result that a command would not give. Start
at `data`, which pages ask; `pages/` has a module for each page, `web/` the server and what is around them.
"""
