"""The critical values of Benjamini-Hochberg, for very many rows of test statistics' magnitudes, unsorted.

The largest j with p_(j) < fdr * j / m is found by going down from j = m: replacing j by the number of p below
fdr * j / m reaches it in a few steps, each over fewer genes, because that number grows with j.
"""

from collections.abc import Callable
from typing import no_type_check

import numpy as np
from jaxtyping import Float64, Int64

from modeling.numba_cache import njit
from modeling.statistics.p_values import TestTable

# Magnitudes are right to about 1e-15 (at worst 1e-11, relatively, of those near a critical one: see
# `modeling.selection.torch_association`); within this relative distance of a critical one scipy's p decides.
CLOSE = 1e-9
NONE_KEPT = np.inf

RecomputeExact = Callable[[Int64[np.ndarray, " k"]], None]


def critical_values_of(
    magnitude: Float64[np.ndarray, "targets genes"],
    rows: Int64[np.ndarray, " k"],
    table: TestTable,
    fdr: float,
    recompute_exact: RecomputeExact | None = None,
) -> Float64[np.ndarray, " k"]:
    """For each of the k rows (targets), the magnitude that q < fdr takes; infinite where no gene has it.

    Genes that cannot be tested have magnitude 0 in every row and are as many as `genes - table.tested`.
    Before rows are decided by the last bits of their magnitudes, `recompute_exact` gives them the CPU's own
    bits.
    """
    critical_values = np.full(len(rows), NONE_KEPT)
    if table.tested:
        _search(magnitude, rows, table.critical, critical_values)
    close = np.flatnonzero(np.isnan(critical_values))
    if close.size and recompute_exact is not None:
        recompute_exact(rows[close])
    for i in close:
        critical_values[i] = _exact_critical_value(magnitude[rows[i]], table, fdr)
    return critical_values


def _exact_critical_value(magnitude: Float64[np.ndarray, " genes"], table: TestTable, fdr: float) -> float:
    """The weakest magnitude with q < fdr, by sorting and scipy's p: for the rows too close to call."""
    descending = np.sort(magnitude)[::-1][: table.tested]
    share = np.arange(1, table.tested + 1) / table.tested
    passing = np.flatnonzero(np.sort(table.exact(descending)) / share < fdr)
    return float(descending[passing[-1]]) if passing.size else NONE_KEPT


@njit
@no_type_check
def _search(magnitude, rows, critical, critical_values):
    """Set every row's critical value; NaN where the answer depends on a magnitude close to a critical one."""
    room = np.empty(magnitude.shape[1])
    for i in range(len(rows)):
        most = _step_up(magnitude[rows[i]], critical, len(critical), 1.0 - CLOSE, room)
        if most == 0:
            continue
        # No more than before can pass now, and those are among the ones gathered.
        fewest = _step_up(room[:most], critical, most, 1.0 + CLOSE, room)
        critical_values[i] = critical[most - 1] if fewest == most else np.nan


@njit
@no_type_check
def _step_up(row, critical, most, leeway, room):
    """Largest j, at most `most`, such that j magnitudes exceed the j-th critical one times leeway; or 0.

    The front of `room` then holds those j.
    """
    j = most
    size = _gather(row, critical[j - 1] * leeway, room)
    while size < j:
        j = size
        if j == 0:
            break
        size = _gather(room[:size], critical[j - 1] * leeway, room)
    return min(j, size)


@njit
@no_type_check
def _gather(values, critical_value, room):
    """Move values above the critical value to the front of room (maybe the same memory); return how many."""
    size = 0
    for value in values:
        room[size] = value
        size += value > critical_value
    return size
