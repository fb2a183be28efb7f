"""Growing a regression tree: exact best splits by squared error, every feature sorted once.

A tree of depth d is kept as a heap of 2^(d+1) − 1 nodes: the children of node i are 2i+1 (x <= threshold)
and 2i+2. A leaf's feature is −1.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt64

from modeling.numba_cache import njit

# Neighbouring values no further apart count as equal, as in scikit-learn.
SAME_VALUE = np.float32(1e-7)
# A later split must gain this share of the node's squares more than an earlier one to replace it: two
# features that split the lines alike sum them in another order and differ by rounding.
TIE = 1e-12


LINE = np.uint64(0xFFFFFFFF)  # the bits of a key that name its line


def sorted_keys(features: Float32[np.ndarray, "lines features"]) -> UInt64[np.ndarray, "features lines"]:
    """Per feature a key for each line, ascending by value, then by line number.

    The bits of a float32 are mapped to an integer of the same order, with the line number below them: that
    sorts several times faster than a stable argsort of floats.
    """
    bits = np.ascontiguousarray(features.T + np.float32(0.0)).view(np.uint32)  # -0 is 0
    keys = _keys_of(bits)
    keys.sort(axis=1)
    return keys


def grow(
    keys: UInt64[np.ndarray, "features lines"], effect: Float64[np.ndarray, " lines"], max_depth: int
) -> tuple[Int64[np.ndarray, " nodes"], Float64[np.ndarray, " nodes"], Float64[np.ndarray, " nodes"]]:
    """Feature, threshold and mean effect of every node of the heap, from `sorted_keys` and the effect.

    A node is split by the largest fall of the sum of squares; ties go to the lowest feature, then the lowest
    threshold. A pure node, one whose lines agree in every feature, or one never reached is a leaf. The keys
    are written over: a node's lines are kept together, in the order of each feature.
    """
    return _grow(keys, effect, max_depth)


def predict_heap(
    features: Float32[np.ndarray, "lines features"],
    feature: Int64[np.ndarray, " nodes"],
    threshold: Float64[np.ndarray, " nodes"],
    value: Float64[np.ndarray, " nodes"],
) -> Float64[np.ndarray, " lines"]:
    """Value of the leaf that each row of features falls into."""
    return _predict_heap(features, feature, threshold, value)


@njit
@no_type_check
def _keys_of(bits: np.ndarray) -> np.ndarray:
    keys = np.empty(bits.shape, dtype=np.uint64)
    for f in range(bits.shape[0]):
        for line in range(bits.shape[1]):
            bit = bits[f, line]
            ordered = ~bit if bit >> 31 else bit | np.uint32(1 << 31)
            keys[f, line] = (np.uint64(ordered) << np.uint64(32)) | np.uint64(line)
    return keys


@njit
@no_type_check
def _grow(keys: np.ndarray, effect: np.ndarray, max_depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n_nodes = 2 ** (max_depth + 1) - 1
    feature = np.full(n_nodes, -1)
    threshold = np.zeros(n_nodes)
    value = np.zeros(n_nodes)
    node_of = np.zeros(effect.size, dtype=np.int64)
    mean = effect.mean()
    centred = effect - mean
    inverse = 1.0 / np.maximum(np.arange(effect.size + 1), 1)
    starts, lefts, other = np.zeros(1, dtype=np.int64), np.zeros(n_nodes, dtype=np.int64), np.empty_like(keys)
    for depth in range(max_depth + 1):
        first, last = 2**depth - 1, 2 ** (depth + 1) - 1
        counts, sums, squares, pure = _node_totals(node_of, centred, first, last)
        for node in range(first, last):
            k = node - first
            if counts[k] > 0:
                value[node] = mean + sums[k] / counts[k]
            if depth < max_depth and counts[k] > 0 and not pure[k]:
                mine = keys[:, starts[k] : starts[k] + counts[k]]
                split = _best_split(mine, centred, sums[k], squares[k], inverse)
                feature[node], threshold[node], lefts[node] = split
        if depth < max_depth:
            moved = keys.shape[0] if depth + 1 < max_depth else 0  # no feature is looked at again
            level = feature[first:last], lefts[first:last]
            starts = _send_down(keys, other, moved, node_of, starts, counts, *level)
            keys, other = other, keys
    return feature, threshold, value


@njit
@no_type_check
def _node_totals(
    node_of: np.ndarray, centred: np.ndarray, first: int, last: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of each node of a level: number of lines, sum, sum of squares, and whether all effects are equal."""
    counts = np.zeros(last - first, dtype=np.int64)
    sums, squares = np.zeros(last - first), np.zeros(last - first)
    low, high = np.full(last - first, np.inf), np.full(last - first, -np.inf)
    for i in range(node_of.size):
        k = node_of[i] - first
        if k >= 0:
            counts[k] += 1
            sums[k] += centred[i]
            squares[k] += centred[i] * centred[i]
            low[k], high[k] = min(low[k], centred[i]), max(high[k], centred[i])
    return counts, sums, squares, high <= low


