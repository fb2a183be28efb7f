"""Benjamini-Hochberg step-up over very many rows of test strengths, sorting only the rows that need it.

The largest j with p_(j) < fdr * j / m is found by going down from j = m: replacing j by the number of p-values
below fdr * j / m reaches it in a few steps, each over fewer genes, because that number grows with j.
"""

import numpy as np
from jaxtyping import Float64, Int64
from numba import njit

from modeling.pvalues import TestTable

# Strengths are right to about 1e-15; within this relative distance of a critical one scipy's p decides.
CLOSE = 1e-9
LARGEST_INSERTION = 24  # buckets with more values than this are sorted by numba's quicksort
NONE_KEPT = np.inf


def bars_of(
    strength: Float64[np.ndarray, "targets genes"],
    rows: Int64[np.ndarray, " k"],
    table: TestTable,
    fdr: float,
) -> Float64[np.ndarray, " k"]:
    """For each of the k rows (targets), the strength a gene needs for q < fdr; infinite where no gene has it.

    Genes that cannot be tested have strength 0 in every row and are as many as `genes - table.tested`.
    """
    bars = np.full(len(rows), NONE_KEPT)
    if table.tested:
        _search(strength, rows, table.critical, bars)
    for i in np.flatnonzero(np.isnan(bars)):
        bars[i] = _exact_bar(strength[rows[i]], table, fdr)
    return bars


def _exact_bar(strength: Float64[np.ndarray, " genes"], table: TestTable, fdr: float) -> float:
    """The weakest strength with q < fdr, by sorting and scipy's p: for the rows too close to call."""
    descending = np.sort(strength)[::-1][: table.tested]
    share = np.arange(1, table.tested + 1) / table.tested
    passing = np.flatnonzero(np.sort(table.exact(descending)) / share < fdr)
    return float(descending[passing[-1]]) if passing.size else NONE_KEPT


@njit(nogil=True, cache=True)
def _search(strength, rows, critical, bars):  # type: ignore[no-untyped-def]
    """Set every row's bar; NaN where the answer depends on a strength close to a critical one."""
    room = np.empty(strength.shape[1])
    for i in range(len(rows)):
        most = _step_up(strength[rows[i]], critical, 1.0 - CLOSE, room)
        if most == 0:
            continue
        fewest = _step_up(strength[rows[i]], critical, 1.0 + CLOSE, room)
        bars[i] = critical[most - 1] if fewest == most else np.nan


@njit(nogil=True, cache=True)
def _step_up(row, critical, leeway, room):  # type: ignore[no-untyped-def]
    """Largest j such that j strengths exceed the j-th critical one times leeway; 0 if there is none."""
    j = len(critical)
    size = _gather(row, critical[j - 1] * leeway, room)
    while size < j:
        j = size
        if j == 0:
            break
        size = _gather(room[:size], critical[j - 1] * leeway, room)
    return min(j, size)


@njit(nogil=True, cache=True)
def _gather(values, bar, room):  # type: ignore[no-untyped-def]
    """Move the values above the bar to the front of room (which may be the same memory); return their number."""
    size = 0
    for value in values:
        room[size] = value
        size += value > bar
    return size


def q_values(
    strength: Float64[np.ndarray, " genes"], table: TestTable, columns: Int64[np.ndarray, " k"]
) -> Float64[np.ndarray, " k"]:
    """Benjamini-Hochberg q of k genes among all tested ones, as `statsmodels` `multipletests("fdr_bh")`.

    q is the minimum of p_(j) m / j over the genes of this strength or less, with j the number of genes at least
    as strong. Where the minimum lies is found with interpolated p; its value is computed with scipy's, so its
    relative error is below 4 times `modeling.pvalues.LOG_P_TOLERANCE` even if two places are as good as equal.
    """
    ascending = _sorted(strength)[len(strength) - table.tested :]
    tabulated = int(np.searchsorted(ascending, table.limit, side="right"))
    with np.errstate(divide="ignore"):
        log_p_beyond = np.log(table.exact(ascending[tabulated:]))
    wanted = strength[columns]
    order = np.argsort(wanted)
    places = np.empty(len(columns), dtype=np.int64)
    places[order] = _minima(
        ascending, wanted[order], log_p_beyond, table.log_p, table.slope, table.step, table.log_rank
    )
    share = np.arange(table.tested, 0, -1)[places] / table.tested
    return np.minimum(table.exact(ascending[places]) / share, 1.0)


@njit(nogil=True, cache=True)
def _minima(ascending, wanted, log_p_beyond, log_p, slope, step, log_rank):  # type: ignore[no-untyped-def]
    """For each wanted strength (ascending), the place of the smallest p / rank among strengths up to it."""
    tested = len(ascending)
    tabulated = tested - len(log_p_beyond)
    places = np.empty(len(wanted), dtype=np.int64)
    best, place, done = np.inf, 0, 0
    for i in range(tested):
        while done < len(wanted) and wanted[done] < ascending[i]:
            places[done] = place
            done += 1
        if done == len(wanted):
            break
        if i < tabulated:
            score = _interpolate(ascending[i], log_p, slope, step)
        else:
            score = log_p_beyond[i - tabulated]
        score -= log_rank[tested - i]
        if score <= best:
            best, place = score, i
    places[done:] = place
    return places


@njit(nogil=True, cache=True)
def _interpolate(strength, log_p, slope, step):  # type: ignore[no-untyped-def]
    """Cubic Hermite interpolation of log p."""
    at = strength / step
    knot = min(int(at), len(log_p) - 2)
    x = at - knot
    rise = log_p[knot + 1] - log_p[knot]
    first, last = slope[knot] - rise, slope[knot + 1] - rise
    return log_p[knot] + x * (rise + (1.0 - x) * (first * (1.0 - x) - last * x))


@njit(nogil=True, cache=True)
def _sorted(values):  # type: ignore[no-untyped-def]
    """Ascending copy of many non-negative values by buckets: several times np.sort, whose time rules here."""
    size = len(values)
    largest = values.max()
    scale = (size - 1) / largest if largest > 0 else 0.0
    ends = np.zeros(size + 1, dtype=np.int64)
    for value in values:
        ends[int(value * scale) + 1] += 1
    for bucket in range(size):
        ends[bucket + 1] += ends[bucket]
    place = ends.copy()
    out = np.empty(size)
    for value in values:
        bucket = int(value * scale)
        out[place[bucket]] = value
        place[bucket] += 1
    for bucket in range(size):
        _sort_short(out[ends[bucket] : ends[bucket + 1]])
    return out


@njit(nogil=True, cache=True)
def _sort_short(values):  # type: ignore[no-untyped-def]
    if len(values) > LARGEST_INSERTION:
        values.sort()
        return
    for i in range(1, len(values)):
        value, k = values[i], i
        while k > 0 and values[k - 1] > value:
            values[k] = values[k - 1]
            k -= 1
        values[k] = value
