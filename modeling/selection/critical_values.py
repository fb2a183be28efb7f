"""The critical values of Benjamini-Hochberg, for very many rows of rough magnitudes, unsorted.

The largest j with p_(j) < fdr * j / m is found by going down from j = m: replacing j by the number of p below
fdr * j / m reaches it in a few steps, each over fewer genes, because that number grows with j. It is found
twice, as if all magnitudes were larger by their error, and smaller. Where both agree, no gene is near enough
to matter. Where not, the few genes in between are computed exactly, and scipy's p decides.
"""

from collections.abc import Callable
from typing import no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.numba_cache import njit
from modeling.statistics.p_values import TestTable

NONE_KEPT = np.inf

# (row, genes) to their magnitudes, exactly.
ExactMagnitudes = Callable[[int, Int64[np.ndarray, " k"]], Float64[np.ndarray, " k"]]


def critical_values_of(
    rough: Float32[np.ndarray, "targets genes"],
    error: float,
    rows: Int64[np.ndarray, " k"],
    table: TestTable,
    fdr: float,
    exact: ExactMagnitudes,
) -> Float64[np.ndarray, " k"]:
    """For each of the k rows (targets), the exact magnitude that q < fdr takes; infinite where none has it.

    Genes that cannot be tested have magnitude 0 in every row and are as many as `genes - table.tested`.

    Args:
        error: how far a rough magnitude may be off.
        exact: asked for the genes of a row that are too near a critical value.
    """
    critical_values = np.full(len(rows), NONE_KEPT)
    if not table.tested:
        return critical_values
    bounds = np.tile(np.array([0, table.tested]), (len(rows), 1))
    if table.critical[-1] > error:  # else even a magnitude of 0 is in doubt, and all are computed exactly
        _search(rough, rows, table.critical, error, bounds)
    for i, (fewest, most) in enumerate(bounds.tolist()):
        if fewest < most:
            critical_values[i] = _decide(rough[rows[i]], error, fewest, most, table, fdr, int(rows[i]), exact)
        elif most:
            critical_values[i] = table.critical[most - 1]
    return critical_values


def _decide(
    rough: Float32[np.ndarray, " genes"],
    error: float,
    fewest: int,
    most: int,
    table: TestTable,
    fdr: float,
    row: int,
    exact: ExactMagnitudes,
) -> float:
    """The critical value of a row of which at least `fewest` genes and at most `most` are kept."""
    surely = table.critical[fewest - 1] if fewest else NONE_KEPT
    lower, upper = np.float32(table.critical[most - 1] - error), np.float32(surely + error)
    doubtful = np.flatnonzero((rough > lower) & (rough <= upper))
    descending = np.sort(exact(row, doubtful))[::-1][: table.tested - fewest]
    share = np.arange(fewest + 1, fewest + 1 + len(descending)) / table.tested
    passing = np.flatnonzero(np.sort(table.exact(descending)) / share < fdr)
    # A doubtful gene may be stronger than one that is kept for sure, so its magnitude alone is no bar.
    return float(min(descending[passing[-1]], surely)) if passing.size else float(surely)


@njit
@no_type_check
def _search(rough, rows, critical, error, bounds):
    """Set how many genes of every row are kept, at least and at most."""
    room = np.empty(rough.shape[1], dtype=rough.dtype)
    for i in range(len(rows)):
        most = _step_up(rough[rows[i]], critical, len(critical), -error, room)
        # No more than before can pass now, and those are among the ones gathered.
        bounds[i, 0] = _step_up(room[:most], critical, most, error, room)
        bounds[i, 1] = most


@njit
@no_type_check
def _step_up(row, critical, most, leeway, room):
    """Largest j, at most `most`, such that j magnitudes exceed the j-th critical one plus leeway; or 0.

    The front of `room` then holds those j.
    """
    j = most
    while j > 0:
        size = _gather(row, np.float32(critical[j - 1] + leeway), room)
        if size >= j:
            return j
        row, j = room[:size], size
    return 0


@njit
@no_type_check
def _gather(values, critical_value, room):
    """Move values above the critical value to the front of room (maybe the same memory); return how many."""
    size = 0
    for value in values:
        room[size] = value
        size += value > critical_value
    return size
