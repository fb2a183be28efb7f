import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from modeling.selection.critical_values import NONE_KEPT, critical_values_of
from modeling.statistics.p_values import chi_squared_table, correlation_table
from tests.reference.magnitudes import blurred, rows_of_every_kind


def found(magnitude, table, fdr, error=1e-6, rows=None):
    """Critical values from magnitudes that are off by up to the error, and the exact ones where asked for."""
    rough = blurred(magnitude, error, np.random.default_rng(0))
    rows = np.arange(len(magnitude)) if rows is None else np.array(rows)
    return critical_values_of(rough, error, rows, table, fdr, lambda row, columns: magnitude[row, columns])


@pytest.mark.parametrize("error", [1e-6, 1e-3, 0.03])
@pytest.mark.parametrize("genes", [1, 2, 7, 100, 2500])
@pytest.mark.parametrize("fdr", [0.05, 0.3, 0.95])
def test_the_bar_parts_the_genes_as_statsmodels_does(genes, fdr, error):
    rng = np.random.default_rng(genes)
    correlation = correlation_table(400, genes, fdr)
    chi = chi_squared_table(3, genes, fdr)
    for table, scale in ((correlation, 0.05), (chi, 1.0)):
        magnitude = np.minimum(rows_of_every_kind(genes, scale, rng), table.limit)
        critical_values = found(magnitude, table, fdr, error * scale / 0.05)
        for row, critical_value in zip(magnitude, critical_values, strict=True):
            q = multipletests(table.exact(row), method="fdr_bh")[1]
            np.testing.assert_array_equal(row >= critical_value, q < fdr)


@pytest.mark.parametrize("error", [1e-6, 0.01])
def test_magnitudes_on_the_very_critical_values_are_decided_as_statsmodels_does(error):
    rng = np.random.default_rng(0)
    undecided = 0
    for genes in (5, 20, 100):
        for table in (correlation_table(30, genes, 0.05), chi_squared_table(1, genes, 0.05)):
            for _ in range(40):
                j = int(rng.integers(1, genes + 1))
                row = np.concatenate([np.full(j, table.critical[j - 1]), np.zeros(genes - j)])
                row[:j] *= 1 + rng.choice([-1e-15, 0, 1e-15], j)
                critical_value = found(row[None, :], table, 0.05, error)[0]
                p = table.exact(row)
                kept = multipletests(p, method="fdr_bh")[1] < 0.05
                np.testing.assert_array_equal(row >= critical_value, kept)
                undecided += not kept.all() and kept.any()
    assert undecided > 0  # at least once the last bits did decide


def test_exact_magnitudes_are_asked_for_near_a_critical_value_and_nowhere_else():
    table = correlation_table(30, 20, 0.05)
    decided, close = np.zeros(20), np.zeros(20)
    decided[:3] = 0.9
    close[:5] = table.critical[4]
    rough, asked = np.stack([decided, close, decided]).astype(np.float32), []

    def exact(nudge):
        def magnitudes(row, columns):
            asked.append((row, columns.tolist()))
            return np.full(len(columns), table.critical[4] * nudge)

        return magnitudes

    rows = np.array([2, 1])
    above = critical_values_of(rough, 1e-6, rows, table, 0.05, exact(1 + 1e-12))
    assert above[1] <= table.critical[4] * (1 + 1e-12)
    assert critical_values_of(rough, 1e-6, rows, table, 0.05, exact(1 - 1e-12))[1] == NONE_KEPT
    assert asked == [(1, [0, 1, 2, 3, 4])] * 2


def test_a_gene_kept_for_sure_stays_kept_beside_a_doubtful_one_that_is_stronger():
    table = correlation_table(100, 10, 0.05)
    error, bar = 0.01, table.critical[0]
    magnitude = np.zeros((1, 10))
    magnitude[0, :2] = bar + 0.001, bar + 0.004
    rough = magnitude.astype(np.float32)
    rough[0, :2] = bar + 0.0105, bar - 0.005
    critical_value = critical_values_of(
        rough, error, np.array([0]), table, 0.05, lambda row, columns: magnitude[row, columns]
    )[0]
    assert np.flatnonzero(magnitude[0] >= critical_value).tolist() == [0, 1]


def test_genes_without_a_p_do_not_count():
    table = correlation_table(100, 40, 0.05)
    magnitude = np.zeros((1, 4040))
    magnitude[0, 7] = table.critical[0] * 1.001  # significant among 40 genes, never among 4040
    critical_value = found(magnitude, table, 0.05)[0]
    assert np.flatnonzero(magnitude[0] >= critical_value).tolist() == [7]
    wide = correlation_table(100, 4040, 0.05)
    assert found(magnitude, wide, 0.05)[0] == NONE_KEPT


@pytest.mark.parametrize("fdr", [0.05, 0.99, 0.9999])
def test_they_do_not_where_the_bar_is_below_the_error(fdr):
    rng = np.random.default_rng(5)
    magnitude = np.zeros((8, 60))
    magnitude[:, 20:] = np.abs(rng.standard_normal((8, 40))) * 0.03  # those that vary come last
    table = correlation_table(1000, 40, fdr)
    critical_values = found(magnitude, table, fdr, error=6e-5)
    for row, critical_value in zip(magnitude, critical_values, strict=True):
        kept = np.zeros(60, dtype=bool)
        kept[20:] = multipletests(table.exact(row[20:]), method="fdr_bh")[1] < fdr
        np.testing.assert_array_equal((row >= critical_value)[20:], kept[20:])


def test_only_the_rows_asked_for_are_looked_at():
    table = correlation_table(100, 3, 0.05)
    magnitude = np.array([[0.9, 0.0, 0.0], [np.nan] * 3, [0.0, 0.0, 0.1]])
    critical_values = found(magnitude, table, 0.05, rows=[2, 0])
    assert critical_values[0] == NONE_KEPT
    assert 0 < critical_values[1] < 0.9


def test_no_testable_gene_keeps_nothing():
    table = correlation_table(100, 0, 0.05)
    assert found(np.zeros((2, 5)), table, 0.05).tolist() == [NONE_KEPT] * 2
