"""Numbers only: no files, no Ray."""
