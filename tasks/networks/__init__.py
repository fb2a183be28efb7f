"""Training a fold's shared networks, and the search for their shape, as tables and files."""
