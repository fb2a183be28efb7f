"""Growing the trees of a random forest (Breiman 2001) from features that are sorted once for all trees.

The sorted lines are split with the nodes, so no node sorts again. A split is the one that lowers the variance
most (CART, Breiman and others 1984); of equally good ones the first in a random order of the features wins,
drawn again in every node. Resampled lines come from numpy's legacy generator, whose stream numpy has frozen.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.candidates.trees.forest_splits import best_split
from modeling.candidates.trees.growing import LINE, sorted_keys
from modeling.numba_cache import njit

EPSILON = np.finfo(np.float64).eps
LARGEST_SEED = 2**31 - 1


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
) -> GrownForest:
    """A forest of so many trees, each grown on as many lines as there are, drawn with replacement.

    A node is a leaf at `max_depth`, where no split leaves `min_leaf` different lines on both sides, or where
    its variance is at most 2.2e-16, in the effect's own units. The same arguments give the same bits.
    """
    n_lines = len(effect)
    order, columns = (sorted_keys(features) & LINE).astype(np.int32), np.ascontiguousarray(features.T)
    total, unseen = np.zeros(n_lines), np.zeros(n_lines)
    grown = []
    for seed in _draws(random_state, trees):
        weights, walk = _resampled(seed, n_lines)
        tree = GrownTree(*_grow(columns, order, effect, weights, walk, max_depth, min_leaf))
        grown.append(tree)
        _add_unseen(columns, weights, *tree, total, unseen)
    return GrownForest(tuple(grown), total / np.maximum(unseen, 1.0))


def _draws(random_state: int, trees: int) -> list[int]:
    """A seed for each tree."""
    generator = np.random.RandomState(random_state)
    return [int(generator.randint(LARGEST_SEED)) for _ in range(trees)]


def _resampled(seed: int, n_lines: int) -> tuple[Float64[np.ndarray, " lines"], int]:
    """How often a tree sees each line, and where its walk through the features starts: one seed for both."""
    drawn = np.random.RandomState(seed).randint(0, n_lines, n_lines)
    walk = np.random.RandomState(seed).randint(0, LARGEST_SEED)
    return np.bincount(drawn, minlength=n_lines).astype(np.float64), int(walk)


@njit
@no_type_check
def _grow(columns, order, effect, weights, walk, max_depth, min_leaf):
    """The arrays of one `GrownTree`; nodes are numbered depth first, left before right."""
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
        if impurity <= EPSILON:
            continue
        sums = weighted, weights, total, weight
        best, place, cut, known = best_split(
            columns, rows, start, end, *sums, min_leaf, features, constants, known, state
        )
        if best < 0:
            continue
        part = _totals(rows[best], start, place, weighted, weights, effect)
        gain, impurity_left, impurity_right = _worth(impurity, total, weight, squares, part, n_all)
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
    return feature[:count], left[:count], right[:count], threshold[:count], value[:count]


@njit
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


@njit
@no_type_check
def _divide(rows, best, start, place, end, n_features, goes_left, buffer):
    """Put a node's lines, in the order of each of the first features, the left child's before the right's."""
    for i in range(start, end):
        goes_left[rows[best, i]] = i < place
    for f in range(n_features):
        _part(rows[f], start, end, goes_left, buffer)


@njit
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


@njit
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


@njit
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


@njit
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
