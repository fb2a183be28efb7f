import numpy as np
import pytest

from modeling.statistics.pooling import pooled, pooled_many
from tests.reference.metrics import pooled_slow


def stacked(rng, sizes):
    """Rows of many targets: codes, measured, predicted and the fold's mean."""
    codes = np.repeat(np.arange(len(sizes)) * 3, sizes)
    mean = rng.choice([-0.1, 0.0, 0.2], size=codes.size)
    measured = rng.normal(size=codes.size) + mean
    predicted = rng.normal(0.1, 0.2) * measured + 0.3 * rng.normal(size=codes.size) + mean
    return codes, measured, predicted, mean


def test_many_targets_equal_a_loop_of_scipy():
    rng = np.random.default_rng(0)
    sizes = rng.integers(4, 400, size=60)
    codes, measured, predicted, mean = stacked(rng, sizes)
    scores = pooled_many(codes, measured, predicted, mean)
    np.testing.assert_array_equal(scores.n, sizes)
    for i, code in enumerate(scores.targets):
        rows = codes == code
        expected = pooled_slow(measured[rows], predicted[rows], mean[rows])
        found = (scores.r[i], scores.low[i], scores.high[i], scores.p[i])
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_one_target_alone_equals_itself_among_many():
    rng = np.random.default_rng(1)
    codes, measured, predicted, mean = stacked(rng, [5, 300, 4, 77])
    many = pooled_many(codes, measured, predicted, mean)
    for i, code in enumerate(many.targets):
        rows = codes == code
        alone = pooled(measured[rows], predicted[rows], mean[rows])
        assert (alone.r, alone.low, alone.high, alone.p, alone.n) == (
            many.r[i],
            many.low[i],
            many.high[i],
            many.p[i],
            many.n[i],
        )


def test_the_far_tail_of_p_keeps_its_digits():
    rng = np.random.default_rng(2)
    x = rng.normal(size=900)
    y = x + 0.3 * rng.normal(size=900)
    expected = pooled_slow(x, y, np.zeros(900))
    assert expected[3] < 1e-250
    assert pooled(x, y, np.zeros(900)).p == pytest.approx(expected[3], rel=1e-8, abs=0)


def test_predicting_the_training_mean_scores_nothing():
    rng = np.random.default_rng(3)
    measured = rng.normal(size=500)
    fold_of = np.arange(500) % 5
    mean = np.array([measured[fold_of != k].mean() for k in range(5)])[fold_of]
    # The uncorrected correlation is the trap this score avoids.
    assert np.corrcoef(measured, mean)[0, 1] < -0.05
    score = pooled(measured, mean, mean)
    assert (score.r, score.p, score.n) == (0.0, 1.0, 500)
    assert pooled(measured, mean + 1e-16, mean).p == 1.0
    assert pooled(measured, 1e-17 * measured, np.zeros(500)).r == 0.0
    assert score.low == pytest.approx(-score.high)


def test_constant_measured_values_are_null():
    score = pooled(np.full(9, 0.3), np.arange(9.0), np.full(9, 0.3))
    assert np.isnan([score.r, score.low, score.high, score.p]).all()


def test_few_rows_have_no_interval_and_missing_rows_do_not_count():
    measured, predicted = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 3.0, 2.0, np.nan])
    score = pooled(measured, predicted, np.zeros(4))
    assert score.n == 3
    assert score.r == pytest.approx(np.corrcoef(measured[:3], predicted[:3])[0, 1])
    assert np.isnan(score.low)
    assert np.isnan(score.high)
    assert 0 < score.p < 1
    assert pooled(measured[:2], predicted[:2], np.zeros(2)).p == 1.0


def test_a_target_without_any_row_left_keeps_its_place():
    scores = pooled_many(
        np.array([2, 5, 5, 5]), np.array([1.0, 1, 2, 3]), np.array([np.nan, 1, 2, 4]), np.zeros(4)
    )
    np.testing.assert_array_equal(scores.targets, [2, 5])
    np.testing.assert_array_equal(scores.n, [0, 3])
    assert np.isnan(scores.r[0])
    none = pooled(np.array([]), np.array([]), np.array([]))
    assert none.n == 0
    assert np.isnan(none.r)


def test_a_sure_prediction_has_a_sure_interval():
    x = np.arange(10.0)
    score = pooled(x, 2 * x, np.zeros(10))
    assert (score.r, score.low, score.high, score.p) == (1.0, 1.0, 1.0, 0.0)


def test_unsorted_targets_are_refused():
    with pytest.raises(ValueError, match="sorted by target"):
        pooled_many(np.array([1, 0]), np.zeros(2), np.zeros(2), np.zeros(2))
