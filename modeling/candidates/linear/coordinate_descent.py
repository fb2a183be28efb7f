"""Lasso along a path of penalties, on the Gram matrix, exact to rounding.

Minimises ½·energy − correlation·w + ½·w·gram·w + penalty·Σ|w| for gram = XᵀX, correlation = Xᵀy and
energy = yᵀy. Coordinate descent finds which weights are not zero and their signs; given those, the
minimum is a linear system, solved directly. A direct step stops where a weight would change its sign, that
weight is dropped, and the step is taken again, so every step lowers the objective. The result is checked
against the conditions of optimality.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float64

from modeling.candidates.linear.cholesky import follow_support, solve_factored
from modeling.numba_cache import njit

# A condition of optimality may be missed by this share of the penalty.
OPTIMALITY = 1e-9


Gram = Float64[np.ndarray, "features features"]
PerFeature = Float64[np.ndarray, " features"]


def lasso_path(
    gram: Gram, correlation: PerFeature, penalties: Float64[np.ndarray, " penalties"], max_rounds: int
) -> tuple[Float64[np.ndarray, "penalties features"], Bool[np.ndarray, " penalties"]]:
    """Weights at each penalty and whether they are optimal, every row started from the one before.

    `penalties` are best given descending. A round is one direct solution and one sweep over the features.
    """
    return _follow_path(gram, correlation, penalties, max_rounds)


def relative_gap(
    gram: Gram, correlation: PerFeature, energy: float, penalty: float, weights: PerFeature
) -> float:
    """Duality gap over the energy: an upper bound on how far the objective lies above its minimum."""
    return _relative_gap(gram, correlation, energy, penalty, weights)


@njit
@no_type_check
def _follow_path(
    gram: np.ndarray, correlation: np.ndarray, penalties: np.ndarray, max_rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    n_features = correlation.size
    path = np.empty((penalties.size, n_features))
    optimal = np.zeros(penalties.size, dtype=np.bool_)
    weights, gradient = np.zeros(n_features), correlation.copy()
    upper, lower = np.empty((n_features, n_features)), np.empty((n_features, n_features))
    order, size = np.empty(n_features, dtype=np.int64), 0
    rounding = 1e-13 * np.abs(correlation).max()
    for i in range(penalties.size):
        for _ in range(max_rounds):
            size = _solve_support(
                gram, correlation, penalties[i], weights, gradient, upper, lower, order, size
            )
            optimal[i] = _is_optimal(gram, penalties[i], weights, gradient, rounding)
            if optimal[i]:
                break
            _sweep(gram, penalties[i], weights, gradient)
        path[i] = weights
    return path, optimal


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


@njit
@no_type_check
def _sweep(gram: np.ndarray, penalty: float, weights: np.ndarray, gradient: np.ndarray) -> None:
    """One pass of coordinate descent, in the features' order; keeps gradient = correlation − gram·weights."""
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


@njit
@no_type_check
def _is_optimal(
    gram: np.ndarray, penalty: float, weights: np.ndarray, gradient: np.ndarray, rounding: float
) -> bool:
    """Whether each gradient is the penalty by the weight's sign, or at most that where the weight is 0."""
    slack = OPTIMALITY * penalty + rounding
    for j in range(weights.size):
        if gram[j, j] <= 0.0:
            continue
        if weights[j] == 0.0:
            if abs(gradient[j]) > penalty + slack:
                return False
        elif abs(gradient[j] - penalty * np.sign(weights[j])) > slack:
            return False
    return True


@njit
@no_type_check
def _solve_support(
    gram: np.ndarray,
    correlation: np.ndarray,
    penalty: float,
    weights: np.ndarray,
    gradient: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
    order: np.ndarray,
    size: int,
) -> int:
    """Move to the minimum among weights of the present signs, dropping those that reach zero on the way.

    The factor is updated and its size returned. Weights of features it leaves out stay as they are.
    """
    step = np.empty(weights.size)
    while True:
        size = follow_support(gram, weights, upper, lower, order, size)
        for i in range(size):
            step[i] = gradient[order[i]] - penalty * np.sign(weights[order[i]])
        solve_factored(upper, lower, size, step)
        share, crossing = _first_crossing(weights, order, size, step)
        for i in range(size):
            weights[order[i]] += share * step[i]
        if crossing >= 0:
            weights[crossing] = 0.0
        _recompute_gradient(gram, correlation, weights, gradient)
        if crossing < 0:
            return size


@njit
@no_type_check
def _first_crossing(weights: np.ndarray, order: np.ndarray, size: int, step: np.ndarray) -> tuple[float, int]:
    """The share of the step until a weight reaches zero, and which weight; (1, −1) if none does."""
    share, crossing = 1.0, -1
    for i in range(size):
        w = weights[order[i]]
        reached = w + step[i] <= 0.0 if w > 0.0 else w + step[i] >= 0.0
        if reached and -w / step[i] <= share:
            share, crossing = -w / step[i], order[i]
    return share, crossing


@njit
@no_type_check
def _recompute_gradient(
    gram: np.ndarray, correlation: np.ndarray, weights: np.ndarray, gradient: np.ndarray
) -> None:
    # From scratch each time, so that rounding does not add up along the path.
    gradient[:] = correlation
    for j in range(weights.size):
        if weights[j] != 0.0:
            for k in range(weights.size):
                gradient[k] -= weights[j] * gram[j, k]
