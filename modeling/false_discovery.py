"""Benjamini-Hochberg step-up over very many rows of test strengths, sorting only the rows that need it.

The largest j with p_(j) < fdr * j / m is found by going down from j = m: replacing j by the number of p below
fdr * j / m reaches it in a few steps, each over fewer genes, because that number grows with j.
"""

import numpy as np
from jaxtyping import Float64, Int64
from numba import njit

from modeling.pvalues import TestTable

# Strengths are right to about 1e-15; within this relative distance of a critical one scipy's p decides.
CLOSE = 1e-9
GENES_PER_BUCKET = 4  # on average; more buckets exclude more genes but are themselves looked at
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
    """Move the values above the bar to the front of room (which may be the same memory); return how many."""
    size = 0
    for value in values:
        room[size] = value
        size += value > bar
    return size


def q_values(
    strength: Float64[np.ndarray, " genes"], table: TestTable, columns: Int64[np.ndarray, " k"]
) -> Float64[np.ndarray, " k"]:
    """Benjamini-Hochberg q of k genes among all tested ones, as `statsmodels` `multipletests("fdr_bh")`.

    q is the minimum of p_(j) m / j over the genes of this strength or less, with j the number of genes at
    least as strong. Where the minimum lies is found with interpolated p; its value is computed with scipy's,
    so its relative error is below 4 times `modeling.pvalues.LOG_P_TOLERANCE` even if two places nearly tie.
    """
    wanted = np.sort(strength[columns])
    top = min(float(table.critical[0]), table.limit)
    tabled = (table.log_p, table.slope, table.step, table.log_rank)
    values, ranks = _contenders(strength, wanted, len(strength) - table.tested, top, *tabled)
    with np.errstate(divide="ignore"):
        log_p_beyond = np.log(table.exact(values[np.searchsorted(values, table.limit, side="right") :]))
    places = _minima(values, ranks, wanted, log_p_beyond, *tabled)
    q = np.minimum(table.exact(values[places]) / (ranks[places] / table.tested), 1.0)
    return q[np.searchsorted(wanted, strength[columns])]


@njit(nogil=True, cache=True)
def _contenders(strength, wanted, untested, top, log_p, slope, step, log_rank):  # type: ignore[no-untyped-def]
    """The strengths (ascending), with ranks, among which every minimum of p / rank for a wanted one lies.

    Strengths are counted in buckets. A bucket's smallest strength has its largest rank, which bounds the scores
    log p - log rank of the bucket from both sides; a bucket that cannot go below what weaker ones reach is left
    out, unless it holds a wanted strength. So almost nothing is sorted. The last bucket is open.
    """
    buckets = (len(strength) - untested) // GENES_PER_BUCKET + 1
    scale = buckets / top
    counts = np.zeros(buckets + 1, dtype=np.int64)
    for value in strength:
        counts[min(int(value * scale), buckets)] += 1
    counts[0] -= untested  # their strength is 0
    contends = np.zeros(buckets + 1, dtype=np.bool_)
    contends[0] = contends[buckets] = True
    for value in wanted:
        contends[min(int(value * scale), buckets)] = True
    rank = np.empty(buckets + 1, dtype=np.int64)
    rank[0] = len(strength) - untested
    reached, weak_end = np.inf, log_p[0]
    for b in range(buckets):
        strong_end = _interpolate((b + 1) / scale, log_p, slope, step)
        if counts[b] > 0:
            contends[b] |= strong_end - log_rank[rank[b]] <= reached + CLOSE
            reached = min(reached, weak_end - log_rank[rank[b]])
        rank[b + 1] = rank[b] - counts[b]
        weak_end = strong_end
    values = np.empty(len(strength))
    size = 0
    for value in strength:
        values[size] = value
        size += contends[min(int(value * scale), buckets)]
    values = values[:size]
    values.sort()
    values = values[untested:]
    ranks = np.empty(len(values), dtype=np.int64)
    for i in range(len(values)):
        b = min(int(values[i] * scale), buckets)
        ranks[i] = rank[b]
        rank[b] -= 1
    return values, ranks


@njit(nogil=True, cache=True)
def _minima(values, ranks, wanted, log_p_beyond, log_p, slope, step, log_rank):  # type: ignore[no-untyped-def]
    """For each wanted strength (ascending), the place of the smallest p / rank among values up to it."""
    tabulated = len(values) - len(log_p_beyond)
    places = np.empty(len(wanted), dtype=np.int64)
    best, place, done = np.inf, 0, 0
    for i in range(len(values)):
        while done < len(wanted) and wanted[done] < values[i]:
            places[done] = place
            done += 1
        if i < tabulated:
            score = _interpolate(values[i], log_p, slope, step)
        else:
            score = log_p_beyond[i - tabulated]
        score -= log_rank[ranks[i]]
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
