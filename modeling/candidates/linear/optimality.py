"""Whether weights are the lasso's minimum: its conditions of optimality, and the duality gap.

The lasso minimises ½·energy − correlation·w + ½·w·gram·w + penalty·Σ|w| for gram = XᵀX, correlation = Xᵀy and
energy = yᵀy. Its gradient is correlation − gram·w.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float64

from modeling.numba_cache import njit

# A condition of optimality may be missed by this share of the penalty,
OPTIMALITY = 1e-9
# and by this share of the sizes that the gradient is a difference of: their rounding, with room,
ROUNDING = 1e-14
# of which the weights' part counts no more than this times the largest correlation: weights that cancel each
# other so far prove nothing.
CANCELLED = 1e4

Gram = Float64[np.ndarray, "features features"]
PerFeature = Float64[np.ndarray, " features"]


def relative_gap(
    gram: Gram, correlation: PerFeature, energy: float, penalty: float, weights: PerFeature
) -> float:
    """Duality gap over the energy: an upper bound on how far the objective lies above its minimum."""
    return _relative_gap(gram, correlation, energy, penalty, weights)


@njit
@no_type_check
def is_optimal(
    gram: np.ndarray, correlation: np.ndarray, penalty: float, weights: np.ndarray, gradient: np.ndarray
) -> bool:
    """Whether each gradient is the penalty by the weight's sign, or at most that where the weight is 0.

    Weights that are not finite never are.
    """
    largest, steepest, total = 0.0, 0.0, 0.0
    for j in range(weights.size):
        largest = max(largest, abs(correlation[j]))
        steepest = max(steepest, gram[j, j])
        total += abs(weights[j])
    slack = OPTIMALITY * penalty + ROUNDING * (largest + min(steepest * total, CANCELLED * largest))
    for j in range(weights.size):
        if gram[j, j] <= 0.0:
            continue
        # Written so that NaN fails it.
        if weights[j] == 0.0:
            if not abs(gradient[j]) <= penalty + slack:
                return False
        elif not abs(gradient[j] - penalty * np.sign(weights[j])) <= slack:
            return False
    return True


@njit
@no_type_check
def compute_gradient(
    gram: np.ndarray, correlation: np.ndarray, weights: np.ndarray, gradient: np.ndarray
) -> None:
    """Write the gradient at these weights, from scratch, so that rounding does not add up along a path."""
    gradient[:] = correlation
    for j in range(weights.size):
        if weights[j] != 0.0:
            for k in range(weights.size):
                gradient[k] -= weights[j] * gram[j, k]


@njit
@no_type_check
def _relative_gap(
    gram: np.ndarray, correlation: np.ndarray, energy: float, penalty: float, weights: np.ndarray
) -> float:
    if energy <= 0.0:
        return 0.0
    product = gram @ weights
    gradient = correlation - product
    explained = weights @ correlation
    residual = energy - 2 * explained + weights @ product
    steepest = np.abs(gradient).max()
    shrink = min(1.0, penalty / steepest) if steepest > 0 else 1.0
    primal = 0.5 * residual + penalty * np.abs(weights).sum()
    dual = shrink * (energy - explained) - 0.5 * shrink * shrink * residual
    return (primal - dual) / energy
