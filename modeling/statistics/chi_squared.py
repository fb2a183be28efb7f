"""Pearson's chi-squared of a gene cut in two against a target's effect cut into six quantile bins.

Counted on truth values packed into 64-bit words: lines that two sets share are an AND and a population count.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt64
from numba import types
from numba.extending import intrinsic

from modeling.numba_cache import njit

QUANTILE_BINS = 6
GENES_AT_ONCE = 256  # genes whose words stay in the first-level cache while all targets of a tile pass by
WORD_BITS = 64
WORDS_STEP = 4  # kernels take four words a step; packed data are padded to a multiple of it


def pack(truth: Bool[np.ndarray, "rows cell_lines"]) -> UInt64[np.ndarray, "rows words"]:
    """Pack each row into 64-bit words, the first cell line in the lowest bit; the padding bits are 0.

    The number of words is a multiple of `WORDS_STEP`.
    """
    rows, lines = truth.shape
    step = WORD_BITS * WORDS_STEP
    padded = np.zeros((rows, -(-lines // step) * step // 8), dtype=np.uint8)
    padded[:, : -(-lines // 8)] = np.packbits(truth, axis=1, bitorder="little")
    return padded.view("<u8").astype(np.uint64, copy=False)


def unpack(words: UInt64[np.ndarray, "rows words"], n_lines: int) -> Bool[np.ndarray, "rows cell_lines"]:
    """What `pack` was given."""
    octets = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=n_lines, bitorder="little").view(np.bool_)


@intrinsic
@no_type_check  # numba reads the signature below, not hints
def popcount(typing_context, word):
    """Number of set bits of a uint64, for use inside numba kernels.

    numba publishes no popcount; this emits LLVM's `ctpop`, which vectorises to VPOPCNTQ where the processor
    has it and to byte shuffles where not.
    """

    def emit(context, builder, signature, arguments):
        ctpop = builder.module.declare_intrinsic("llvm.ctpop", [arguments[0].type])
        return builder.call(ctpop, arguments)

    return types.uint64(types.uint64), emit


@dataclass(frozen=True)
class BinnedTargets:
    """Quantile bins of the targets' effects. The non-empty bins come first, in ascending order of effect.

    Attributes:
        members: the cell lines of each bin, packed.
        sizes: their numbers; 0 after the last non-empty bin.
        bins: number of non-empty bins.
    """

    members: UInt64[np.ndarray, "targets 6 words"]
    sizes: Int64[np.ndarray, "targets 6"]
    bins: Int64[np.ndarray, " targets"]


def bin_targets(effects: Float64[np.ndarray, "targets cell_lines"]) -> BinnedTargets:
    """Bin each row by `searchsorted(quantile(row, k/6), row, side="left")`, k = 1..5.

    Cuts are numpy's linear quantiles. Tied cuts are kept; the bins between them are empty and are dropped.
    """
    cuts = np.quantile(effects, np.arange(1, QUANTILE_BINS) / QUANTILE_BINS, axis=1)
    codes = (cuts[:, :, None] < effects).sum(axis=0)
    inside = codes[:, None, :] == np.arange(QUANTILE_BINS)[:, None]
    sizes = inside.sum(axis=2)
    order = np.argsort(sizes == 0, axis=1, kind="stable")
    targets, lines = effects.shape
    inside = np.take_along_axis(inside, order[:, :, None], axis=1)
    members = pack(inside.reshape(-1, lines)).reshape(targets, QUANTILE_BINS, -1)
    return BinnedTargets(members, np.take_along_axis(sizes, order, axis=1), (sizes > 0).sum(axis=1))


def fill_root_chi_squared(
    upper: UInt64[np.ndarray, "words genes"],
    upper_counts: Int64[np.ndarray, " genes"],
    targets: BinnedTargets,
    n_lines: int,
    out: Float64[np.ndarray, "targets genes"],
) -> None:
    """Write the square root of chi-squared of every target and gene into `out`.

    A gene that is on one side of its cut in every line, or a target with one bin, has 0. With c of a bin's
    N_b lines and n1 of all N lines in the gene's upper part, chi-squared is the sum over bins of
    (N c - N_b n1)^2 / N_b / (n1 (N - n1)): the usual sum of (observed - expected)^2 / expected, with the two
    rows of the table put together. The squared numbers are integers, so nothing cancels.
    """
    _fill(upper, upper_counts, targets.members, targets.sizes, targets.bins, n_lines, out)


@njit
@no_type_check
def _fill(upper, upper_counts, members, sizes, bins, n_lines, out):
    counts = np.empty(GENES_AT_ONCE, dtype=np.uint64)
    rest, above = np.empty(GENES_AT_ONCE), np.empty(GENES_AT_ONCE)
    for start in range(0, upper.shape[1], GENES_AT_ONCE):
        genes = min(GENES_AT_ONCE, upper.shape[1] - start)
        for g in range(genes):
            above[g] = float(upper_counts[start + g])
        for target in range(len(bins)):
            chi = out[target, start : start + genes]
            chi[:] = 0.0
            rest[:] = 0.0
            for b in range(bins[target] - 1):
                _count(upper, start, genes, members[target, b], counts)
                size = float(sizes[target, b])
                for g in range(genes):
                    excess = n_lines * float(counts[g]) - size * above[g]
                    chi[g] += excess * excess / size
                    rest[g] += excess
            size = float(max(sizes[target, max(bins[target] - 1, 0)], 1))
            for g in range(genes):
                # The excesses of all bins sum to 0, which gives the last bin without counting it.
                product = above[g] * (n_lines - above[g])
                total = chi[g] + rest[g] * rest[g] / size
                chi[g] = np.sqrt(total / product) if product > 0 else 0.0


@njit
@no_type_check
def _count(upper, start, genes, members, counts):
    """For each gene from `start` on, the number of lines both in its upper part and among the members.

    A row of `upper` is cut by itself: of a cut matrix numba does not know that its rows have no gaps, and the
    processor would gather word by word.
    """
    end = start + genes
    counts[:genes] = 0
    for w in range(0, len(members), WORDS_STEP):
        a, b, c, d = (
            upper[w, start:end],
            upper[w + 1, start:end],
            upper[w + 2, start:end],
            upper[w + 3, start:end],
        )
        ma, mb, mc, md = members[w], members[w + 1], members[w + 2], members[w + 3]
        for g in range(genes):
            counts[g] += popcount(a[g] & ma) + popcount(b[g] & mb) + popcount(c[g] & mc) + popcount(d[g] & md)


def chi_squared_of(
    upper: UInt64[np.ndarray, "words k"],
    members: UInt64[np.ndarray, "6 words"],
    sizes: Int64[np.ndarray, " 6"],
    n_lines: int,
) -> Float64[np.ndarray, " k"]:
    """Chi-squared of k genes and one target as `scipy.stats.chi2_contingency(correction=False)` sums it.

    The table has the gene's lower and upper part as rows and the non-empty bins as columns. Equal to the
    squares of `fill_root_chi_squared` except in the last bits, which are scipy's.
    """
    filled = sizes > 0
    above = np.bitwise_count(upper[:, :, None] & members[filled].T[:, None, :]).sum(axis=0, dtype=np.int64)
    observed = np.stack([sizes[filled] - above, above], axis=1).astype(np.float64)
    expected = observed.sum(axis=2, keepdims=True) * observed.sum(axis=1, keepdims=True) / n_lines
    with np.errstate(invalid="ignore"):
        terms = np.where(expected > 0, (observed - expected) ** 2 / expected, 0.0)
    return terms.reshape(len(terms), 2 * int(filled.sum())).sum(axis=1)
