import numpy as np
import pytest
from scipy import stats

from modeling.selection.buckets import interpolated
from modeling.statistics.p_values import (
    chi_squared_p,
    chi_squared_table,
    correlation_p,
    correlation_table,
    pearson_p,
)

TABLES = [(correlation_table, n) for n in (5, 6, 7, 10, 30, 97, 786, 3000)] + [
    (chi_squared_table, freedom) for freedom in range(1, 6)
]


@pytest.mark.parametrize("lines", [3, 4, 5, 30, 786])
def test_p_is_that_of_pearsonr_and_spearmanr(lines):
    rng = np.random.default_rng(lines)
    for noise in (0.0, 0.01, 1.0, 100.0):
        x = rng.standard_normal(lines)
        y = x + noise * rng.standard_normal(lines)
        for function in (stats.pearsonr, stats.spearmanr):
            r, p = function(x, y)
            if abs(r) < 1 - 1e-9:  # beyond, one unit in the last place of r decides
                assert correlation_p(np.array([abs(r)]), lines)[0] == pytest.approx(p, rel=1e-10, abs=1e-300)
    assert correlation_p(np.array([0.0, 1.0, 1.0 + 1e-15]), 30).tolist() == [1.0, 0.0, 0.0]


def test_p_of_chi_squared_is_scipy_s():
    chi = np.array([0.0, 1e-6, 0.3, 5.0, 80.0, 1500.0])
    for freedom in range(1, 6):
        expected = stats.chi2.sf(chi, freedom)
        np.testing.assert_allclose(chi_squared_p(np.sqrt(chi), freedom), expected, rtol=1e-12)
    assert chi_squared_p(np.zeros(3), 0).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("table_of", "size"), TABLES)
def test_tables_hold_to_their_promises(table_of, size):
    table = table_of(size, 1000, 0.05)
    np.testing.assert_allclose(table.exact(table.critical), 0.05 * np.arange(1, 1001) / 1000, rtol=1e-9)
    assert (np.diff(table.critical) < 0).all()
    at = np.random.default_rng(0).random(20_000) * table.limit
    at[:3] = 0.0, table.limit, table.step * 1e-3
    assert np.abs(interpolated(at, table) - np.log(table.exact(at))).max() < 2e-10


def test_without_freedom_nothing_is_significant():
    table = chi_squared_table(0, 10, 0.05)
    assert np.isinf(table.critical).all()
    assert table.exact(np.zeros(2)).tolist() == [1.0, 1.0]


def test_pearsons_p_has_scipys_rounding_where_r_is_nearly_1():
    rng = np.random.default_rng(0)
    apart = 0.0
    for noise in (1e-2, 1e-4, 1e-6, 1e-8):
        x = rng.standard_normal(8)
        r, p = stats.pearsonr(x, x + noise * rng.standard_normal(8))
        assert pearson_p(np.array([r]), 8)[0] == pytest.approx(p, rel=1e-10, abs=1e-300)
        apart = max(apart, abs(correlation_p(np.array([r]), 8)[0] / p - 1) if p else 0.0)
    assert apart > 1e-8  # which is why there are two
