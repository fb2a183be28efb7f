"""Growing the trees of scikit-learn's RandomForestRegressor from features sorted once: the same, sooner.

scikit-learn sorts every feature again in every node; here each feature is sorted once for all trees, and the
sorted lines are split with the nodes. The trees are the same, node by node and bit by bit:

* Random numbers are drawn from the same generators in the same order: resampled lines, and in every node the
  order in which features are looked at (the first of equally good splits wins), nodes depth first.
* A split's worth is the same arithmetic on sums of the effect, and those are exact, in whatever order they
  are summed: `bits_of` has looked. (Effects stored as float32 nearly always pass.)
* Sums of squares, which need not be exact, only decide whether a node is pure and whether a split is of any
  use. Where rounding could turn that, nothing is grown here.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.candidates.trees.forest_splits import best_split
from modeling.candidates.trees.growing import sorted_lines
from modeling.numba_cache import njit

EPSILON = np.finfo(np.float64).eps
LARGEST_SEED = 2**31 - 1
SIGNIFICANT_BITS = 53
SMALLEST, LARGEST = 1e-100, 1e100  # of effects whose squares neither vanish nor overflow


class GrownTree(NamedTuple):
    """Nodes of one tree, parents before children, the root first. A leaf's feature and children are −1."""

    feature: Int64[np.ndarray, " nodes"]
    left: Int64[np.ndarray, " nodes"]
    right: Int64[np.ndarray, " nodes"]
    threshold: Float64[np.ndarray, " nodes"]
    value: Float64[np.ndarray, " nodes"]


class GrownForest(NamedTuple):
    """The trees, and each training line's mean prediction by the trees that did not see it (0: none)."""

    trees: tuple[GrownTree, ...]
    out_of_bag: Float64[np.ndarray, " lines"]


def grow_forest(
    features: Float32[np.ndarray, "lines features"],
    effect: Float64[np.ndarray, " lines"],
    trees: int,
    max_depth: int,
    min_leaf: int,
    random_state: int,
) -> GrownForest | None:
    """scikit-learn's forest for that random state; None where it could differ by a rounding."""
    n_lines, largest = len(effect), float(np.abs(effect).max())
    bits = bits_of(effect)
    if bits + n_lines.bit_length() > SIGNIFICANT_BITS or not SMALLEST < largest < LARGEST:
        return None
    order, columns = sorted_lines(features)[0].astype(np.int32), np.ascontiguousarray(features.T)
    squares_exact = 2 * bits + n_lines.bit_length() <= SIGNIFICANT_BITS
    rounding = 0.0 if squares_exact else 64 * n_lines * EPSILON * largest**2
    total, unseen = np.zeros(n_lines), np.zeros(n_lines)
    grown = []
    for seed in _draws(random_state, trees):
        weights, walk = _resampled(seed, n_lines)
        nodes, done = _grow(columns, order, effect, weights, walk, max_depth, min_leaf, rounding)
        if not done:
            return None
        grown.append(GrownTree(*nodes))
        _add_unseen(columns, weights, *nodes, total, unseen)
    return GrownForest(tuple(grown), total / np.maximum(unseen, 1.0))


def bits_of(values: Float64[np.ndarray, " lines"]) -> int:
    """How many bits write each value as a whole multiple of one power of two, the same for all.

    A sum of fewer than 2^k of them is exact in float64, in any order, if these and k are at most 53.
    """
    size = np.abs(values[values != 0])
    if not size.size:
        return 0
    mantissa, exponent = np.frexp(size)
    digits = np.ldexp(mantissa, SIGNIFICANT_BITS).astype(np.int64)
    trailing = np.log2((digits & -digits).astype(np.float64)).astype(np.int64)
    return int(exponent.max()) - int((exponent - SIGNIFICANT_BITS + trailing).min())


def _draws(random_state: int, trees: int) -> list[int]:
    """The seeds that scikit-learn gives its trees, from its own (older) generator."""
    generator = np.random.RandomState(random_state)
    return [int(generator.randint(LARGEST_SEED)) for _ in range(trees)]


def _resampled(seed: int, n_lines: int) -> tuple[Float64[np.ndarray, " lines"], int]:
    """How often a tree sees each line, and where its walk through the features starts: one seed for both."""
    drawn = np.random.RandomState(seed).randint(0, n_lines, n_lines)
    walk = np.random.RandomState(seed).randint(0, LARGEST_SEED)
    return np.bincount(drawn, minlength=n_lines).astype(np.float64), int(walk)


