import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from modeling.selection.association import (
    TESTS,
    TILE_TARGETS,
    Tile,
    one_blas_thread,
    prepare_targets,
    statistics_of,
)
from modeling.selection.prepared import prepare_genes
from tests.reference.selection import all_tests


def tile_of(genes, effects):
    """A fresh tile with junk in it, filled: magnitudes of the targets only."""
    tile = Tile.for_genes(genes)
    for magnitude in tile.statistic_magnitude:
        magnitude[:] = np.nan
    tile.left[:] = 7.0
    with one_blas_thread():
        tile.fill(prepare_targets(np.ascontiguousarray(effects.T)))
    return [magnitude[: effects.shape[1]] for magnitude in tile.statistic_magnitude]


def data(lines, genes, targets, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((lines, genes)).astype(np.float32)
    x[:, 1] = 3.3
    x[:, 2] = np.round(x[:, 2])
    y = rng.standard_normal((lines, targets)) + x[:, [0]]
    y[:, 0] = np.round(y[:, 0])
    y[:, 1] = -1.1
    return x, y


@pytest.mark.parametrize(("lines", "genes"), [(30, 5), (97, 64), (120, 201)])
def test_magnitudes_and_statistics_are_those_of_scipy(lines, genes):
    x, y = data(lines, genes, 6)
    prepared, targets = prepare_genes(x), prepare_targets(np.ascontiguousarray(y.T))
    tile = tile_of(prepared, y)
    for target in range(6):
        reference = all_tests(x, y[:, target])
        for test, magnitude in zip(TESTS, tile, strict=True):
            expected = np.nan_to_num(reference[test][0])
            size = np.abs(expected) if test != "chi2" else np.sqrt(expected)
            np.testing.assert_allclose(magnitude[target], size, rtol=1e-12, atol=2e-15)
            if target != 1:  # a constant target is never asked for, nor a constant gene
                varies = np.flatnonzero(prepared.varies)
                exact = statistics_of(test, prepared, targets, target, varies)
                np.testing.assert_array_equal(exact, expected[varies])


@pytest.mark.parametrize("genes", [1, 63, 64, 130])
def test_a_target_has_the_same_bits_at_every_place_of_every_block(genes):
    x, y = data(71, genes + 3, TILE_TARGETS)
    prepared = prepare_genes(x)
    whole = tile_of(prepared, y)
    order = np.random.default_rng(1).permutation(TILE_TARGETS)
    for targets in (order, order[:1], order[:17], order[::-1][: TILE_TARGETS - 1]):
        for everything, some in zip(whole, tile_of(prepared, y[:, targets]), strict=True):
            np.testing.assert_array_equal(some, everything[targets])


def test_products_stay_on_one_thread_and_the_setting_is_given_back():
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_blas_thread():
            assert set(threads()) == {1}
        assert threads() == before
