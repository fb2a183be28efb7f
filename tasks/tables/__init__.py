"""The tables of a store: their columns with meaning, unit and version, and how rows become Arrow tables.

`schemas` lists every table; `columns` says what a table is. Nothing here knows of files or of a store.
"""
