import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import SelectKBest, f_regression

from modeling.selection.ranking import standardised_genes, top_genes
from modeling.selection.tiles import TILE_TARGETS
from tests.reference.forest import top_genes_slow


def data(lines, genes, targets, seed=0):
    """Genes with ties, copies and constants; targets with levels."""
    rng = np.random.default_rng(seed)
    x = rng.gamma(2.0, 1.5, (lines, genes)).astype(np.float32)
    x[:, 3], x[:, 8], x[:, 5] = 0.0, 3.3, x[:, 4]
    x[:, 6] = np.round(x[:, 6])
    x[:, 7] = 8 - x[:, 6]
    y = rng.standard_normal((lines, targets)) + 0.3 * x[:, [0]]
    y[:, 0] = np.round(y[:, 0])
    return x, y


@pytest.mark.parametrize("count", [1, 7, 40, 118, 119, 120, 500])
def test_genes_are_those_of_the_slow_loop(count):
    x, y = data(50, 120, 4)
    found = top_genes(standardised_genes(x), y, count)
    assert found.shape == (4, min(count, 120))
    for genes, effect in zip(found, y.T, strict=True):
        assert genes.tolist() == top_genes_slow(x, effect, count)


@pytest.mark.parametrize("count", [5, 60, 198, 200])
def test_genes_are_those_of_select_k_best(count):
    rng = np.random.default_rng(2)
    x, y = rng.gamma(2.0, 1.5, (70, 200)).astype(np.float32), rng.standard_normal((70, 3))
    x[:, [9, 17]] = 1.5  # constant genes score 0 there, and come last
    for genes, effect in zip(top_genes(standardised_genes(x), y, count), y.T, strict=True):
        library = SelectKBest(f_regression, k=count).fit(x, effect)
        assert genes.tolist() == np.flatnonzero(library.get_support()).tolist()


def test_genes_of_real_targets_are_those_of_select_k_best(real_data):
    expression = pd.read_parquet(real_data / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    names = ["CTNNB1", "SOX10", "KRAS", "BRAF", "EBF1", "TP63", "MDM2", "NRAS"]
    levels = pd.read_parquet(real_data / "gene_dependency_level_22q1.parquet", columns=names)
    lines = expression.index.intersection(levels.index)[:300]
    x, y = expression.loc[lines].to_numpy(np.float32), levels.loc[lines].to_numpy(np.float64)
    for genes, effect in zip(top_genes(standardised_genes(x), y, 100), y.T, strict=True):
        library = SelectKBest(f_regression, k=100).fit(x, effect)
        assert genes.tolist() == np.flatnonzero(library.get_support()).tolist()


def test_of_equally_strong_genes_the_lower_column_is_taken():
    x, y = data(60, 30, 1)
    x[:, 0] = x[:, 20] = x[:, 10]
    y = x[:, [10]].astype(np.float64)
    genes = standardised_genes(x)
    assert top_genes(genes, y, 1).tolist() == [[0]]
    assert top_genes(genes, y, 2).tolist() == [[0, 10]]


def test_constant_genes_come_last_even_after_a_gene_without_any_correlation():
    x = np.tile(np.array([[0.0, 1.0, 1.0, 2.0]]), (8, 1))
    x[::2, 1], x[:4, 2] = 0.0, 0.0
    y = np.array([[1.0, -1, -1, 1, 1, -1, -1, 1]]).T  # with both genes' r exactly 0
    assert top_genes(standardised_genes(x), y, 2).tolist() == [[1, 2]]
    assert top_genes(standardised_genes(x), y, 3).tolist() == [[0, 1, 2]]


def test_a_target_has_the_same_genes_in_any_company():
    x, y = data(61, 130, TILE_TARGETS + 3)
    genes = standardised_genes(x)
    whole = top_genes(genes, y, 50)
    for targets in ([TILE_TARGETS + 1], [5, 2], range(100, TILE_TARGETS + 3)):
        np.testing.assert_array_equal(top_genes(genes, y[:, targets], 50), whole[list(targets)])


def test_an_infinite_effect_costs_its_neighbours_nothing():
    x, y = data(40, 60, 3)
    genes = standardised_genes(x)
    whole = top_genes(genes, y, 10)
    y[4, 1] = np.inf
    np.testing.assert_array_equal(top_genes(genes, y, 10)[[0, 2]], whole[[0, 2]])


def test_expression_with_gaps_is_refused():
    x, _ = data(40, 60, 3)
    x[2, 2] = np.nan
    with pytest.raises(ValueError, match="column 2"):
        standardised_genes(x)