@njit
@no_type_check
def _best_split(
    keys: np.ndarray, centred: np.ndarray, total: float, squares: float, inverse: np.ndarray
) -> tuple[int, float, int]:
    """Of a node whose lines the keys name the best split: feature (-1: none), threshold, how many go left."""
    count = keys.shape[1]
    left, gain = np.empty(count), np.empty(count)
    bits = np.empty(count, dtype=np.uint32)
    value = bits.view(np.float32)
    best, feature, threshold, lefts = -np.inf, -1, 0.0, 0
    other_inverse = inverse[count - np.arange(count)]  # of the lines on the right
    for f in range(keys.shape[0]):
        row, running = keys[f], 0.0
        for i in range(count):
            left[i] = running
            running += centred[row[i] & LINE]
        for i in range(count):
            ordered = np.uint32(row[i] >> np.uint64(32))
            bits[i] = ordered & np.uint32(0x7FFFFFFF) if ordered >> 31 else ~ordered
        above, bar = 0, best + TIE * squares
        for i in range(1, count):
            right = total - left[i]
            gain[i] = left[i] * left[i] * inverse[i] + right * right * other_inverse[i]
            if not value[i] > value[i - 1] + SAME_VALUE:
                gain[i] = -np.inf
        for i in range(1, count):
            if gain[i] > bar:
                above += 1
        if above == 0:
            continue
        for i in range(1, count):
            if gain[i] > best + TIE * squares:
                best, feature, lefts = gain[i], f, i
                threshold = _between(value[i - 1], value[i])
    return feature, threshold, lefts


@njit
@no_type_check
def _between(low: float, high: float) -> float:
    """The middle of two float32 values, in float64; never the upper one, which must go right."""
    middle = np.float64(low) / 2.0 + np.float64(high) / 2.0
    return np.float64(low) if middle == np.float64(high) else middle


@njit
@no_type_check
def _send_down(
    keys: np.ndarray,
    out: np.ndarray,
    moved: int,
    node_of: np.ndarray,
    starts: np.ndarray,
    counts: np.ndarray,
    feature: np.ndarray,
    lefts: np.ndarray,
) -> np.ndarray:
    """Move every line of a split node to its child, and take the lines of leaves out (-1).

    The keys of the first features, so many as are `moved`, go to `out`, each child's together and in the
    order they had. Returns where the children start.
    """
    goes_left = np.zeros(node_of.size, dtype=np.int64)
    below = np.zeros(2 * counts.size, dtype=np.int64)
    first = counts.size - 1  # the number of the level's first node
    node_of[:] = -1
    for k in range(counts.size):
        start, end = starts[k], starts[k] + counts[k]
        if counts[k] == 0 or feature[k] < 0:
            continue
        middle = start + lefts[k]
        for position in range(start, end):
            line, left = keys[feature[k], position] & LINE, position < middle
            goes_left[line], node_of[line] = left, 2 * (first + k) + (1 if left else 2)
        below[2 * k], below[2 * k + 1] = start, middle
        for f in range(moved):
            at_left, at_right = start, middle
            for position in range(start, end):
                key = keys[f, position]
                left = goes_left[key & LINE]
                out[f, at_left if left else at_right] = key
                at_left += left
                at_right += 1 - left
    return below


@njit
@no_type_check
def _predict_heap(
    features: np.ndarray, feature: np.ndarray, threshold: np.ndarray, value: np.ndarray
) -> np.ndarray:
    predicted = np.empty(features.shape[0])
    for i in range(features.shape[0]):
        node = 0
        while feature[node] >= 0:
            node = 2 * node + (1 if features[i, feature[node]] <= threshold[node] else 2)
        predicted[i] = value[node]
    return predicted
