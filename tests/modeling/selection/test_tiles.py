import numpy as np
import pytest

from modeling.selection.association import one_blas_thread
from modeling.selection.tiles import TILE_TARGETS, multiply, products_of_pairs


@pytest.mark.parametrize("genes", [1, 63, 64, 130])
def test_a_target_has_the_same_bits_at_every_place_of_every_block(genes):
    rng = np.random.default_rng(genes)
    x, y = rng.standard_normal((genes, 71)), rng.standard_normal((TILE_TARGETS, 71))
    left, out = np.full((TILE_TARGETS, 71), 7.0), np.full((TILE_TARGETS, genes), np.nan)

    def product(targets):
        multiply(y[targets], x, left, out)
        return out[: len(targets)].copy()

    with one_blas_thread():
        whole = product(np.arange(TILE_TARGETS))
        np.testing.assert_allclose(whole, y @ x.T, rtol=0, atol=1e-12)
        order = rng.permutation(TILE_TARGETS)
        for targets in (order, order[:1], order[:17], order[::-1][: TILE_TARGETS - 1]):
            np.testing.assert_array_equal(product(targets), whole[targets])


@pytest.mark.parametrize("lines", [3, 30, 71, 200, 720])
@pytest.mark.parametrize("genes", [1, 63, 64, 130, 2000, 5003])
def test_a_pair_alone_has_the_bits_of_the_product_of_all(genes, lines):
    rng = np.random.default_rng(genes + lines)
    x, y = rng.standard_normal((genes, lines)), rng.standard_normal((TILE_TARGETS + 9, lines))
    with one_blas_thread():
        whole = np.empty((len(y), genes))
        left, out = np.empty((TILE_TARGETS, lines)), np.empty((TILE_TARGETS, genes))
        for start in (0, TILE_TARGETS):
            rows = slice(start, min(start + TILE_TARGETS, len(y)))
            multiply(y[rows], x, left, out)
            whole[rows] = out[: len(y[rows])]
        for pairs in (1, 5, 300):
            rows, columns = rng.integers(0, len(y), pairs), rng.integers(0, genes, pairs)
            columns[: pairs // 2] = genes - 1 - columns[: pairs // 2] % min(genes, 9)
            np.testing.assert_array_equal(products_of_pairs(y, x, rows, columns), whole[rows, columns])


def test_no_pairs_are_no_products():
    none = np.empty(0, dtype=np.int64)
    assert products_of_pairs(np.ones((2, 5)), np.ones((3, 5)), none, none).shape == (0,)
