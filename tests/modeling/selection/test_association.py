from functools import partial

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_info, threadpool_limits

from modeling.selection.association import (
    TARGETS_AT_ONCE,
    TESTS,
    Tile,
    error_of,
    one_blas_thread,
    prepare_targets,
    rounding_error,
)
from modeling.selection.exact import (
    DENSE,
    magnitude_of,
    magnitudes_of,
    may_differ_from_zero,
    statistics_of,
)
from modeling.selection.prepared import prepare_genes
from tests.modeling.selection_data import nasty_pair
from tests.reference.selection import all_tests


def tile_of(genes, effects):
    """A fresh tile with junk in it, filled: magnitudes of the targets only."""
    tile = Tile.for_genes(genes)
    for magnitude in tile.rough:
        magnitude[:] = np.nan
    with one_blas_thread():
        tile.fill(prepare_targets(np.ascontiguousarray(effects.T)))
    return [magnitude[: effects.shape[1]] for magnitude in tile.rough]


def data(lines, genes, targets, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((lines, genes)).astype(np.float32)
    x[:, 1] = 3.3
    x[:, 2] = np.round(x[:, 2])
    y = rng.standard_normal((lines, targets)) + x[:, [0]]
    y[:, 0] = np.round(y[:, 0])
    y[:, 1] = -1.1
    return x, y


@pytest.mark.parametrize(("lines", "genes"), [(30, 5), (97, 64), (120, 201), (1100, 90)])
def test_magnitudes_and_statistics_are_those_of_scipy(lines, genes):
    x, y = data(lines, genes, 6)
    prepared, targets = prepare_genes(x), prepare_targets(np.ascontiguousarray(y.T))
    tile, every = tile_of(prepared, y), np.arange(genes)
    for target in range(6):
        reference = all_tests(x, y[:, target])
        for test, rough in zip(TESTS, tile, strict=True):
            expected = np.nan_to_num(reference[test][0])
            np.testing.assert_array_equal(statistics_of(test, prepared, targets, target, every), expected)
            size = magnitude_of(test, expected)
            assert np.abs(rough[target] - size).max() <= error_of(test, lines)
            for magnitudes in (magnitudes_of, partial(magnitudes_of, reported=True)):
                exact = magnitudes(test, prepared, targets, np.full(genes, target), every)
                np.testing.assert_allclose(exact, size, rtol=1e-12, atol=2e-15)
            assert not size[~may_differ_from_zero(test, prepared)].any()


def test_many_pairs_have_the_magnitudes_of_few():
    x, y = data(60, 40, 6)
    prepared, targets = prepare_genes(x), prepare_targets(np.ascontiguousarray(y.T))
    rows, columns = (each.ravel() for each in np.indices((6, 40)))
    assert len(rows) > DENSE * 40
    for test in TESTS:
        many = magnitudes_of(test, prepared, targets, rows, columns)
        few = [magnitudes_of(test, prepared, targets, rows[i::6], columns[i::6]) for i in range(6)]
        np.testing.assert_allclose(many.reshape(-1, 6), np.array(few).T, rtol=1e-13, atol=1e-15)


def test_magnitudes_near_one_have_the_bits_of_scipy():
    x, y = nasty_pair()
    prepared, targets = prepare_genes(x), prepare_targets(np.ascontiguousarray(y.T))
    for test in TESTS[:2]:
        for target in (0, 1):
            expected = np.abs(statistics_of(test, prepared, targets, target, np.array([5])))
            assert expected[0] > 1 - 1e-9
            for magnitudes in (magnitudes_of, partial(magnitudes_of, reported=True)):
                found = magnitudes(test, prepared, targets, np.array([target]), np.array([5]))
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("lines", [5, 60, 1100])
def test_no_order_of_summation_exceeds_the_error(lines):
    """Not even one value after the other in single precision, of all the vectors tried."""
    rng = np.random.default_rng(lines)
    for _ in range(30):
        x, y = rng.standard_normal((2, lines)) ** rng.choice([1, 3, 9])
        x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
        total = np.float32(0)
        for one, other in zip(x.astype(np.float32), y.astype(np.float32), strict=True):
            total = np.float32(total + one * other)
        assert abs(float(total) - x @ y) < rounding_error(lines, 2.0**-24)


@pytest.mark.parametrize("targets", [1, 17, TARGETS_AT_ONCE])
def test_a_tile_may_hold_any_number_of_targets(targets):
    x, y = data(71, 67, targets + 1)
    whole, some = (tile_of(prepare_genes(x), each) for each in (y[:, -targets:], y[:, -1:]))
    for test, one, other in zip(TESTS, whole, some, strict=True):
        assert np.abs(one[-1] - other[0]).max() <= 2 * error_of(test, 71)


def test_an_error_of_r_moves_p_by_less_than_is_allowed_where_it_has_not_the_bits_of_scipy():
    """The bound behind `steep_from`: log p falls with r by at most lines / (1 - r^2)."""
    for lines in (5, 14, 60, 786, 2000):
        law = stats.beta(lines / 2 - 1, lines / 2 - 1, loc=-1, scale=2)
        r = np.linspace(0, 0.999, 1000)
        r = r[law.sf(r) > 1e-290]
        assert (law.pdf(r) / law.sf(r) <= lines / (1 - r**2)).all()


def test_products_stay_on_one_thread_and_the_setting_is_given_back():
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_blas_thread():
            assert set(threads()) == {1}
        assert threads() == before
