"""Lasso along a path of penalties, on the Gram matrix, exact to rounding.

Minimises ½·energy − correlation·w + ½·w·gram·w + penalty·Σ|w| for gram = XᵀX, correlation = Xᵀy and
energy = yᵀy. Coordinate descent finds which weights are not zero and their signs; given those, the
minimum is a linear system, solved directly. A direct step stops where a weight would change its sign, that
weight is dropped, and the step is taken again, so every step lowers the objective. The result is checked
against the conditions of optimality.
"""

import numpy as np
from numba import njit

# A condition of optimality may be missed by this share of the penalty.
OPTIMALITY = 1e-9
# A pivot below this share of its diagonal is a feature that others on the support already span.
DEPENDENT = 1e-10


@njit(cache=True, nogil=True)
def lasso_path(
    gram: np.ndarray, correlation: np.ndarray, penalties: np.ndarray, max_rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (penalties x features) and whether each row is optimal, every row started from the one before.

    `penalties` are best given descending. A round is one sweep over the features and one direct solution.
    """
    n_features = correlation.size
    path = np.empty((penalties.size, n_features))
    optimal = np.zeros(penalties.size, dtype=np.bool_)
    weights = np.zeros(n_features)
    gradient = correlation.copy()
    for i in range(penalties.size):
        for _ in range(max_rounds):
            _solve_support(gram, correlation, penalties[i], weights, gradient)
            optimal[i] = _is_optimal(gram, correlation, penalties[i], weights, gradient)
            if optimal[i]:
                break
            _sweep(gram, penalties[i], weights, gradient)
        path[i] = weights
    return path, optimal


@njit(cache=True, nogil=True)
def relative_gap(
    gram: np.ndarray, correlation: np.ndarray, energy: float, penalty: float, weights: np.ndarray
) -> float:
    """Duality gap over the energy: an upper bound on how far the objective lies above its minimum."""
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _is_optimal(
    gram: np.ndarray, correlation: np.ndarray, penalty: float, weights: np.ndarray, gradient: np.ndarray
) -> bool:
    slack = OPTIMALITY * penalty + 1e-13 * np.abs(correlation).max()
    for j in range(weights.size):
        if gram[j, j] <= 0.0:
            continue
        if weights[j] == 0.0:
            if abs(gradient[j]) > penalty + slack:
                return False
        elif abs(gradient[j] - penalty * np.sign(weights[j])) > slack:
            return False
    return True


@njit(cache=True, nogil=True)
def _solve_support(
    gram: np.ndarray, correlation: np.ndarray, penalty: float, weights: np.ndarray, gradient: np.ndarray
) -> None:
    """Move to the minimum among weights of the present signs, dropping those that reach zero on the way."""
    while True:
        support = np.flatnonzero(weights)
        step = _newton_step(gram, penalty, weights, gradient, support)
        share, crossing = 1.0, -1
        for i in range(support.size):
            w = weights[support[i]]
            if (w + step[i]) * w <= 0.0 and -w / step[i] < share:
                share, crossing = -w / step[i], support[i]
        for i in range(support.size):
            weights[support[i]] += share * step[i]
        if crossing >= 0:
            weights[crossing] = 0.0
        gradient[:] = correlation
        for i in range(support.size):
            w = weights[support[i]]
            for k in range(weights.size):
                gradient[k] -= w * gram[support[i], k]
        if crossing < 0:
            return


@njit(cache=True, nogil=True)
def _newton_step(
    gram: np.ndarray, penalty: float, weights: np.ndarray, gradient: np.ndarray, support: np.ndarray
) -> np.ndarray:
    """The step over the support to where gradient = penalty·sign; 0 for features the others already span."""
    n = support.size
    upper = np.empty((n, n))
    step = np.empty(n)
    for i in range(n):
        step[i] = gradient[support[i]] - penalty * np.sign(weights[support[i]])
        for j in range(i, n):
            upper[i, j] = gram[support[i], support[j]]
    # Right-looking Cholesky (upper.T @ upper = gram on the support), the right-hand side along with it.
    for i in range(n):
        if upper[i, i] <= DEPENDENT * gram[support[i], support[i]]:
            upper[i, i:] = 0.0
            step[i] = 0.0
            continue
        root = np.sqrt(upper[i, i])
        upper[i, i:] /= root
        step[i] /= root
        for k in range(i + 1, n):
            factor = upper[i, k]
            step[k] -= factor * step[i]
            for j in range(k, n):
                upper[k, j] -= factor * upper[i, j]
    for i in range(n - 1, -1, -1):
        if upper[i, i] == 0.0:
            continue
        step[i] /= upper[i, i]
        for k in range(i):
            step[k] -= upper[k, i] * step[i]
    return step
