import numpy as np
import pytest
from scipy import stats

from modeling.statistics.paired import compare_pairs


def test_equals_scipys_paired_tests():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal(40), rng.standard_normal(40) + 0.3
    first[3] = second[5] = np.nan
    second[7] = first[7]
    found = compare_pairs(first, second)
    known = ~(np.isnan(first) | np.isnan(second))
    x, y = first[known], second[known]
    assert (found.n, found.first_better, found.second_better) == (38, (x > y).sum(), (x < y).sum())
    t = stats.ttest_rel(x, y)
    assert found.t_p == pytest.approx(t.pvalue, rel=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(t.confidence_interval(0.95)), rel=1e-12)
    moved = x != y
    assert found.wilcoxon_p == pytest.approx(stats.wilcoxon(x[moved], y[moved]).pvalue, rel=1e-12)
    assert found.mean == pytest.approx((x - y).mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "mean"), [([], [], np.nan), ([1.0], [0.5], 0.5), ([1.0] * 5, [0.5] * 5, 0.5)]
)
def test_too_few_pairs_or_equal_differences_have_no_interval(first, second, mean):
    found = compare_pairs(np.array(first, dtype=float), np.array(second, dtype=float))
    assert found.n == found.first_better == len(first)
    np.testing.assert_equal(found.mean, mean)
    assert np.isnan([found.low, found.high, found.t_p]).all()
