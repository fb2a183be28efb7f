"""The lasso's path from corner to corner: between two of them its weights are straight lines in the penalty.

At a corner a feature enters, because its gradient reaches the penalty, or leaves, because its weight reaches
0 (Efron, Hastie, Johnstone and Tibshirani, "Least angle regression", 2004, section 3.1). Both are one
exchange step (Gauss and Jordan) of the Gram matrix. It leaves of every feature a straight line, `level` −
penalty·`slope`: the weight of one inside, the gradient of one outside.
"""

from typing import no_type_check

import numpy as np

from modeling.candidates.linear.optimality import compute_gradient, is_optimal
from modeling.numba_cache import njit

# A pivot below this share of its diagonal belongs to a feature that those inside already span.
DEPENDENT = 1e-13
# A corner less than this share above a penalty may wait for the next one: its weight would be rounding.
CLOSE = 1e-12
REFINEMENTS = 3  # of one row, where rounding keeps it from its optimum
# Corners this near to each other, relatively, are one: the first feature goes first.
ALIKE = 1e-11
# Corners of a path, as a multiple of the features, before it is given up.
MOST_CORNERS = 10


@njit
@no_type_check
def follow_corners(gram: np.ndarray, correlation: np.ndarray, penalties: np.ndarray, path: np.ndarray) -> int:
    """Write the weights at each penalty into `path` (penalties x features); they must descend.

    Returns how many rows, from the first, are optimal; what is written after them means nothing. It ends at
    one that is not, as among features that nearly depend on each other.
    """
    n_features = correlation.size
    swept, level, slope = gram.copy(), correlation.copy(), np.zeros(n_features)
    signs, spanned = np.zeros(n_features), np.zeros(n_features, dtype=np.bool_)
    gradient = np.empty(n_features)
    penalty, corners = np.inf, 0
    for i in range(penalties.size):
        while True:
            corner, feature, sign = _next_corner(level, slope, signs, spanned, penalty)
            if corner <= penalties[i] * (1 + CLOSE):
                break
            corners += 1
            if corners > MOST_CORNERS * n_features:
                return i
            penalty = corner
            if sign != 0.0:
                _enter(gram, swept, level, slope, signs, spanned, feature, sign)
            elif swept[feature, feature] > 0.0:
                _leave(swept, level, slope, signs, spanned, feature)
            else:  # no products have such an inverse: rounding has taken over
                return i
        for attempt in range(1 + REFINEMENTS):
            for j in range(n_features):
                weight = level[j] - penalties[i] * slope[j]
                path[i, j] = weight if weight * signs[j] > 0.0 else 0.0
            compute_gradient(gram, correlation, path[i], gradient)
            if is_optimal(gram, correlation, penalties[i], path[i], gradient):
                break
            if attempt == REFINEMENTS:
                return i
            _refine(swept, level, slope, signs, penalties[i], path[i], gradient)
    return penalties.size


@njit
@no_type_check
def _next_corner(
    level: np.ndarray, slope: np.ndarray, signs: np.ndarray, spanned: np.ndarray, penalty: float
) -> tuple[float, int, float]:
    """The largest penalty, at most this one, at which a feature enters or leaves; which; its sign (0: out).

    A weight that moves away from 0 as the penalty falls, and a gradient that falls faster than the penalty,
    reach nothing. So a feature that has just entered does not leave, and one that has left does not enter.
    """
    corner, feature, sign, needed = 0.0, -1, 0.0, 0.0
    for j in range(level.size):
        if signs[j] != 0.0:
            if signs[j] * slope[j] < 0.0:
                at = min(level[j] / slope[j], penalty)
                if at > needed:
                    corner, feature, sign, needed = at, j, 0.0, at * (1 + ALIKE)
        elif not spanned[j]:
            for side in (1.0, -1.0):
                closing = 1.0 + side * slope[j]
                if closing > 0.0:
                    at = min(side * level[j] / closing, penalty)
                    if at > needed:
                        corner, feature, sign, needed = at, j, side, at * (1 + ALIKE)
    return corner, feature, sign


@njit
@no_type_check
def _enter(
    gram: np.ndarray,
    swept: np.ndarray,
    level: np.ndarray,
    slope: np.ndarray,
    signs: np.ndarray,
    spanned: np.ndarray,
    feature: int,
    sign: float,
) -> None:
    """Take a feature in, unless those inside span it."""
    if not swept[feature, feature] > DEPENDENT * gram[feature, feature]:
        spanned[feature] = True
        return
    signs[feature] = sign
    slope[feature] += sign
    _exchange(swept, level, slope, feature)


@njit
@no_type_check
def _leave(
    swept: np.ndarray,
    level: np.ndarray,
    slope: np.ndarray,
    signs: np.ndarray,
    spanned: np.ndarray,
    feature: int,
) -> None:
    """Put a feature out; what was spanned with its help may enter again."""
    _exchange(swept, level, slope, feature)
    slope[feature] -= signs[feature]
    signs[feature] = 0.0
    spanned[:] = False


@njit
@no_type_check
def _refine(
    swept: np.ndarray,
    level: np.ndarray,
    slope: np.ndarray,
    signs: np.ndarray,
    penalty: float,
    weights: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Take the rounding of all steps so far from `level`, as far as weights and their gradient show it."""
    for j in range(level.size):
        if signs[j] == 0.0:
            level[j] = gradient[j] + penalty * slope[j]
            continue
        step = 0.0
        for k in range(level.size):
            if signs[k] != 0.0:
                step += swept[j, k] * (gradient[k] - penalty * signs[k])
        level[j] = weights[j] + step + penalty * slope[j]


@njit
@no_type_check
def _exchange(swept: np.ndarray, level: np.ndarray, slope: np.ndarray, feature: int) -> None:
    """One exchange step of the matrix and both columns at a feature; a second one there takes it back."""
    pivot = swept[feature, feature]
    row = swept[feature] / pivot
    row_level, row_slope = level[feature] / pivot, slope[feature] / pivot
    for i in range(level.size):
        share = swept[i, feature]
        if i != feature and share != 0.0:
            for k in range(level.size):
                swept[i, k] -= share * row[k]
            swept[i, feature] = -share / pivot
            level[i] -= share * row_level
            slope[i] -= share * row_slope
    swept[feature] = row
    swept[feature, feature] = 1.0 / pivot
    level[feature], slope[feature] = row_level, row_slope
