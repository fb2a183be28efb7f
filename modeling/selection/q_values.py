"""Benjamini-Hochberg q of a few genes among very many, exactly, with little sorted or computed exactly.

q is the minimum of p_(j) m / j over the genes of this magnitude or less, with j the number of genes at least
as strong. Rough magnitudes say which genes may decide that (`modeling.selection.buckets`): those, and those
beside them, get their exact magnitudes and so their j.
"""

from collections.abc import Callable, Iterator
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from modeling.numba_cache import njit
from modeling.selection.buckets import buckets_of, contenders_of, interpolated, longer
from modeling.statistics.p_values import TestTable

ROWS_AT_ONCE = 32  # whose contenders are held together: nearly all genes, if the worst comes
ALIKE = 1e-13  # exact magnitudes no further apart may be told apart by their last bits alone

# Rows (targets) and columns (genes), as many of each, to their exact magnitudes.
ExactMagnitudes = Callable[[Int64[np.ndarray, " k"], Int64[np.ndarray, " k"]], Float64[np.ndarray, " k"]]


def q_values(
    rough: Float32[np.ndarray, "targets genes"],
    error: float,
    defined: Bool[np.ndarray, " genes"],
    exact: ExactMagnitudes,
    reported: ExactMagnitudes,
    settled_from: float,
    table: TestTable,
    rows: Int64[np.ndarray, " k"],
    columns: Int64[np.ndarray, " k"],
) -> Float64[np.ndarray, " k"]:
    """Q of k genes of some targets, each among all genes tested with its target.

    As `statsmodels.stats.multitest.multipletests(p, method="fdr_bh")`. Where the minimum lies is found with
    interpolated p; its value is computed with scipy's, so its relative error is below 4 times
    `p_values.LOG_P_TOLERANCE` even if two places nearly tie. A gene of magnitude 0 has q = 1, whether it is
    tested or not.

    Args:
        rough: the magnitude of every gene.
        error: how far it may be off.
        defined: which genes may have another magnitude than 0, by exact computation.
        exact: gives exact magnitudes, which place genes.
        reported: gives those whose p are reported: the same but for the last bits. Of genes that those alone
            tell apart, the smallest counts.
        settled_from: above it `exact` gives the reported bits, too.
        rows, columns: of `rough`: the k genes and their targets, in ascending order of rows.
    """
    q = np.ones(len(rows))
    asked = defined[columns]
    rows, columns = rows[asked], columns[asked]
    groups = [
        _places(rough, error, defined, exact, settled_from, table, rows[group], columns[group])
        for group in _groups(rows)
    ]
    if not groups:
        return q
    where, which, sizes, place_of, ranks = (np.concatenate(arrays) for arrays in zip(*groups, strict=True))
    least = np.minimum.reduceat(reported(where, which), np.cumsum(sizes) - sizes)
    counts = [len(group[2]) for group in groups]
    place_of += np.repeat(np.cumsum(counts) - counts, [len(group[3]) for group in groups])
    q[asked] = np.minimum(table.exact(least)[place_of] / (ranks / table.tested), 1.0)
    return q


def _groups(rows: Int64[np.ndarray, " k"]) -> Iterator[slice]:
    """Neighbours of at most `ROWS_AT_ONCE` rows."""
    starts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1])[: len(rows)])[::ROWS_AT_ONCE].tolist()
    yield from map(slice, starts, [*starts[1:], len(rows)])


def _places(
    rough: Float32[np.ndarray, "targets genes"],
    error: float,
    defined: Bool[np.ndarray, " genes"],
    exact: ExactMagnitudes,
    settled_from: float,
    table: TestTable,
    rows: Int64[np.ndarray, " k"],
    columns: Int64[np.ndarray, " k"],
) -> tuple[np.ndarray, ...]:
    """Where q is reached.

    Returns:
        (rows, columns, sizes, place_of, ranks): the genes there, place by place: one, or several that are as
        strong but for the last bits; how many; and for each gene asked for its place and rank j.
    """
    buckets = buckets_of(table, error)
    bounds = buckets.highest, buckets.lowest, table.log_rank
    contenders = contenders_of(rough, defined, rows, columns, buckets.geometry, *bounds)
    magnitude = exact(contenders[0], contenders[1])
    log_p = interpolated(magnitude, table)
    beyond = np.flatnonzero(magnitude > table.limit)
    if beyond.size:
        with np.errstate(divide="ignore"):
            log_p[beyond] = np.log(table.exact(magnitude[beyond]))
    ends = np.append(np.flatnonzero(np.diff(contenders[0])) + 1, len(magnitude)).tolist()
    order = np.empty(len(magnitude), dtype=np.int64)
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        order[start:end] = start + np.argsort(magnitude[start:end])
    found = _minima(*contenders, magnitude, order, log_p, table.log_rank, settled_from, rows, columns)
    return contenders[0][found[0]], contenders[1][found[0]], *found[1:]


@njit
@no_type_check
def _minima(
    found_rows, found, contends, stronger, magnitude, order, log_p, log_rank, settled_from, rows, columns
):
    """For each gene asked for, the contenders where q is reached; see `_places`.

    `order` has those of each row by ascending magnitude.
    """
    reached, size = np.empty(len(rows) + 1, dtype=np.int64), 0
    sizes, places, known = np.empty(len(rows), dtype=np.int64), 0, np.full(len(found), -1)
    place_of, ranks = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    lowest, lowest_rank = np.empty(len(found), dtype=np.int64), np.empty(len(found), dtype=np.int64)
    ascending = magnitude[order]
    asked, start = 0, 0
    while start < len(found_rows):
        end = start
        while end < len(found_rows) and found_rows[end] == found_rows[start]:
            end += 1
        best, best_place, best_rank, tied = np.inf, start, 1, start
        for i in range(start, end):
            one = order[i]
            if ascending[i] > ascending[tied]:
                tied = i
            # Those as strong or stronger: of the genes here, and of those left out.
            j = end - tied + stronger[one]
            if contends[one] and log_p[one] - log_rank[j] <= best:
                best, best_place, best_rank = log_p[one] - log_rank[j], i, j
            lowest[i], lowest_rank[i] = best_place, best_rank
        while asked < len(rows) and rows[asked] == found_rows[start]:
            own = magnitude[start + np.searchsorted(found[start:end], columns[asked])]
            i = start + np.searchsorted(ascending[start:end], own, side="right") - 1
            low = high = lowest[i]
            ranks[asked] = lowest_rank[i]
            if known[low] < 0:
                known[low] = places
                own = ascending[low]
                while own <= settled_from and low > start and own - ascending[low - 1] <= ALIKE:
                    low -= 1
                while own <= settled_from and high + 1 < end and ascending[high + 1] - own <= ALIKE:
                    high += 1
                sizes[places] = high + 1 - low
                while len(reached) < size + sizes[places]:
                    reached = longer(reached)
                reached[size : size + sizes[places]] = order[low : high + 1]
                size += sizes[places]
                places += 1
            place_of[asked] = known[lowest[i]]
            asked += 1
        start = end
    return reached[:size], sizes[:places], place_of, ranks
