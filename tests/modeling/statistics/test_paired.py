import numpy as np
import pytest
from scipy import stats

from modeling.statistics.paired import MOST_EXACT, compare_pairs, differences, paired_tests, signed_rank_p

KINDS = ("plain", "ties", "zeros", "both")


def made_pairs(rng: np.random.Generator, tests: int, pairs: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Positive errors like RMSEs, the first a little larger; with ties or equal pairs, and some missing."""
    first, second = np.abs(rng.normal(1.0, 0.3, (2, tests, pairs)))
    first += 0.1
    if kind in ("ties", "both"):
        first, second = np.round(first * 4) / 4, np.round(second * 4) / 4
    if kind in ("zeros", "both"):
        first = np.where(rng.random((tests, pairs)) < 0.3, second, first)
    first[rng.random((tests, pairs)) < 0.15] = np.nan
    return first, second


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pairs", [1, 2, 3, 10, 13])
def test_each_row_equals_scipys_tests_of_its_pairs(kind, pairs):
    """scipy's signed-rank p is exact without ties, and with them, up to 13 pairs, a full permutation."""
    first, second = made_pairs(np.random.default_rng(pairs), 25, pairs, kind)
    found = paired_tests(first, second)
    for i in range(len(first)):
        known = ~np.isnan(first[i])
        x, y = first[i, known], second[i, known]
        assert found.n[i] == len(x)
        if len(x) < 2:
            assert np.isnan([found.t[i], found.t_p[i], found.wilcoxon_p[i]]).all()
            continue
        np.testing.assert_allclose(found.difference[i], np.mean(x - y), rtol=1e-12, atol=1e-15)
        if np.ptp(x - y) > 1e-9:
            expected = stats.ttest_rel(x, y)
            np.testing.assert_allclose(found.t[i], expected.statistic, rtol=1e-9)
            np.testing.assert_allclose(found.t_p[i], expected.pvalue, rtol=1e-9)
        if np.any(x != y):
            zero_free = (x - y)[x != y]
            np.testing.assert_allclose(found.wilcoxon_p[i], stats.wilcoxon(zero_free).pvalue, rtol=1e-9)
        else:
            assert np.isnan(found.wilcoxon_p[i])


@pytest.mark.parametrize("pairs", [14, 30, MOST_EXACT])
def test_more_pairs_without_ties_stay_exact(pairs):
    first, second = np.random.default_rng(1).normal(size=(2, 20, pairs))
    expected = [stats.wilcoxon(x, y, method="exact").pvalue for x, y in zip(first, second, strict=True)]
    np.testing.assert_allclose(paired_tests(first, second).wilcoxon_p, expected, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_many_pairs_are_scipys_normal_approximation(kind):
    first, second = made_pairs(np.random.default_rng(5), 4, 700, kind)
    found = paired_tests(first, second).wilcoxon_p
    for i in range(4):
        known = ~np.isnan(first[i])
        expected = stats.wilcoxon(first[i, known], second[i, known], method="asymptotic").pvalue
        np.testing.assert_allclose(found[i], expected, rtol=1e-9)


@pytest.mark.parametrize("pairs", [9, MOST_EXACT + 5])
def test_a_row_alone_has_the_bytes_it_has_among_many(pairs):
    first, second = made_pairs(np.random.default_rng(3), 30, pairs, "both")
    whole = paired_tests(first, second)
    for i in range(30):
        alone = paired_tests(first[i : i + 1], second[i : i + 1])
        for name in ("difference", "t", "t_p", "wilcoxon_p"):
            assert getattr(alone, name).tobytes() == getattr(whole, name)[i : i + 1].tobytes(), name


def test_what_cannot_be_tested_is_nan():
    nan = np.nan
    first = np.array([[nan, nan, nan], [1.0, nan, nan], [1, 2, 3], [2, 3, 4], [1, 2, 5]])
    second = np.array([[1.0, 2, 3], [1, 2, nan], [1, 2, 3], [1, 2, 3], [1, 2, 3]])
    found = paired_tests(first, second)
    np.testing.assert_array_equal(found.n, [0, 1, 3, 3, 3])
    np.testing.assert_array_equal(found.difference, [nan, 0, 0, 1, 2 / 3])
    np.testing.assert_array_equal(np.isnan(found.t), [True, True, True, True, False])
    np.testing.assert_array_equal(np.isnan(found.t_p), [True, True, True, True, False])
    np.testing.assert_array_equal(found.wilcoxon_p, [nan, nan, nan, 0.25, 1.0])


def test_no_pairs_and_no_tests_are_no_error():
    assert paired_tests(np.empty((0, 4)), np.empty((0, 4))).n.size == 0
    assert np.isnan(paired_tests(np.empty((2, 0)), np.empty((2, 0))).wilcoxon_p).all()


def test_rounding_is_no_difference():
    found = differences(np.array([[0.1 + 0.2, 1e9, 1e-9]]), np.array([[0.3, 1e9 + 1e-5, 2e-9]]))
    np.testing.assert_array_equal(found, [[0.0, 0.0, -1e-9]])


def test_p_values_of_noise_are_spread_evenly():
    difference = np.random.default_rng(0).normal(size=(4000, 12))
    p = signed_rank_p(difference)
    assert np.mean(p < 0.05) < 0.06
    assert 0.45 < np.mean(p < 0.5) < 0.55


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
