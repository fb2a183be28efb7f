"""Looking after a store: `verify`, `gc`, and what can be wrong with a file. Start at `maintain`."""
