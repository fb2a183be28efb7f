"""The Dataset: one imported release as aligned matrices, and what is known of its genes and targets.

Knows nothing of the files it came from, nor of methods.
"""
