"""The best split of a node of a forest's tree, on lines already sorted by feature."""

from typing import no_type_check

import numpy as np

from modeling.candidates.trees.growing import SAME_VALUE
from modeling.numba_cache import njit


@njit
@no_type_check
def best_split(
    columns, rows, start, end, weighted, weights, total, weight, min_leaf, features, constants, known, state
):
    """Feature (−1: none), place and threshold of a node's best split; how many constant features are known.

    Features come in random order (Fisher and Yates' shuffle, one swap at a time). Those that the parents know
    to be constant here are passed over; new ones are remembered for the children.
    """
    best_proxy, best, place, cut = -np.inf, -1, end, 0.0
    f_i, visited, found, drawn, constant = features.size, 0, 0, 0, known
    while f_i > constant and (visited < features.size or visited <= found + drawn):
        visited += 1
        f_j = drawn + _next_random(state) % (f_i - found - drawn)
        if f_j < known:
            features[drawn], features[f_j] = features[f_j], features[drawn]
            drawn += 1
            continue
        f_j += found
        f = features[f_j]
        row, column = rows[f], columns[f]
        if column[row[end - 1]] <= column[row[start]] + SAME_VALUE:
            features[f_j], features[constant] = features[constant], features[f_j]
            found += 1
            constant += 1
            continue
        f_i -= 1
        features[f_i], features[f_j] = features[f_j], features[f_i]
        proxy, p = _best_place(
            row, column, start, end, weighted, weights, total, weight, min_leaf, best_proxy
        )
        if p < end:
            best_proxy, best, place = proxy, f, p
            cut = np.float64(column[row[p - 1]]) / 2.0 + np.float64(column[row[p]]) / 2.0
    features[:known] = constants[:known]
    constants[known:constant] = features[known:constant]
    return best, place, cut, constant


@njit
@no_type_check
def _best_place(row, column, start, end, weighted, weights, total, weight, min_leaf, proxy):
    """The first place where a feature parts a node better than `proxy` and any other; `end` if none does."""
    place = end
    left, left_weight = 0.0, 0.0
    for i in range(start, start + min_leaf - 1):
        left += weighted[row[i]]
        left_weight += weights[row[i]]
    before = column[row[start + min_leaf - 1]]
    for p in range(start + min_leaf, end - min_leaf + 1):
        left += weighted[row[p - 1]]
        left_weight += weights[row[p - 1]]
        x = column[row[p]]
        if x > before + SAME_VALUE:
            right = total - left
            here = left * left / left_weight + right * right / (weight - left_weight)
            if here > proxy:
                proxy, place = here, p
        before = x
    return proxy, place


@njit
@no_type_check
def _next_random(state):
    """31 bits of Marsaglia's 32-bit XorShift (2003)."""
    x = state[0] if state[0] != 0 else 1
    x ^= (x << 13) & 0xFFFFFFFF
    x ^= x >> 17
    x ^= (x << 5) & 0xFFFFFFFF
    state[0] = x
    return x % 2147483648
