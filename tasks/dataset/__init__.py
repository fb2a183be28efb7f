"""The Dataset: one imported release as aligned matrices, and what is known of its genes and targets.

Start at `dataset.Dataset`; its `layers` are inputs beside expression. Knows nothing of the release files it
came from, nor of methods, folds and stores.
"""
