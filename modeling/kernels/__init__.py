"""Kernel ridge regression on all genes: distances between cell lines, kernels, closed-form leave-one-out.

One eigendecomposition serves every target and penalty. Knows nothing of modifiers.
"""
