"""Pearson's chi-squared of a gene cut in two against a target's effect cut into six quantile bins.

Counted on truth values packed into 64-bit words: lines that two sets share are an AND and a population count.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, UInt64
from numba import types
from numba.extending import intrinsic

from modeling.numba_cache import njit

QUANTILE_BINS = 6
COUNTED_BINS = QUANTILE_BINS - 1  # of the last bin with lines the rest is known
GENES_AT_ONCE = 256  # genes whose words stay in the first-level cache while all targets of a tile pass by
WORD_BITS = 64


def pack(truth: Bool[np.ndarray, "rows cell_lines"]) -> UInt64[np.ndarray, "rows words"]:
    """Pack each row into 64-bit words, the first cell line in the lowest bit; the padding bits are 0."""
    rows, lines = truth.shape
    padded = np.zeros((rows, -(-lines // WORD_BITS) * WORD_BITS // 8), dtype=np.uint8)
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
    # The quantiles of sorted rows are the same, and found in a third of the time.
    cuts = np.quantile(np.sort(effects, axis=1), np.arange(1, QUANTILE_BINS) / QUANTILE_BINS, axis=1)
    codes = (cuts[:, :, None] < effects).sum(axis=0)
    inside = codes[:, None, :] == np.arange(QUANTILE_BINS)[:, None]
    sizes = inside.sum(axis=2)
    order = np.argsort(sizes == 0, axis=1, kind="stable")
    targets, lines = effects.shape
    members = pack(inside.reshape(-1, lines)).reshape(targets, QUANTILE_BINS, -1)
    members = np.take_along_axis(members, order[:, :, None], axis=1)
    return BinnedTargets(members, np.take_along_axis(sizes, order, axis=1), (sizes > 0).sum(axis=1))


def fill_root_chi_squared(
    upper: UInt64[np.ndarray, "words genes"],
    upper_counts: Int64[np.ndarray, " genes"],
    targets: BinnedTargets,
    n_lines: int,
    out: Float[np.ndarray, "targets genes"],
) -> None:
    """Write the square root of chi-squared of every target and gene into `out`.

    A gene that is on one side of its cut in every line, or a target with one bin, has 0. With c of a bin's
    N_b lines and n1 of all N lines in the gene's upper part, chi-squared is the sum over bins of
    (N c - N_b n1)^2 / N_b / (n1 (N - n1)): the usual sum of (observed - expected)^2 / expected, with the two
    rows of the table put together. The squared numbers are integers, so nothing cancels.
    """
    every, last = np.arange(len(targets.bins)), np.maximum(targets.bins - 1, 0)
    counted = np.arange(COUNTED_BINS) < last[:, None]
    inside = np.where(counted[:, :, None], targets.members[:, :COUNTED_BINS], np.uint64(0))
    size = np.where(counted, targets.sizes[:, :COUNTED_BINS], 0).astype(np.float64)
    per = 1.0 / np.maximum(np.column_stack([size, targets.sizes[every, last]]), 1.0)
    _fill(upper, upper_counts, inside, size, per, float(n_lines), out)


@njit
@no_type_check
def _fill(upper, upper_counts, inside, size, per, n_lines, out):
    some = np.empty(GENES_AT_ONCE, dtype=np.uint64)
    counts = (some, some.copy(), some.copy(), some.copy(), some.copy())
    above, scale = np.empty(GENES_AT_ONCE), np.empty(GENES_AT_ONCE)
    for start in range(0, upper.shape[1], GENES_AT_ONCE):
        genes = min(GENES_AT_ONCE, upper.shape[1] - start)
        for g in range(genes):
            above[g] = float(upper_counts[start + g])
            product = above[g] * (n_lines - above[g])
            scale[g] = 1.0 / product if product > 0 else 0.0
        for target in range(len(inside)):
            _count(upper, start, genes, inside[target], counts)
            root = out[target, start : start + genes]
            _add_up(counts, size[target], per[target], above, scale, n_lines, root)


@njit
@no_type_check
def _count(upper, start, genes, inside, counts):
    """For each gene from `start` on and each bin, the number of lines both in its upper part and in the bin.

    All bins go at once, so that a word is read once. A row of `upper` is cut by itself: of a cut matrix numba
    does not know that its rows have no gaps, and the processor would gather word by word.
    """
    a, b, c, d, e = counts
    a[:], b[:], c[:], d[:], e[:] = 0, 0, 0, 0, 0
    for w in range(len(upper)):
        words = upper[w, start : start + genes]
        in_a, in_b, in_c, in_d, in_e = inside[0, w], inside[1, w], inside[2, w], inside[3, w], inside[4, w]
        for g in range(genes):
            word = words[g]
            a[g] += popcount(word & in_a)
            b[g] += popcount(word & in_b)
            c[g] += popcount(word & in_c)
            d[g] += popcount(word & in_d)
            e[g] += popcount(word & in_e)


@njit
@no_type_check
def _add_up(counts, size, per, above, scale, n_lines, root):
    """From the counts of a few genes in all bins but the last, the root of chi-squared.

    The excesses of all bins sum to 0, which gives that of the last bin without counting it. `per` is one over
    the bins' sizes, the last one's at the end.
    """
    a, b, c, d, e = counts
    size_a, size_b, size_c, size_d, size_e = size[0], size[1], size[2], size[3], size[4]
    per_a, per_b, per_c, per_d, per_e, per_last = per[0], per[1], per[2], per[3], per[4], per[5]
    for g in range(len(root)):
        in_a = n_lines * float(a[g]) - size_a * above[g]
        in_b = n_lines * float(b[g]) - size_b * above[g]
        in_c = n_lines * float(c[g]) - size_c * above[g]
        in_d = n_lines * float(d[g]) - size_d * above[g]
        in_e = n_lines * float(e[g]) - size_e * above[g]
        in_last = in_a + in_b + in_c + in_d + in_e
        total = in_a * in_a * per_a + in_b * in_b * per_b + in_c * in_c * per_c
        total += in_d * in_d * per_d + in_e * in_e * per_e + in_last * in_last * per_last
        root[g] = np.sqrt(total * scale[g])


def root_chi_squared_of(
    upper: UInt64[np.ndarray, "words genes"],
    upper_counts: Int64[np.ndarray, " genes"],
    targets: BinnedTargets,
    n_lines: int,
    rows: Int64[np.ndarray, " k"],
    columns: Int64[np.ndarray, " k"],
) -> Float64[np.ndarray, " k"]:
    """As `fill_root_chi_squared` in double precision, of k targets (rows) with a gene each."""
    bins = targets.members, targets.sizes, targets.bins
    return _roots(upper, upper_counts, *bins, n_lines, rows, columns)


@njit
@no_type_check
def _roots(upper, upper_counts, members, sizes, bins, n_lines, rows, columns):
    out, words = np.zeros(len(columns)), np.empty(len(upper), dtype=np.uint64)
    for i in range(len(columns)):
        row, above = rows[i], float(upper_counts[columns[i]])
        product, last = above * (n_lines - above), max(bins[row] - 1, 0)
        if product == 0:
            continue
        _words_of(columns[i], upper, words)
        total, rest = 0.0, 0.0
        for b in range(last):
            excess = n_lines * float(_shared(words, members[row, b])) - sizes[row, b] * above
            total += excess * excess / sizes[row, b]
            rest += excess
        total += rest * rest / float(max(sizes[row, last], 1))
        out[i] = np.sqrt(total / product)
    return out


@njit
@no_type_check
def _words_of(gene, upper, words):
    """Copy the gene's words, which lie far apart, side by side."""
    for w in range(len(upper)):
        words[w] = upper[w, gene]


