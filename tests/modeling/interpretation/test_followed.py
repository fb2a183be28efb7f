import numpy as np
import pytest

import modeling.interpretation.followed as module
from modeling.interpretation.followed import FollowedGenes, followed_genes, groups_of, standardised
from tests.reference.followed import followed_slow


def made(lines=80, genes=40, targets=9, seed=0):
    """Predictions and measurements that share genes, lineages that shift both; some values missing."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 4, lines)
    x = (rng.gamma(2, 1.5, (lines, genes)) + groups[:, None] * rng.random(genes)).astype(np.float32)
    signal = x[:, :targets] + x[:, 1 : targets + 1]
    predicted = signal + rng.normal(size=(lines, targets))
    measured = signal + 3 * rng.normal(size=(lines, targets))
    measured[:5, 2] = np.nan
    predicted[7, 4] = np.nan
    return x, predicted, measured, groups


def nasty(seed=1):
    """Constants on every side, twins, genes that vary between groups only, and too few lines."""
    x, predicted, measured, groups = made(seed=seed)
    x[:, 3], x[:, 5] = 0.1, x[:, 4]
    x[:, 6] = groups
    predicted[:, 0], measured[:, 1] = -0.3, 0.1
    predicted[:, 5] = groups  # nothing left inside groups
    measured[2:, 6] = np.nan
    measured[:, 7] = np.round(measured[:, 7] / 8)  # levels, with ties
    return x, predicted, measured, groups


def rows_of(found: FollowedGenes):
    return list(zip(*vars(found).values(), strict=True))


@pytest.mark.parametrize("data", [made(), made(seed=3), nasty()], ids=["usual", "other", "nasty"])
@pytest.mark.parametrize("most", [1, 10, 99])
def test_rows_are_those_of_scipy_and_statsmodels_target_by_target(data, most):
    found, expected = rows_of(followed_genes(*data, most=most)), followed_slow(*data, most)
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    np.testing.assert_allclose(
        np.array([row[3:] for row in found]), np.array([row[3:] for row in expected]), atol=1e-12
    )
    assert len(found) > 5


def test_targets_that_say_nothing_have_no_rows():
    found = followed_genes(*nasty())
    assert set(found.target) == {2, 3, 4, 5, 7, 8}
    np.testing.assert_array_equal(found.partial[found.target == 5], 0.0)


@pytest.mark.parametrize("data", [made(), made(seed=3), nasty()], ids=["usual", "other", "nasty"])
@pytest.mark.parametrize("most", [1, 10])
def test_what_is_standardised_once_changes_no_bit(data, most):
    x, predicted, measured, groups = data
    x = x.copy()
    x[:, 8] = 0.5
    x[0, 8] = 900  # over the lines that target 6 has, it is constant
    x[:, 9] = 0.1 * x[:, 2]
    x[1, 9] = 900  # it hardly varies there
    measured = measured.copy()
    measured[:2, 6] = np.nan
    again = followed_genes(x, predicted, measured, groups, most=most, scaled=standardised(x))
    assert rows_of(again) == rows_of(followed_genes(x, predicted, measured, groups, most=most))


def test_of_twin_genes_the_first_comes_first_and_both_are_there():
    x, predicted, measured, groups = nasty()
    found = followed_genes(x, predicted[:, [4]], measured[:, [4]], groups)
    first = np.flatnonzero(found.gene == 4)[0]
    assert found.gene[first + 1] == 5
    assert found.pearson[first] == found.pearson[first + 1]


def test_a_gene_that_the_prediction_follows_against_the_measured_effect_does_not_count():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    predicted, measured = (x[:, [0]] + 2 * x[:, [1]]).astype(float), (x[:, [0]] - 2 * x[:, [1]]).astype(float)
    assert 1 not in followed_genes(x, predicted, measured).gene


@pytest.mark.parametrize("tile", [1, 4, 128])
def test_a_targets_bits_do_not_depend_on_its_company(tile, monkeypatch):
    x, predicted, measured, groups = made(genes=200, targets=30)
    together = rows_of(followed_genes(x, predicted, measured, groups))
    monkeypatch.setattr(module, "TILE_TARGETS", tile)
    assert rows_of(followed_genes(x, predicted, measured, groups)) == together
    alone = [
        (target, *row[1:])
        for target in range(30)
        for row in rows_of(followed_genes(x, predicted[:, [target]], measured[:, [target]], groups))
    ]
    assert alone == together


def test_rounding_of_the_fast_product_decides_nothing():
    """Genes alike to the sixth digit: float32 cannot tell their order, float64 can."""
    rng = np.random.default_rng(6)
    base = rng.normal(size=300)
    x = base[:, None] + 1e-6 * rng.normal(size=(300, 64))
    effect = base + rng.normal(size=300)
    found = followed_genes(x, effect[:, None], effect[:, None], most=5)
    exact = [np.corrcoef(effect, gene)[0, 1] for gene in x.T]
    assert found.gene.tolist() == np.argsort(exact)[::-1][:5].tolist()


def test_without_groups_partial_is_not_known():
    x, predicted, measured, _ = made()
    assert np.isnan(followed_genes(x, predicted, measured).partial).all()


def test_unknown_lineages_are_one_group_and_small_ones_another():
    labels = ["Lung"] * 5 + [""] * 2 + ["Eye"] * 4 + ["Testis"] + ["small"] * 5
    groups = groups_of(labels)
    assert len(set(groups)) == 4
    assert len(set(groups[7:12])) == 1
    assert groups[5] == groups[6] != groups[7]
    assert len(set(groups[12:])) == 1
    assert groups_of(["", ""]).tolist() == [0, 0]
