"""The tables computed from a store's committed rows, and SQL over all of them."""
