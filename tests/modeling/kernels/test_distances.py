import numpy as np
import pytest

from modeling.kernels.distances import (
    log2_scaling_of,
    mean_distances,
    mean_products,
    scaling_of,
    standardised,
)
from tests.reference.borrowing import log2_slow
from tests.reference.hard_data import hard_problems
from tests.reference.kernel_ridge import standardise_slow


def lines(n: int, genes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, genes)).astype(np.float32)


@pytest.mark.parametrize("name", sorted(hard_problems()))
def test_standardised_by_the_training_lines_as_the_slow_loop_does(name: str):
    x = hard_problems()[name][0].astype(np.float32)
    train, rest = x[: len(x) * 2 // 3], x[len(x) * 2 // 3 :]
    scaling = scaling_of(train)
    for part in (train, rest):
        np.testing.assert_allclose(
            standardised(part, scaling), standardise_slow(train, part), rtol=1e-6, atol=1e-6
        )


@pytest.mark.parametrize("name", sorted(hard_problems()))
def test_log2_units_by_the_training_lines_as_the_slow_version_does(name: str):
    x = hard_problems()[name][0].astype(np.float32)
    train, rest = x[: len(x) * 2 // 3], x[len(x) * 2 // 3 :]
    scaling = log2_scaling_of(train)
    assert len(set(scaling.inverse[scaling.varies])) <= 1
    for part in (train, rest):
        np.testing.assert_allclose(standardised(part, scaling), log2_slow(train, part), rtol=1e-6, atol=1e-6)


def test_a_gene_constant_in_training_counts_nowhere():
    x = lines(20, 5)
    x[:15, 2] = 0.1
    scaling = scaling_of(x[:15])
    assert list(scaling.varies) == [True, True, False, True, True]
    assert (standardised(x[15:], scaling)[:, 2] == 0).all()


# Sizes beside and across the edges of tiles (4 x 128 lines, 512 genes).
@pytest.mark.parametrize(
    ("left", "right", "genes"), [(1, 1, 1), (5, 129, 513), (130, 3, 512), (7, 128, 1100)]
)
def test_distances_equal_a_loop_over_pairs(left: int, right: int, genes: int):
    a, b = lines(left, genes, 1), lines(right, genes, 2)
    slow = [[np.abs(x.astype(float) - y.astype(float)).mean() for y in b] for x in a]
    np.testing.assert_allclose(mean_distances(a, b), slow, rtol=1e-13)
    products = [[np.mean(x.astype(float) * y.astype(float)) for y in b] for x in a]
    np.testing.assert_allclose(mean_products(a, b), products, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("n", [1, 4, 127, 128, 131, 260])
def test_distances_within_one_set_are_those_with_itself_to_the_last_bit(n: int):
    z = lines(n, 600)
    within = mean_distances(z)
    assert np.array_equal(within, mean_distances(z, z))
    assert np.array_equal(within, within.T)
    assert (np.diag(within) == 0).all()
    assert np.array_equal(mean_products(z), mean_products(z).T)


def test_a_pair_has_the_same_bits_whichever_lines_stand_beside_it():
    z = lines(140, 700)
    whole = mean_distances(z)
    assert np.array_equal(mean_distances(z[3:17], z[100:]), whole[3:17, 100:])


def test_only_the_genes_counted_divide_the_sum():
    z = lines(6, 10)
    assert np.allclose(mean_distances(z, counted=5), 2 * mean_distances(z))
    assert np.allclose(mean_products(z, counted=5), 2 * mean_products(z))
    assert (mean_distances(np.zeros((6, 10), dtype=np.float32), counted=0) == 0).all()


def test_many_genes_lose_no_digits():
    """float32 sums of 20 000 genes would be off by 1e-5."""
    z = lines(3, 20_000) + 100
    exact = np.abs(z[0].astype(np.longdouble) - z[1].astype(np.longdouble)).mean()
    assert abs(mean_distances(z)[0, 1] - float(exact)) < 1e-14


def test_a_gene_that_a_new_line_does_not_know_is_left_out_of_its_means():
    new, train = lines(9, 1100, 1), lines(140, 1100, 2)
    whole = mean_distances(new, train), mean_products(new, train)
    holed = new.copy()
    holed[2, :200], holed[5, 1000:], holed[8] = np.nan, np.nan, np.nan
    known = ~np.isnan(holed)
    counted = known.sum(axis=1)
    distances, products = (f(holed, train, counted) for f in (mean_distances, mean_products))
    for i in (2, 5):
        a, b = new[i, known[i]].astype(float), train[:, known[i]].astype(float)
        np.testing.assert_allclose(distances[i], np.abs(a - b).mean(axis=1), rtol=1e-13)
        np.testing.assert_allclose(products[i], (a * b).mean(axis=1), rtol=1e-10, atol=1e-14)
    assert (distances[8] == 0).all()  # nothing known, nothing counted
    assert (products[8] == 0).all()
    complete = [0, 1, 3, 4, 6, 7]
    assert np.array_equal(distances[complete], whole[0][complete])
    np.testing.assert_allclose(products[complete], whole[1][complete], rtol=1e-12, atol=1e-15)
    copy = train[:3].copy()
    copy[:, 7] = np.nan
    assert (np.diag(mean_distances(copy, train)) == 0).all()
