"""A Cholesky factor of the Gram matrix of some features, grown feature by feature.

Kept twice, as `upper` and its transpose `lower`, so that both triangular solutions run along rows (compilers
vectorise those without reordering sums). `order` names the features in the factor's order.
"""

from typing import no_type_check

import numpy as np

from modeling.numba_cache import njit

# A pivot below this share of its diagonal belongs to a feature that those in the factor already span.
DEPENDENT = 1e-10


@njit
@no_type_check
def follow_support(
    gram: np.ndarray, weights: np.ndarray, upper: np.ndarray, lower: np.ndarray, order: np.ndarray, size: int
) -> int:
    """Make the factor that of the features with a weight that is not 0, and return its new size.

    What lies before the first feature that left is kept; the rest is appended again, which costs size² each.
    Features spanned by the others are left out.
    """
    kept = 0
    while kept < size and weights[order[kept]] != 0.0:
        kept += 1
    inside = np.zeros(weights.size, dtype=np.bool_)
    for i in range(kept):
        inside[order[i]] = True
    tail = order[kept:size].copy()
    for j in tail:
        if weights[j] != 0.0:
            kept = _append(gram, j, upper, lower, order, kept)
            inside[j] = True
    for j in range(weights.size):
        if weights[j] != 0.0 and not inside[j]:
            kept = _append(gram, j, upper, lower, order, kept)
    return kept


@njit
@no_type_check
def solve_factored(upper: np.ndarray, lower: np.ndarray, size: int, right: np.ndarray) -> None:
    """Replace `right` by the solution of the factored system."""
    for i in range(size):
        right[i] /= upper[i, i]
        for k in range(i + 1, size):
            right[k] -= right[i] * upper[i, k]
    for i in range(size - 1, -1, -1):
        right[i] /= lower[i, i]
        for k in range(i):
            right[k] -= right[i] * lower[i, k]


@njit
@no_type_check
def _append(
    gram: np.ndarray, j: int, upper: np.ndarray, lower: np.ndarray, order: np.ndarray, size: int
) -> int:
    row = lower[size]
    for i in range(size):
        row[i] = gram[j, order[i]]
    for i in range(size):
        row[i] /= upper[i, i]
        for k in range(i + 1, size):
            row[k] -= row[i] * upper[i, k]
    pivot = gram[j, j]
    for i in range(size):
        pivot -= row[i] * row[i]
    if pivot <= DEPENDENT * gram[j, j]:
        return size
    row[size] = np.sqrt(pivot)
    for i in range(size + 1):
        upper[i, size] = row[i]
    order[size] = j
    return size + 1