@njit(cache=True, nogil=True)
@no_type_check
def _grow(columns, order, effect, weights, walk, max_depth, min_leaf, rounding):
    """One tree, and whether rounding left no doubt about it."""
    n_features, n_lines = columns.shape
    seen = np.count_nonzero(weights)
    rows = _seen_rows(order, weights, seen)
    weighted = weights * effect
    most = 2 ** (max_depth + 1) - 1
    feature, left, right = np.full(most, -1), np.full(most, -1), np.full(most, -1)
    threshold, value = np.zeros(most), np.zeros(most)
    features, constants = np.arange(n_features), np.empty(n_features, dtype=np.int64)
    state = np.array([walk])
    buffer = np.empty(seen, dtype=order.dtype)
    goes_left = np.zeros(n_lines, dtype=np.int64)
    n_all = weights.sum()
    # Nodes to come: start, end, depth, parent, whether a left child, constant features known.
    stack = np.zeros((max_depth + 2, 6), dtype=np.int64)
    impurities = np.zeros(max_depth + 2)
    stack[0, 1], stack[0, 3] = seen, -1
    height, count = 1, 0
    while height > 0:
        height -= 1
        start, end, depth, parent, is_left, known = stack[height]
        total, weight, squares = _totals(rows[0], start, end, weighted, weights, effect)
        impurity = (
            squares / weight - (total / weight) * (total / weight) if parent < 0 else impurities[height]
        )
        node, count = count, count + 1
        value[node] = total / weight
        if parent >= 0 and is_left:
            left[parent] = node
        elif parent >= 0:
            right[parent] = node
        if depth >= max_depth or end - start < 2 * min_leaf or end - start < 2:
            continue
        if rounding > 0.0 and impurity <= EPSILON + rounding * n_lines:
            return (feature, left, right, threshold, value), False
        if impurity <= EPSILON:
            continue
        best, place, cut, known = best_split(
            columns,
            rows,
            start,
            end,
            weighted,
            weights,
            total,
            weight,
            min_leaf,
            features,
            constants,
            known,
            state,
        )
        if best < 0:
            continue
        part = _totals(rows[best], start, place, weighted, weights, effect)
        gain, impurity_left, impurity_right = _worth(impurity, total, weight, squares, part, n_all)
        if rounding > 0.0 and gain + EPSILON < rounding:
            return (feature, left, right, threshold, value), False
        if gain + EPSILON < 0.0:
            continue
        feature[node], threshold[node] = best, cut
        # A leaf to be needs its lines only, of whatever feature.
        splits = depth + 1 < max_depth and max(place - start, end - place) >= 2 * min_leaf
        _divide(rows, best, start, place, end, n_features if splits else 1, goes_left, buffer)
        stack[height] = place, end, depth + 1, node, 0, known
        stack[height + 1] = start, place, depth + 1, node, 1, known
        impurities[height], impurities[height + 1] = impurity_right, impurity_left
        height += 2
    return (feature[:count], left[:count], right[:count], threshold[:count], value[:count]), True


@njit(cache=True, nogil=True)
@no_type_check
def _seen_rows(order, weights, seen):
    """Of each feature: the lines seen, by ascending value. One place more, which means nothing."""
    rows = np.empty((order.shape[0], seen + 1), dtype=order.dtype)
    for f in range(order.shape[0]):
        k = 0
        for line in order[f]:
            rows[f, k] = line
            k += weights[line] > 0
    return rows


@njit(cache=True, nogil=True)
@no_type_check
def _divide(rows, best, start, place, end, n_features, goes_left, buffer):
    """Put a node's lines, in the order of each of the first features, the left child's before the right's."""
    for i in range(start, end):
        goes_left[rows[best, i]] = i < place
    for f in range(n_features):
        _part(rows[f], start, end, goes_left, buffer)


@njit(cache=True, nogil=True)
@no_type_check
def _totals(row, start, end, weighted, weights, effect):
    """Of some lines: sum of the effect, of weights, and of the effect's squares."""
    total, weight, squares = 0.0, 0.0, 0.0
    for i in range(start, end):
        line = row[i]
        total += weighted[line]
        weight += weights[line]
        squares += weighted[line] * effect[line]
    return total, weight, squares


@njit(cache=True, nogil=True)
@no_type_check
def _worth(impurity, total, weight, squares, part, n_all):
    """By how much a split lowers the impurity (weighted), and what is left of it on either side."""
    left, left_weight, left_squares = part
    right, right_weight = total - left, weight - left_weight
    mean_left, mean_right = left / left_weight, right / right_weight
    impurity_left = left_squares / left_weight - mean_left * mean_left
    impurity_right = (squares - left_squares) / right_weight - mean_right * mean_right
    kept = impurity - (right_weight / weight * impurity_right) - (left_weight / weight * impurity_left)
    return (weight / n_all) * kept, impurity_left, impurity_right


@njit(cache=True, nogil=True)
@no_type_check
def _part(row, start, end, goes_left, buffer):
    """Lines that go left before those that go right, each in their order."""
    k, rest = start, 0
    for i in range(start, end):
        line = row[i]
        row[k] = line
        buffer[rest] = line
        k += goes_left[line]
        rest += 1 - goes_left[line]
    row[k:end] = buffer[:rest]


@njit(cache=True, nogil=True)
@no_type_check
def _add_unseen(columns, weights, feature, left, right, threshold, value, total, unseen):
    """Add a tree's predictions for the lines it did not see."""
    for i in range(weights.size):
        if weights[i] == 0.0:
            node = 0
            while feature[node] >= 0:
                goes_left = np.float64(columns[feature[node], i]) <= threshold[node]
                node = left[node] if goes_left else right[node]
            total[i] += value[node]
            unseen[i] += 1.0
