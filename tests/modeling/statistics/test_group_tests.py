import numpy as np
import pytest
from scipy import stats

from modeling.statistics.group_tests import FEWEST, compare_groups


def test_every_column_equals_scipys_welch_test() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0.3, 1.0, (12, 40)) * rng.gamma(2, 1, 40)
    others = rng.normal(0.0, 2.0, (31, 40)) + 1e6 * (np.arange(40) == 7)
    values[rng.random(values.shape) < 0.2] = np.nan
    others[rng.random(others.shape) < 0.1] = np.nan
    others[:, 3] = np.round(others[:, 3])  # ties
    found = compare_groups(values, others)
    for column in range(40):
        x, y = (side[~np.isnan(side[:, column]), column] for side in (values, others))
        expected = stats.ttest_ind(x, y, equal_var=False)
        pooled = np.sqrt(
            ((len(x) - 1) * x.var(ddof=1) + (len(y) - 1) * y.var(ddof=1)) / (len(x) + len(y) - 2)
        )
        assert (found.n[column], found.n_against[column]) == (len(x), len(y))
        assert found.t[column] == pytest.approx(expected.statistic, rel=1e-9)
        assert found.p[column] == pytest.approx(expected.pvalue, rel=1e-8, abs=1e-300)
        assert found.effect_size[column] == pytest.approx((x.mean() - y.mean()) / pooled, rel=1e-9)
        assert found.difference[column] == pytest.approx(x.mean() - y.mean(), rel=1e-12)


def test_columns_that_cannot_be_tested_have_no_p() -> None:
    values = np.array([[0.1, 0.1, 1.0, np.nan], [0.1, 0.1, 2.0, 1.0], [0.1, 0.1, 3.0, 2.0]])
    others = np.array([[0.1, 0.1, np.nan, 0.0], [0.1, 0.3, np.nan, 1.0], [0.1, 0.2, np.nan, 5.0]])
    found = compare_groups(values, others)
    assert np.isnan(found.p).tolist() == [True, False, True, True]
    assert np.isnan(found.t).tolist() == [True, False, True, True]
    assert found.n.tolist() == [3, 3, 3, FEWEST - 1]
    assert found.difference[0] == 0
    assert np.isnan(found.mean_against[2])


def test_one_side_without_spread_is_tested() -> None:
    values, others = np.full((5, 1), 0.7), np.array([[0.1], [0.3], [0.2], [0.25]])
    expected = stats.ttest_ind(values[:, 0], others[:, 0], equal_var=False)
    found = compare_groups(values, others)
    assert found.t[0] == pytest.approx(expected.statistic)
    assert found.p[0] == pytest.approx(expected.pvalue)


def test_a_tail_far_out_is_not_zero() -> None:
    rng = np.random.default_rng(0)
    values, others = rng.normal(10, 1, (80, 1)), rng.normal(0, 1, (300, 1))
    expected = stats.ttest_ind(values[:, 0], others[:, 0], equal_var=False).pvalue
    assert 0 < expected < 1e-80
    assert compare_groups(values, others).p[0] == pytest.approx(expected, rel=1e-6)