@njit
@no_type_check
def _shared(words, members):
    """The number of lines both in the gene's upper part and among the members."""
    count = np.uint64(0)
    for w in range(len(words)):
        count += popcount(words[w] & members[w])
    return count


def chi_squared_of(
    upper: UInt64[np.ndarray, "words genes"],
    targets: BinnedTargets,
    n_lines: int,
    rows: Int64[np.ndarray, " k"],
    columns: Int64[np.ndarray, " k"],
) -> Float64[np.ndarray, " k"]:
    """Chi-squared of k targets (rows) with a gene each as `scipy.stats.chi2_contingency(correction=False)`.

    The table has the gene's lower and upper part as rows and the non-empty bins as columns. Equal to the
    squares of `fill_root_chi_squared` except in the last bits, which are scipy's.
    """
    return _as_scipy(upper, targets.members, targets.sizes, targets.bins, n_lines, rows, columns)


@njit
@no_type_check
def _as_scipy(upper, members, sizes, bins, n_lines, rows, columns):
    out, words = np.zeros(len(columns)), np.empty(len(upper), dtype=np.uint64)
    observed, terms = np.empty((2, QUANTILE_BINS)), np.empty(2 * QUANTILE_BINS)
    for i in range(len(columns)):
        row, filled = rows[i], bins[rows[i]]
        _words_of(columns[i], upper, words)
        for b in range(filled):
            above = float(_shared(words, members[row, b]))
            observed[0, b], observed[1, b] = sizes[row, b] - above, above
        for part in range(2):
            lines = observed[part, :filled].sum()
            for b in range(filled):
                expected = lines * sizes[row, b] / n_lines
                excess = observed[part, b] - expected
                terms[part * filled + b] = excess * excess / expected if expected > 0 else 0.0
        out[i] = _numpys_sum(terms[: 2 * filled])
    return out


@njit
@no_type_check
def _numpys_sum(terms):
    """The sum of at most 12 numbers in the order of numpy (its pairwise sum of a short array)."""
    if len(terms) < 8:
        total = 0.0
        for term in terms:
            total += term
        return total
    a, b, c, d, e, f, g, h = terms[:8]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for term in terms[8:]:
        total += term
    return total
