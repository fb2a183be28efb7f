"""Tree candidates: one regression tree, and a forest of them."""
