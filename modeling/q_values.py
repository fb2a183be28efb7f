"""Benjamini-Hochberg q of a few genes among very many, exactly, with almost nothing sorted.

q is the minimum of p_(j) m / j over the genes of this strength or less, with j the number of genes at least
as strong. Strengths are counted in buckets. The weakest gene of a bucket has its largest rank j, so the ends
of the bucket bound log p - log j of its genes from both sides; a bucket that cannot go below what weaker
genes reach is left out of the search.
"""

import numpy as np
from jaxtyping import Float64, Int64
from numba import njit

from modeling.pvalues import TestTable

GENES_PER_BUCKET = 4  # on average; more buckets exclude more genes but are themselves looked at
LEEWAY = 1e-9  # bounds on log p are used as if they were worse by this; interpolation is right to 1e-10


def q_values(
    strength: Float64[np.ndarray, " genes"], table: TestTable, columns: Int64[np.ndarray, " k"]
) -> Float64[np.ndarray, " k"]:
    """Q of k genes among all tested ones, as `statsmodels.stats.multitest.multipletests(p, method="fdr_bh")`.

    Where the minimum lies is found with interpolated p; its value is computed with scipy's, so its relative
    error is below 4 times `modeling.pvalues.LOG_P_TOLERANCE` even if two places nearly tie. Genes that cannot
    be tested have strength 0, are as many as `genes - table.tested`, and must not be asked for.
    """
    wanted = np.sort(strength[columns])
    values, ranks = _contenders(strength, wanted, table)
    beyond = np.searchsorted(values, table.limit, side="right")
    with np.errstate(divide="ignore"):
        scores = np.concatenate([_interpolated(values[:beyond], table), np.log(table.exact(values[beyond:]))])
    places = _minima(values, scores - table.log_rank[ranks], wanted)
    q = np.minimum(table.exact(values[places]) / (ranks[places] / table.tested), 1.0)
    return q[np.searchsorted(wanted, strength[columns])]


def _contenders(
    strength: Float64[np.ndarray, " genes"], wanted: Float64[np.ndarray, " k"], table: TestTable
) -> tuple[Float64[np.ndarray, " contenders"], Int64[np.ndarray, " contenders"]]:
    """The strengths (ascending), with ranks, among which the minimum for every wanted strength lies."""
    buckets = table.tested // GENES_PER_BUCKET + 1
    # Bucket b is [b / scale, (b + 1) / scale); one more is open, for strengths that pass even Bonferroni.
    scale = buckets / min(float(table.critical[0]), table.limit)
    bucket_of, counts = _count(strength, scale, buckets)
    counts[0] -= len(strength) - table.tested
    ends = _interpolated(np.arange(buckets + 1) / scale, table)
    contends, ranks = _compare(counts, ends, table.log_rank)
    contends[np.minimum((wanted * scale).astype(np.int32), buckets)] = True
    contends[[0, buckets]] = True
    members = _gather(strength, bucket_of, contends)
    members.sort()
    return _ranked(members[len(strength) - table.tested :], scale, ranks)


def _interpolated(strength: Float64[np.ndarray, " k"], table: TestTable) -> Float64[np.ndarray, " k"]:
    return _interpolate(strength, table.log_p, table.slope, 1.0 / table.step)


@njit(nogil=True, cache=True)
def _interpolate(strength, log_p, slope, per_step):  # type: ignore[no-untyped-def]
    """Cubic Hermite interpolation of log p."""
    out = np.empty(len(strength))
    for i in range(len(strength)):
        at = strength[i] * per_step
        knot = min(int(at), len(log_p) - 2)
        x = at - knot
        rise = log_p[knot + 1] - log_p[knot]
        first, last = slope[knot] - rise, slope[knot + 1] - rise
        out[i] = log_p[knot] + x * (rise + (1.0 - x) * (first * (1.0 - x) - last * x))
    return out


@njit(nogil=True, cache=True)
def _count(strength, scale, buckets):  # type: ignore[no-untyped-def]
    """The bucket of every gene, and the number of genes in every bucket."""
    bucket_of = np.empty(len(strength), dtype=np.int32)
    for i in range(len(strength)):
        bucket_of[i] = min(strength[i] * scale, float(buckets))
    counts = np.zeros(buckets + 1, dtype=np.int64)
    for bucket in bucket_of:
        counts[bucket] += 1
    return bucket_of, counts


@njit(nogil=True, cache=True)
def _compare(counts, ends, log_rank):  # type: ignore[no-untyped-def]
    """Whether each bucket may hold a minimum, and the rank of its weakest gene."""
    contends = np.zeros(len(counts), dtype=np.bool_)
    ranks = np.empty(len(counts), dtype=np.int64)
    rank, reached = counts.sum(), np.inf
    for b in range(len(counts) - 1):
        ranks[b] = rank
        if counts[b] > 0:
            contends[b] = ends[b + 1] - log_rank[rank] <= reached + LEEWAY
            reached = min(reached, ends[b] - log_rank[rank])
        rank -= counts[b]
    ranks[-1] = rank
    return contends, ranks


@njit(nogil=True, cache=True)
def _gather(strength, bucket_of, contends):  # type: ignore[no-untyped-def]
    """The strengths in contending buckets."""
    members = np.empty(len(strength) + 1)
    size = 0
    for i in range(len(strength)):
        members[size] = strength[i]
        size += contends[bucket_of[i]]
    return members[:size]


@njit(nogil=True, cache=True)
def _ranked(values, scale, ranks):  # type: ignore[no-untyped-def]
    """Ascending values with their ranks, counted down from the rank of each bucket's weakest gene."""
    out = np.empty(len(values), dtype=np.int64)
    for i in range(len(values)):
        bucket = int(min(values[i] * scale, float(len(ranks) - 1)))
        out[i] = ranks[bucket]
        ranks[bucket] -= 1
    return values, out


@njit(nogil=True, cache=True)
def _minima(values, scores, wanted):  # type: ignore[no-untyped-def]
    """For each wanted strength (ascending), the place of the smallest score among values up to it."""
    places = np.empty(len(wanted), dtype=np.int64)
    best, place, i = np.inf, 0, 0
    for k in range(len(wanted)):
        while i < len(values) and values[i] <= wanted[k]:
            if scores[i] <= best:
                best, place = scores[i], i
            i += 1
        places[k] = place
    return places
