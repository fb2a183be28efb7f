import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from modeling.statistics.metrics import (
    Measured,
    average_ranks,
    benjamini_hochberg,
    mean_jaccard,
    pearson,
    rmse,
    spearman,
    varies,
)
from tests.reference.metrics import benjamini_hochberg_slow, jaccard_slow


@pytest.mark.parametrize("n", [2, 3, 30, 977])
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_correlations_equal_scipy(n, scale):
    rng = np.random.default_rng(n)
    x = rng.normal(size=n)
    y = 0.4 * x + rng.normal(size=n)
    assert pearson(x * scale, y * scale) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-13)
    assert spearman(x * scale, y * scale) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-13)


def test_spearman_averages_ties():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 3, 200).astype(float), rng.integers(0, 5, 200).astype(float)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-13)


@given(
    st.lists(st.floats(-3, 3).map(lambda x: round(x, 1)) | st.floats(allow_nan=False, allow_infinity=False))
)
def test_ranks_are_scipys_to_the_bit(values):
    values = np.array(values, dtype=float)  # ties, constants, -0.0 beside 0.0, none at all
    np.testing.assert_array_equal(average_ranks(values), stats.rankdata(values))


def test_constant_measured_is_null_and_constant_prediction_is_zero():
    vary, constant = np.array([1.0, 2.0, 3.0]), np.full(3, 0.1) + np.array([0, 1e-17, 0])
    for r in (pearson, spearman):
        assert np.isnan(r(constant, vary))
        assert np.isnan(r(constant, constant))
        assert r(vary, constant) == 0.0
        assert r(vary, np.array([0.0, 1e-17, 3e-17])) == 0.0  # what rounding leaves of 0
        assert np.isnan(r(np.array([]), np.array([])))
        assert np.isnan(r(vary, np.array([1.0, np.nan, 2.0])))


def test_a_sure_relation_is_one_not_more():
    x = np.random.default_rng(0).normal(size=999)
    assert pearson(x, 3 * x + 1) <= 1.0
    assert pearson(x, -x) >= -1.0


def test_rounding_is_not_variation():
    rows = np.array([[0.1 + 0.2, 0.3], [1.0, 1.0 + 1e-9], [0.0, 0.0]])
    np.testing.assert_array_equal(varies(rows), [False, True, False])


def hard_rows(rng, lines):
    """Measured and predicted values of targets: plain, tied, constant, nearly so, not finite, far from 0."""
    measured = rng.normal(size=(9, lines))
    predicted = 0.5 * measured + rng.normal(size=(9, lines))
    measured[1], predicted[1] = np.round(measured[1]), np.round(predicted[1], 1)
    measured[2] = 0.3
    predicted[3] = 0.1 + np.arange(lines) * 1e-17
    measured[4, 0], predicted[5, -1], predicted[6, 0] = np.nan, np.nan, np.inf
    measured[7], predicted[7] = 1e140 * measured[7] - 3e140, 1e140 * predicted[7]
    predicted[8] += 1e9
    return measured, predicted


@pytest.mark.parametrize("lines", [2, 7, 129, 1000])
def test_targets_compared_together_have_the_bits_of_each_alone(lines):
    measured, predicted = hard_rows(np.random.default_rng(lines), lines)
    # Rows of a matrix stored by columns, too: the order in memory is no part of a result.
    for x, y in ((measured, predicted), (np.asfortranarray(measured), np.asfortranarray(predicted))):
        together = Measured(x)
        for name, alone in (("pearson", pearson), ("spearman", spearman), ("rmse", rmse)):
            each = [alone(a, b) for a, b in zip(measured, predicted, strict=True)]
            np.testing.assert_array_equal(getattr(together, name)(y), each, err_msg=name)


def test_hard_rows_compared_together_are_scipys():
    measured, predicted = hard_rows(np.random.default_rng(5), 150)
    r, rho = Measured(measured).pearson(predicted), Measured(measured).spearman(predicted)
    for i in (0, 1, 7, 8):
        assert r[i] == pytest.approx(stats.pearsonr(measured[i], predicted[i]).statistic, abs=1e-9)
        assert rho[i] == pytest.approx(stats.spearmanr(measured[i], predicted[i]).statistic, abs=1e-12)
    np.testing.assert_array_equal(r[2:7], [np.nan, 0.0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(rho[2:7], [np.nan, 0.0, np.nan, np.nan, np.nan])


@given(st.lists(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=3, max_size=3), max_size=5))
def test_rows_are_ranked_each_by_itself(rows):
    values = np.array(rows, dtype=float).reshape(-1, 3)
    np.testing.assert_array_equal(average_ranks(values), stats.rankdata(values, axis=1))


def test_rmse_is_in_the_effects_unit():
    assert rmse(np.array([0.0, 0.0]), np.array([3.0, 4.0])) == pytest.approx(np.sqrt(12.5))
    assert np.isnan(rmse(np.array([]), np.array([])))


@pytest.mark.usefixtures("annotations_unchecked")
def test_vectors_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="equally long"):
        rmse(np.zeros(3), np.zeros(4))


@given(
    st.lists(
        st.one_of(st.floats(0, 1), st.just(float("nan")), st.sampled_from([0.0, 0.01, 1.0])), max_size=60
    )
)
def test_false_discovery_rates_equal_statsmodels(p):
    values = np.array(p, dtype=float)
    np.testing.assert_allclose(
        benjamini_hochberg(values), benjamini_hochberg_slow(values), rtol=1e-12, atol=1e-300
    )


@pytest.mark.parametrize("p", [[-0.1, 0.5], [0.2, 1.1]])
def test_p_values_outside_their_range_are_refused(p):
    with pytest.raises(ValueError, match=r"0\.\.1"):
        benjamini_hochberg(np.array(p))


@given(st.lists(st.sets(st.integers(0, 8)), max_size=6))
def test_jaccard_as_a_double_loop(sets):
    np.testing.assert_allclose(mean_jaccard(sets), jaccard_slow(sets))


def test_jaccard_of_nothing_is_null():
    assert np.isnan(mean_jaccard([set(), set()]))
    assert np.isnan(mean_jaccard([{1}]))
    assert mean_jaccard([{1, 2}, set()]) == 0.0
