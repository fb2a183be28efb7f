import numpy as np
import pytest
from numba import njit

from modeling.selection.prepared import prepare_genes
from modeling.statistics.chi_squared import (
    GENES_AT_ONCE,
    bin_targets,
    chi_squared_of,
    fill_root_chi_squared,
    pack,
    popcount,
    root_chi_squared_of,
    unpack,
)
from tests.reference.selection import chi_squared


@njit
def counted(words):
    return [popcount(word) for word in words]


@pytest.mark.parametrize("lines", [1, 8, 63, 64, 65, 255, 256, 257, 720])
def test_packed_rows_hold_every_line_in_order_and_zeros_after(lines):
    truth = np.random.default_rng(lines).random((5, lines)) < 0.4
    packed = pack(truth)
    assert packed.dtype == np.uint64
    assert packed.shape[1] == -(-lines // 64)
    bits = [[int(word) >> i & 1 for word in row for i in range(64)] for row in packed]
    np.testing.assert_array_equal(np.array(bits)[:, :lines], truth)
    assert not np.array(bits)[:, lines:].any()
    np.testing.assert_array_equal(unpack(packed, lines), truth)


def test_popcount_counts_bits():
    words = np.random.default_rng(0).integers(0, 2**64, 1000, dtype=np.uint64)
    words[:3] = 0, 1, 2**64 - 1
    assert counted(words) == [int(word).bit_count() for word in words]


def nasty_effects(lines, rng):
    """Rows with six bins, tied cuts, few levels, an outlier, one bin, a constant."""
    y = rng.standard_normal((9, lines))
    y[1] = np.round(y[1])
    y[2] = y[2] > 1
    y[3] = np.minimum(y[3], -1)  # mostly its largest value: one bin
    y[4] = 2.5
    y[5] = np.where(y[5] > 0, y[5], 0)
    y[6, 0] = 1e9
    y[7] = np.arange(lines)
    y[8] = np.repeat([0, 1, 2], -(-lines // 3))[:lines]
    return y


@pytest.mark.parametrize("lines", [30, 31, 64, 65, 301])
def test_every_table_gives_what_scipy_gives(lines):
    rng = np.random.default_rng(lines)
    x = rng.standard_normal((lines, GENES_AT_ONCE + 9)).astype(np.float32)
    x[:, 0] = 1.0
    x[:, 1] = np.maximum(x[:, 1], 1.0)  # nearly all equal to the median: nothing lies below it
    x[:, 2] = np.round(x[:, 2])
    genes, y = prepare_genes(x), nasty_effects(lines, rng)
    binned, every = bin_targets(y), np.arange(genes.n_genes)
    root = np.empty((len(y), genes.n_genes))
    fill_root_chi_squared(genes.upper, genes.upper_counts, binned, lines, root)
    for target, effect in enumerate(y):
        expected = chi_squared(x.T.astype(np.float64), effect)[0]
        few = chi_squared_of(genes.upper, binned, lines, np.full(genes.n_genes, target), every)
        np.testing.assert_array_equal(few, expected)
        np.testing.assert_allclose(root[target] ** 2, expected, rtol=1e-12, atol=1e-13)
        sides = genes.upper, genes.upper_counts
        alone = root_chi_squared_of(*sides, binned, lines, np.full(genes.n_genes, target), every)
        np.testing.assert_allclose(alone, root[target], rtol=1e-14, atol=0)
    assert not root[:, :2].any()
    assert not root[3:5].any()
    assert binned.bins[[0, 3, 4]].tolist() == [6, 1, 1]


def test_bins_follow_searchsorted_of_the_quantiles():
    y = nasty_effects(77, np.random.default_rng(0))
    binned = bin_targets(y)
    for effect, sizes, bins in zip(y, binned.sizes, binned.bins, strict=True):
        cuts = np.quantile(effect, np.arange(1, 6) / 6)
        counts = np.bincount(np.searchsorted(cuts, effect, side="left"), minlength=6)
        assert sizes[:bins].tolist() == counts[counts > 0].tolist()
        assert not sizes[bins:].any()


def test_independence_is_exactly_zero():
    # Six bins of ten lines, the gene's upper half taking five of each: nothing may be left by rounding.
    x = np.tile([0.0, 1.0], 30)[:, None]
    genes = prepare_genes(x)
    root = np.empty((1, 1))
    fill_root_chi_squared(genes.upper, genes.upper_counts, bin_targets(np.arange(60.0)[None, :]), 60, root)
    assert root[0, 0] == 0.0
