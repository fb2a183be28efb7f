import numpy as np
import pytest
from scipy import stats

from modeling.statistics.baselines import UNKNOWN_LINEAGE, LineageMeans, own_expression


def lineage_only(effect: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """As `LineageMeans` predicts, of one target."""
    return LineageMeans(train, test).predict(effect[None])[0]


def test_lineage_means_as_a_loop_over_lines():
    rng = np.random.default_rng(0)
    numbers = np.array([0, 1, UNKNOWN_LINEAGE, 3, 4])
    train, test = numbers[rng.integers(0, 4, 300)], numbers[rng.integers(0, 5, 80)]
    effect = rng.normal(size=300)
    expected = [
        np.mean([e for e, t in zip(effect, train, strict=True) if t == name])
        if name != UNKNOWN_LINEAGE and name in train
        else np.mean(effect)
        for name in test
    ]
    np.testing.assert_allclose(lineage_only(effect, train, test), expected, rtol=0, atol=1e-14)


def test_unknown_and_unseen_lineages_get_the_overall_mean():
    train, test = np.array([0, 0, UNKNOWN_LINEAGE]), np.array([UNKNOWN_LINEAGE, 1, 0])
    predicted = lineage_only(np.array([1.0, 2.0, 6.0]), train, test)
    np.testing.assert_array_equal(predicted, [3.0, 3.0, 1.5])


def test_a_lineage_held_out_whole_is_predicted_as_the_training_mean():
    rng = np.random.default_rng(2)
    lineages, effect = rng.integers(0, 4, 200), rng.normal(size=200)
    train = lineages != 2
    predicted = lineage_only(effect[train], lineages[train], lineages[~train])
    np.testing.assert_array_equal(predicted, np.full(np.count_nonzero(~train), effect[train].mean()))


@pytest.mark.usefixtures("annotations_unchecked")
def test_lineages_must_match_the_effects():
    with pytest.raises(ValueError, match="expected one each"):
        lineage_only(np.array([1.0, 2.0]), np.array([0]), np.array([0]))
    with pytest.raises(ValueError, match="0 training effects"):
        lineage_only(np.array([]), np.array([], dtype=np.int64), np.array([0]))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_own_expression_is_simple_regression(scale):
    rng = np.random.default_rng(1)
    x, new = rng.normal(5, scale, 200), rng.normal(5, scale, 50)
    y = -0.3 * x / scale + rng.normal(size=200)
    fit = stats.linregress(x, y)
    # 1e-9 around 5 keeps only seven digits of x itself, in both.
    np.testing.assert_allclose(
        own_expression(x[None], y[None], new[None])[0], fit.intercept + fit.slope * new, rtol=1e-6, atol=1e-6
    )


def test_constant_expression_predicts_the_mean():
    x, y = np.full((1, 3), 0.1), np.array([[1.0, 2.0, 4.5]])
    np.testing.assert_array_equal(own_expression(x, y, np.array([[0.1, 9.0]])), [[2.5, 2.5]])


def test_targets_together_have_the_bits_of_each_alone():
    rng = np.random.default_rng(3)
    x, new, y = rng.normal(size=(7, 300)), rng.normal(size=(7, 40)), rng.normal(size=(7, 300))
    x[2] = 0.7
    train, test = rng.integers(-1, 4, 300), rng.integers(-1, 6, 40)
    means = LineageMeans(train, test)
    for rows in (y, np.asfortranarray(y)):
        together = own_expression(np.asfortranarray(x), rows, new)
        by_lineage = means.predict(rows)
        for i in range(7):
            alone = own_expression(x[i : i + 1], y[i : i + 1], new[i : i + 1])[0]
            np.testing.assert_array_equal(together[i], alone)
            np.testing.assert_array_equal(by_lineage[i], lineage_only(y[i], train, test))
