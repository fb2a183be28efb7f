"""Growing a regression tree: exact best splits by squared error, every feature sorted once.

A tree of depth d is kept as a heap of 2^(d+1) − 1 nodes: the children of node i are 2i+1 (x <= threshold)
and 2i+2. A leaf's feature is −1.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.numba_cache import njit

# Neighbouring values no further apart count as equal, as in scikit-learn.
SAME_VALUE = np.float32(1e-7)
# A later split must gain this share of the node's squares more than an earlier one to replace it: two
# features that split the lines alike sum them in another order and differ by rounding.
TIE = 1e-12


def sorted_lines(
    features: Float32[np.ndarray, "lines features"],
) -> tuple[Int64[np.ndarray, "features lines"], Float32[np.ndarray, "features lines"]]:
    """Per feature the line numbers by ascending value (then line number), and the values so sorted.

    The bits of a float32 are mapped to an integer of the same order and sorted with the line number below
    them: several times faster than a stable argsort of floats.
    """
    bits = np.ascontiguousarray(features.T + np.float32(0.0)).view(np.uint32)
    negative = bits >> 31 == 1
    ordered = np.where(negative, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    keys = np.sort((ordered << np.uint64(32)) | np.arange(features.shape[0], dtype=np.uint64), axis=1)
    lines = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return lines, np.take_along_axis(np.ascontiguousarray(features.T), lines, axis=1)


def grow(
    lines: Int64[np.ndarray, "features lines"],
    values: Float32[np.ndarray, "features lines"],
    effect: Float64[np.ndarray, " lines"],
    max_depth: int,
) -> tuple[Int64[np.ndarray, " nodes"], Float64[np.ndarray, " nodes"], Float64[np.ndarray, " nodes"]]:
    """Feature, threshold and mean effect of every node of the heap, from `sorted_lines` and the effect.

    A node is split by the largest fall of the sum of squares; ties go to the lowest feature, then the lowest
    threshold. A pure node, one whose lines agree in every feature, or one never reached is a leaf.
    """
    return _grow(lines, values, effect, max_depth)


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
def _grow(
    lines: np.ndarray, values: np.ndarray, effect: np.ndarray, max_depth: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n_nodes = 2 ** (max_depth + 1) - 1
    feature = np.full(n_nodes, -1)
    threshold = np.zeros(n_nodes)
    value = np.zeros(n_nodes)
    node_of = np.zeros(effect.size, dtype=np.int64)
    mean = effect.mean()
    centred = effect - mean
    for depth in range(max_depth + 1):
        first, last = 2**depth - 1, 2 ** (depth + 1) - 1
        counts, sums, squares, pure = _node_totals(node_of, centred, first, last)
        for node in range(first, last):
            if counts[node - first] > 0:
                value[node] = mean + sums[node - first] / counts[node - first]
        if depth < max_depth:
            _best_splits(
                lines, values, node_of, centred, first, counts, sums, squares, pure, feature, threshold
            )
            _send_down(lines, values, node_of, first, last, feature, threshold)
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
def _best_splits(
    lines: np.ndarray,
    values: np.ndarray,
    node_of: np.ndarray,
    centred: np.ndarray,
    first: int,
    counts: np.ndarray,
    sums: np.ndarray,
    squares: np.ndarray,
    pure: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
) -> None:
    """Write the best split of every open node of a level into `feature` and `threshold`."""
    n = counts.size
    best = np.full(n, -np.inf)
    left_sum, before = np.zeros(n), np.zeros(n, dtype=np.float32)
    left_count = np.zeros(n, dtype=np.int64)
    inverse = 1.0 / np.maximum(np.arange(centred.size + 1), 1)
    for f in range(lines.shape[0]):
        left_sum[:], left_count[:] = 0.0, 0
        for position in range(lines.shape[1]):
            i = lines[f, position]
            k = node_of[i] - first
            if k < 0 or pure[k]:
                continue
            x, count = values[f, position], left_count[k]
            if count > 0 and x > before[k] + SAME_VALUE:
                right_sum = sums[k] - left_sum[k]
                gain = left_sum[k] ** 2 * inverse[count] + right_sum**2 * inverse[counts[k] - count]
                if gain > best[k] + TIE * squares[k]:
                    best[k] = gain
                    feature[first + k] = f
                    threshold[first + k] = _between(before[k], x)
            left_sum[k] += centred[i]
            left_count[k] = count + 1
            before[k] = x


@njit
@no_type_check
def _between(low: float, high: float) -> float:
    """The middle of two float32 values, in float64; never the upper one, which must go right."""
    middle = np.float64(low) / 2.0 + np.float64(high) / 2.0
    return np.float64(low) if middle == np.float64(high) else middle


@njit
@no_type_check
def _send_down(
    lines: np.ndarray,
    values: np.ndarray,
    node_of: np.ndarray,
    first: int,
    last: int,
    feature: np.ndarray,
    threshold: np.ndarray,
) -> None:
    """Move every line of a split node to its child, and take the lines of leaves out (−1)."""
    moved = np.full(node_of.size, -1)
    for node in range(first, last):
        f = feature[node]
        if f >= 0:
            for position in range(lines.shape[1]):
                i = lines[f, position]
                if node_of[i] == node:
                    moved[i] = 2 * node + (1 if values[f, position] <= threshold[node] else 2)
    node_of[:] = moved


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
