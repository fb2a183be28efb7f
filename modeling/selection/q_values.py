"""Benjamini-Hochberg q of a few genes among very many, exactly, with almost nothing sorted.

q is the minimum of p_(j) m / j over the genes of this magnitude or less, with j the number of genes at least
as strong. Magnitudes are counted in buckets. The weakest gene of a bucket has its largest rank j, so the ends
of the bucket bound log p - log j of its genes from both sides; a bucket that cannot go below what others
reach is left out of the search.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import no_type_check

import numpy as np
from jaxtyping import Float64, Int64

from modeling.numba_cache import njit
from modeling.statistics.p_values import TestTable

GENES_PER_BUCKET = (
    16  # on average, if none stands out; more buckets exclude more genes but cost time themselves
)
STRONG_BUCKETS = 256  # for magnitudes that pass Bonferroni
LEEWAY = 1e-9  # bounds on log p are used as if they were worse by this; interpolation is right to 1e-10


def q_values(
    magnitude: Float64[np.ndarray, " genes"], table: TestTable, columns: Int64[np.ndarray, " k"]
) -> Float64[np.ndarray, " k"]:
    """Q of k genes among all tested ones, as `statsmodels.stats.multitest.multipletests(p, method="fdr_bh")`.

    Where the minimum lies is found with interpolated p; its value is computed with scipy's, so its relative
    error is below 4 times `p_values.LOG_P_TOLERANCE` even if two places nearly tie. Genes that cannot
    be tested have magnitude 0, are as many as `genes - table.tested`, and must not be asked for.
    """
    wanted = np.sort(magnitude[columns])
    values, ranks = _contenders(magnitude, wanted, table)
    beyond = np.searchsorted(values, table.limit, side="right")
    with np.errstate(divide="ignore"):
        scores = np.concatenate([_interpolated(values[:beyond], table), np.log(table.exact(values[beyond:]))])
    places = _minima(values, scores - table.log_rank[ranks], wanted)
    q = np.minimum(table.exact(values[places]) / (ranks[places] / table.tested), 1.0)
    return q[np.searchsorted(wanted, magnitude[columns])]


@dataclass(frozen=True)
class _Buckets:
    """Equal buckets up to `bend`, wider ones from there to the end of the table, and an open one.

    `geometry` is (number up to the bend, their number per unit, bend, number beyond, their number per unit).
    """

    geometry: tuple[int, float, float, int, float]
    log_p: Float64[np.ndarray, " ends"]

    @property
    def number(self) -> int:
        return len(self.log_p)


@lru_cache(maxsize=64)
def _buckets_of(table: TestTable) -> _Buckets:
    bend = min(float(table.critical[0]), table.limit / 2)
    weak = table.tested // GENES_PER_BUCKET + 1
    ends = np.linspace(0.0, bend, weak + 1), np.linspace(bend, table.limit, STRONG_BUCKETS + 1)[1:]
    geometry = (weak, weak / bend, bend, STRONG_BUCKETS, STRONG_BUCKETS / (table.limit - bend))
    return _Buckets(geometry, _interpolated(np.concatenate(ends), table))


def _contenders(
    magnitude: Float64[np.ndarray, " genes"], wanted: Float64[np.ndarray, " k"], table: TestTable
) -> tuple[Float64[np.ndarray, " contenders"], Int64[np.ndarray, " contenders"]]:
    """The magnitudes (ascending), with ranks, among which the minimum for every wanted magnitude lies."""
    buckets = _buckets_of(table)
    bucket_of, counts = _count(magnitude, buckets.geometry, buckets.number)
    counts[0] -= len(magnitude) - table.tested
    contends = np.zeros(buckets.number, dtype=np.bool_)
    contends[_count(wanted, buckets.geometry, buckets.number)[0]] = True
    ranks = _compare(counts, buckets.log_p, table.log_rank, contends)
    contends[0] = True  # with all genes that cannot be tested, which come first then
    members = _gather(magnitude, bucket_of, contends)
    members.sort()
    values = members[len(magnitude) - table.tested :]
    return values, _count_down(_count(values, buckets.geometry, buckets.number)[0], ranks)


def _interpolated(magnitude: Float64[np.ndarray, " k"], table: TestTable) -> Float64[np.ndarray, " k"]:
    return _interpolate(magnitude, table.log_p, table.slope, 1.0 / table.step)


@njit
@no_type_check
def _interpolate(magnitude, log_p, slope, per_step):
    """Cubic Hermite interpolation of log p."""
    out = np.empty(len(magnitude))
    for i in range(len(magnitude)):
        at = magnitude[i] * per_step
        knot = min(int(at), len(log_p) - 2)
        x = at - knot
        rise = log_p[knot + 1] - log_p[knot]
        first, last = slope[knot] - rise, slope[knot + 1] - rise
        out[i] = log_p[knot] + x * (rise + (1.0 - x) * (first * (1.0 - x) - last * x))
    return out


@njit
@no_type_check
def _count(magnitude, geometry, number):
    """The bucket of every gene, and the number of genes in every bucket."""
    weak, weak_per_unit, bend, strong, strong_per_unit = geometry
    bucket_of = np.empty(len(magnitude), dtype=np.int32)
    for i in range(len(magnitude)):
        below = np.int32(min(magnitude[i] * weak_per_unit, weak - 0.5))
        beyond = np.int32(min(max((magnitude[i] - bend) * strong_per_unit + 1.0, 0.0), strong + 1.0))
        bucket_of[i] = below + beyond
    counts = np.zeros(number, dtype=np.int64)
    for bucket in bucket_of:
        counts[bucket] += 1
    return bucket_of, counts


@njit
@no_type_check
def _compare(counts, log_p, log_rank, contends):
    """Mark the buckets that may hold a minimum for one already marked; return the ranks of their weakest.

    `log_p` has the lower end of every bucket; the last one has no upper end.
    """
    ranks = np.empty(len(counts), dtype=np.int64)
    reached = np.empty(len(counts) + 1)
    reached[0], rank = np.inf, counts.sum()
    for b in range(len(counts)):
        ranks[b] = rank
        score = log_p[b] - log_rank[rank] if counts[b] > 0 else np.inf
        reached[b + 1] = min(reached[b], score)
        rank -= counts[b]
    # Only what lies below a wanted bucket matters to it, and the lowest wanted one asks for most.
    wanted = -np.inf
    for b in range(len(counts) - 1, -1, -1):
        if contends[b]:
            wanted = reached[b]
        elif counts[b] > 0 and b + 1 < len(counts):
            contends[b] = log_p[b + 1] - log_rank[ranks[b]] <= wanted + LEEWAY
    return ranks


@njit
@no_type_check
def _gather(magnitude, bucket_of, contends):
    """The magnitudes in contending buckets."""
    members = np.empty(len(magnitude) + 1)
    size = 0
    for i in range(len(magnitude)):
        members[size] = magnitude[i]
        size += contends[bucket_of[i]]
    return members[:size]


@njit
@no_type_check
def _count_down(bucket_of, ranks):
    """Ranks of ascending magnitudes, counted down from the rank of each bucket's weakest gene."""
    out = np.empty(len(bucket_of), dtype=np.int64)
    for i in range(len(bucket_of)):
        out[i] = ranks[bucket_of[i]]
        ranks[bucket_of[i]] -= 1
    return out


@njit
@no_type_check
def _minima(values, scores, wanted):
    """For each wanted magnitude (ascending), the place of the smallest score among values up to it."""
    places = np.empty(len(wanted), dtype=np.int64)
    best, place, i = np.inf, 0, 0
    for k in range(len(wanted)):
        while i < len(values) and values[i] <= wanted[k]:
            if scores[i] <= best:
                best, place = scores[i], i
            i += 1
        places[k] = place
    return places
