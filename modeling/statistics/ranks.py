"""Average ranks with ties, centred so that their products are exact in float64."""

from typing import no_type_check

import numpy as np
from jaxtyping import Float64, Int64
from numba import njit

BLOCK_ROWS = 1024  # bounds the memory of the sorting order


def centred_ranks(values: Float64[np.ndarray, "rows cell_lines"]) -> Float64[np.ndarray, "rows cell_lines"]:
    """Rank every row (average ranks for ties, as `scipy.stats.rankdata`) minus the mean rank (n + 1) / 2.

    The results are multiples of one half, so sums of their products are exact in float64 while
    n^3 < 2^53. A constant row gives zeros.
    """
    ranks = np.empty(values.shape, dtype=np.float64)
    for start in range(0, len(values), BLOCK_ROWS):
        block = values[start : start + BLOCK_ROWS]
        _rank_rows(block, np.argsort(block, axis=1), ranks[start : start + BLOCK_ROWS])
    return ranks


@njit(nogil=True, cache=True)
@no_type_check
def _rank_rows(
    values: Float64[np.ndarray, "rows cell_lines"],
    order: Int64[np.ndarray, "rows cell_lines"],
    ranks: Float64[np.ndarray, "rows cell_lines"],
) -> None:
    rows, lines = values.shape
    for row in range(rows):
        first = 0
        while first < lines:
            value = values[row, order[row, first]]
            end = first + 1
            while end < lines and values[row, order[row, end]] == value:
                end += 1
            # Positions first..end-1 share the rank (first + 1 + end) / 2; the mean rank is (lines + 1) / 2.
            centred = 0.5 * (first + end - lines)
            for position in range(first, end):
                ranks[row, order[row, position]] = centred
            first = end
