import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from modeling.selection.critical_values import NONE_KEPT, critical_values_of
from modeling.statistics.p_values import chi_squared_table, correlation_table
from tests.reference.magnitudes import rows_of_every_kind


@pytest.mark.parametrize("genes", [1, 2, 7, 100, 2500])
@pytest.mark.parametrize("fdr", [0.05, 0.3])
def test_the_bar_parts_the_genes_as_statsmodels_does(genes, fdr):
    rng = np.random.default_rng(genes)
    correlation = correlation_table(400, genes, fdr)
    chi = chi_squared_table(3, genes, fdr)
    for table, scale in ((correlation, 0.05), (chi, 1.0)):
        magnitude = np.minimum(rows_of_every_kind(genes, scale, rng), table.limit)
        critical_values = critical_values_of(magnitude, np.arange(len(magnitude)), table, fdr)
        for row, critical_value in zip(magnitude, critical_values, strict=True):
            q = multipletests(table.exact(row), method="fdr_bh")[1]
            np.testing.assert_array_equal(row >= critical_value, q < fdr)


def test_magnitudes_on_the_very_critical_values_are_decided_as_statsmodels_does():
    rng = np.random.default_rng(0)
    undecided = 0
    for genes in (5, 20, 100):
        for table in (correlation_table(30, genes, 0.05), chi_squared_table(1, genes, 0.05)):
            for _ in range(40):
                j = int(rng.integers(1, genes + 1))
                row = np.concatenate([np.full(j, table.critical[j - 1]), np.zeros(genes - j)])
                row[:j] *= 1 + rng.choice([-1e-15, 0, 1e-15], j)
                critical_value = critical_values_of(row[None, :], np.array([0]), table, 0.05)[0]
                p = table.exact(row)
                kept = multipletests(p, method="fdr_bh")[1] < 0.05
                np.testing.assert_array_equal(row >= critical_value, kept)
                undecided += not kept.all() and kept.any()
    assert undecided > 0  # at least once the last bits did decide


def test_rows_that_last_bits_decide_are_recomputed_first_and_no_others():
    table = correlation_table(30, 20, 0.05)
    decided, close = np.zeros(20), np.zeros(20)
    decided[:3] = 0.9
    close[:5] = table.critical[4] * (1 + 1e-12)
    magnitude, asked = np.stack([decided, close, decided]), []

    def recompute_exact(rows):
        asked.extend(rows.tolist())
        magnitude[rows, :5] = table.critical[4] * (1 - 1e-12)

    assert critical_values_of(magnitude, np.array([2, 1]), table, 0.05)[1] <= close[0]
    assert critical_values_of(magnitude, np.array([2, 1]), table, 0.05, recompute_exact)[1] == NONE_KEPT
    assert asked == [1]


def test_genes_without_a_p_do_not_count():
    table = correlation_table(100, 40, 0.05)
    magnitude = np.zeros((1, 4040))
    magnitude[0, 7] = table.critical[0] * 1.001  # significant among 40 genes, never among 4040
    critical_value = critical_values_of(magnitude, np.array([0]), table, 0.05)[0]
    assert np.flatnonzero(magnitude[0] >= critical_value).tolist() == [7]
    wide = correlation_table(100, 4040, 0.05)
    assert critical_values_of(magnitude, np.array([0]), wide, 0.05)[0] == NONE_KEPT


def test_only_the_rows_asked_for_are_looked_at():
    table = correlation_table(100, 3, 0.05)
    magnitude = np.array([[0.9, 0.0, 0.0], [np.nan] * 3, [0.0, 0.0, 0.1]])
    critical_values = critical_values_of(magnitude, np.array([2, 0]), table, 0.05)
    assert critical_values[0] == NONE_KEPT
    assert 0 < critical_values[1] < 0.9


def test_no_testable_gene_keeps_nothing():
    table = correlation_table(100, 0, 0.05)
    assert critical_values_of(np.zeros((2, 5)), np.arange(2), table, 0.05).tolist() == [NONE_KEPT] * 2
