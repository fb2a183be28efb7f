"""Scores within groups of lines, against a loop over the groups with scipy."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from modeling.statistics.grouped import within_groups
from tests.reference.without_one import least_without_one


def rows(sizes: list[int], seed: int = 0) -> tuple[np.ndarray, ...]:
    """Codes 0, 2, 4, ... with so many rows each; measured, predicted, baseline and the fold's mean."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(2 * np.arange(len(sizes)), sizes)
    measured = rng.normal(size=len(codes))
    predicted = 0.5 * measured + rng.normal(size=len(codes))
    return codes, measured, predicted, rng.normal(size=len(codes)), rng.normal(size=len(codes)) / 9


def slow(measured: np.ndarray, predicted: np.ndarray, baseline: np.ndarray, mean: np.ndarray) -> list[float]:
    y, x = measured - mean, predicted - mean
    found = pearsonr(y, x, alternative="greater")
    two_sided = pearsonr(y, x).confidence_interval(0.95)
    least = least_without_one(measured, predicted, mean)
    errors = [np.sqrt(np.mean((measured - other) ** 2)) for other in (predicted, baseline)]
    spread = [measured.mean(), measured.std(ddof=1)]
    return [*spread, found.statistic, least, two_sided.low, two_sided.high, found.pvalue, *errors]


def test_each_group_equals_a_loop_with_scipy() -> None:
    codes, *columns = rows([5, 40, 7, 211])
    found = within_groups(codes, *columns)
    assert found.groups.tolist() == [0, 2, 4, 6]
    assert found.n.tolist() == [5, 40, 7, 211]
    for at, code in enumerate(found.groups):
        mine = slow(*(column[codes == code] for column in columns))
        names = ("mean", "sd", "r", "r_least", "low", "high", "p", "rmse", "rmse_baseline")
        assert [getattr(found, name)[at] for name in names] == pytest.approx(mine, rel=1e-10, abs=1e-12)


def test_rows_without_a_value_do_not_count_and_other_groups_stay() -> None:
    codes, *columns = rows([6, 9])
    spoilt = [column.copy() for column in columns]
    spoilt[0][0], spoilt[1][1] = np.nan, np.nan
    found, rest = within_groups(codes, *spoilt), within_groups(codes[2:], *(c[2:] for c in columns))
    for name in ("groups", "n", "mean", "r", "r_least", "rmse"):
        np.testing.assert_array_equal(getattr(found, name), getattr(rest, name))


def test_too_few_rows_and_constant_effects_have_no_r() -> None:
    codes, measured, predicted, baseline, mean = rows([1, 2, 3, 12])
    measured[6:] = 0.1  # while the fold's means differ, which must not pass for an effect that varies
    found = within_groups(codes, measured, predicted, baseline, mean)
    assert np.isnan(found.r).tolist() == [True, True, False, True]
    assert np.isnan(found.p).tolist() == [True, True, False, True]
    assert np.isnan(found.r_least).all()
    assert np.isnan(found.sd).tolist() == [True, False, False, False]
    assert found.sd[3] == 0


def test_an_r_that_one_row_makes_is_nothing_without_it() -> None:
    rng = np.random.default_rng(1)
    measured, predicted, none = np.zeros(40), rng.normal(size=40) / 10, np.zeros(40)
    measured[7], predicted[7] = 2.0, 2.0
    found = within_groups(np.zeros(40, np.int64), measured, predicted, none, none)
    assert found.r[0] > 0.9
    assert found.r_least[0] == 0  # nothing varies without it


def one_dependent(dependent: int, lines: int = 34) -> tuple[np.ndarray, ...]:
    """Levels, predictions about their folds' means, and these: what both sides lose makes an r of its own."""
    mean = np.repeat([0.10, 0.15, 0.20, 0.25, 0.30], 7)[:lines]
    rng = np.random.default_rng(4)
    measured, predicted = np.zeros(lines), 0.02 * rng.normal(size=lines)
    measured[:dependent], predicted[:dependent] = 1.0, 1.0
    return measured, predicted, mean


@pytest.mark.parametrize("dependent", [1, 2, 5, 33])
def test_folds_means_make_no_r_without_the_only_line_that_depends(dependent: int) -> None:
    measured, predicted, mean = one_dependent(dependent)
    found = within_groups(np.zeros(34, np.int64), measured, predicted, mean, mean)
    assert found.r_least[0] == pytest.approx(least_without_one(measured, predicted, mean), abs=1e-12)
    alone = dependent in (1, 33)  # without the one line that differs, all measure the same
    assert (found.r_least[0] == 0) == alone
    if alone:
        others = measured != (dependent == 1)
        assert np.ptp(measured[others]) == 0
        assert pearsonr((measured - mean)[others], (predicted - mean)[others]).statistic > 0.3


def test_no_rows_give_no_groups() -> None:
    none = np.empty(0)
    assert within_groups(none.astype(np.int64), none, none, none, none).groups.size == 0
