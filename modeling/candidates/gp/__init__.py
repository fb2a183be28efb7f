"""The Gaussian process candidate and its likelihood."""
