"""The lasso by coordinate descent, for the rest of a path that corners could not follow."""

from typing import no_type_check

import numpy as np

from modeling.candidates.linear.optimality import compute_gradient, is_optimal
from modeling.numba_cache import njit


@njit
@no_type_check
def descend_path(
    gram: np.ndarray,
    correlation: np.ndarray,
    penalties: np.ndarray,
    max_sweeps: int,
    path: np.ndarray,
    optimal: np.ndarray,
) -> None:
    """Write the rows of `path` that are not optimal, each started from the one before, and which became so.

    A row's sweeps over the features, in their order, end where its conditions of optimality hold.
    """
    weights, gradient = np.zeros(correlation.size), correlation.copy()
    for i in range(penalties.size):
        if optimal[i]:
            weights[:] = path[i]
            continue
        compute_gradient(gram, correlation, weights, gradient)
        for _ in range(max_sweeps):
            _sweep(gram, penalties[i], weights, gradient)
            compute_gradient(gram, correlation, weights, gradient)
            optimal[i] = is_optimal(gram, correlation, penalties[i], weights, gradient)
            if optimal[i]:
                break
        path[i] = weights


@njit
@no_type_check
def _sweep(gram: np.ndarray, penalty: float, weights: np.ndarray, gradient: np.ndarray) -> None:
    """One pass over the features; keeps gradient = correlation − gram·weights."""
    for j in range(weights.size):
        curvature = gram[j, j]
        if curvature <= 0.0:
            continue
        pull = gradient[j] + curvature * weights[j]
        new = max(abs(pull) - penalty, 0.0) * np.sign(pull) / curvature
        step = new - weights[j]
        if step != 0.0:
            weights[j] = new
            for k in range(weights.size):
                gradient[k] -= step * gram[j, k]
