"""Genes in buckets of their rough magnitudes: which of them may decide a q, without computing any exactly.

Buckets are wider than twice the error: so a gene's exact magnitude lies in its bucket or just beside it. Of a
bucket's weakest gene the rank j is known, so the ends of a bucket bound log p - log j of its genes from both
sides. A bucket that cannot go below what others reach is left out.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import no_type_check

import numpy as np
from jaxtyping import Float64

from modeling.numba_cache import njit
from modeling.statistics.p_values import TestTable

GENES_PER_BUCKET = 8  # on average, if none stands out and the error allows it
STRONG_BUCKETS = 256  # for magnitudes that pass Bonferroni
ERRORS_PER_BUCKET = 2.5  # the least width of a bucket; two would do but for the rounding of its ends
LEEWAY = 1e-9  # bounds on log p are used as if they were worse by this; interpolation is right to 1e-10


@dataclass(frozen=True)
class Buckets:
    """Equal buckets up to `bend`, wider ones from there to the end of the table, and an open one.

    Attributes:
        geometry: number up to the bend, their number per unit, bend, number beyond, their number per unit.
        highest, lowest: bounds on log p of the genes of each bucket.
    """

    geometry: tuple[int, np.float32, np.float32, int, np.float32]
    highest: Float64[np.ndarray, " buckets"]
    lowest: Float64[np.ndarray, " buckets"]


@lru_cache(maxsize=64)
def buckets_of(table: TestTable, error: float) -> Buckets:
    """The buckets for rough magnitudes that may be off by so much."""
    width = ERRORS_PER_BUCKET * error
    bend = max(min(float(table.critical[0]), table.limit / 2), width)
    weak = max(min(table.tested // GENES_PER_BUCKET + 1, int(bend / width)), 1)
    beyond = max(table.limit - bend, 0.0)
    strong = min(STRONG_BUCKETS, int(beyond / width))
    ends = np.concatenate([np.linspace(0.0, bend, weak + 1), np.linspace(bend, table.limit, strong + 1)[1:]])
    upper = np.append(ends[1:], np.inf) + error
    highest = interpolated(np.clip(ends - error, 0.0, table.limit), table) + LEEWAY
    lowest = interpolated(np.minimum(upper, table.limit), table) - LEEWAY
    lowest[upper >= table.limit] = -np.inf
    scale = np.float32(strong / beyond if strong else 1.0 / width)
    return Buckets((weak, np.float32(weak / bend), np.float32(bend), strong, scale), highest, lowest)


def interpolated(magnitude: Float64[np.ndarray, " k"], table: TestTable) -> Float64[np.ndarray, " k"]:
    """The logarithm of p, right to 1e-10 up to the table's limit."""
    return interpolate(magnitude, table.log_p, table.slope, 1.0 / table.step)


@njit
@no_type_check
def interpolate(magnitude, log_p, slope, per_step):
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
def contenders_of(rough, defined, rows, columns, geometry, highest, lowest, log_rank):
    """The genes whose exact magnitudes decide q, of every row of `rows` once, ascending.

    Returns:
        (rows, columns, contends, stronger): of each, whether q's minimum may lie there, and how many of the
        genes left out are stronger.
    """
    found_rows, found = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    contends, stronger = np.empty(len(rows), dtype=np.bool_), np.empty(len(rows), dtype=np.int64)
    bucket_of = np.empty(rough.shape[1], dtype=np.int32)
    room = np.empty(rough.shape[1] + 1, dtype=np.int32)
    size, first = 0, 0
    while first < len(rows):
        end = first
        while end < len(rows) and rows[end] == rows[first]:
            end += 1
        _cut(rough[rows[first]], geometry, bucket_of)
        counts = np.zeros(len(highest), dtype=np.int64)
        for gene in range(len(bucket_of)):
            counts[np.uint32(bucket_of[gene])] += defined[gene]  # unsigned: numba need not look below 0
        asked = np.zeros(len(counts), dtype=np.bool_)
        for gene in columns[first:end]:
            asked[bucket_of[gene]] = True
        may_win = _compare(counts, highest, lowest, log_rank, asked)
        taken = _with_neighbours(may_win)
        genes = _gather(bucket_of, taken, defined, room)
        end_of_row = size + len(genes)
        while len(found) < end_of_row:
            found_rows, found = longer(found_rows), longer(found)
            contends, stronger = longer(contends), longer(stronger)
        found_rows[size:end_of_row], found[size:end_of_row] = rows[first], genes
        above = counts.copy()
        above[taken] = 0
        above = above[::-1].cumsum()[::-1]
        for i in range(len(genes)):
            bucket = bucket_of[genes[i]]
            contends[size + i], stronger[size + i] = may_win[bucket], above[bucket]
        size, first = end_of_row, end
    return found_rows[:size], found[:size], contends[:size], stronger[:size]


@njit
@no_type_check
def longer(array):
    """A copy with room for twice as many."""
    out = np.empty(2 * len(array) + 1, dtype=array.dtype)
    out[: len(array)] = array
    return out


@njit
@no_type_check
def _cut(rough, geometry, bucket_of):
    """Set the bucket of every gene."""
    weak, weak_per_unit, bend, strong, strong_per_unit = geometry
    most_weak, most_strong = np.float32(weak - 0.5), np.float32(strong + 1)
    for i in range(len(rough)):
        below = np.int32(min(rough[i] * weak_per_unit, most_weak))
        beyond = np.int32(
            min(max((rough[i] - bend) * strong_per_unit + np.float32(1.0), np.float32(0.0)), most_strong)
        )
        bucket_of[i] = below + beyond


@njit
@no_type_check
def _compare(counts, highest, lowest, log_rank, asked):
    """Which buckets may hold a minimum for a gene of those asked for.

    Of two genes the weaker one is known if a bucket lies between theirs.
    """
    reached = np.empty(len(counts) + 2)  # by the genes surely weaker than those of a bucket
    reached[:2] = -log_rank[-1]  # q is at most 1
    as_strong = counts.sum()
    for b in range(len(counts)):
        reached[b + 2] = reached[b + 1]
        if counts[b] > 0:
            reached[b + 2] = min(reached[b + 1], highest[b] - log_rank[as_strong])
            as_strong -= counts[b]
    contends = _with_neighbours(asked)
    # Only what lies below a bucket asked for matters to it, and the lowest asks for most.
    wanted, as_strong = -np.inf, 0
    for b in range(len(counts) - 1, -1, -1):
        if asked[b]:
            wanted = reached[b]
        if counts[b] > 0:
            as_strong += counts[b]
            possibly = as_strong + (counts[b - 1] if b > 0 else 0)
            contends[b] |= lowest[b] - log_rank[possibly] <= wanted
    return contends


@njit
@no_type_check
def _with_neighbours(buckets):
    out = buckets.copy()
    out[1:] |= buckets[:-1]
    out[:-1] |= buckets[1:]
    return out


@njit
@no_type_check
def _gather(bucket_of, taken, defined, room):
    """The genes of the buckets taken, in the front of `room`. No branches: nothing could foretell them."""
    size = 0
    for i in range(len(bucket_of)):
        room[size] = i
        size += taken[np.uint32(bucket_of[i])] & defined[i]
    return room[:size]
