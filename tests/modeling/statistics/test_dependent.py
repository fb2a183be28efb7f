"""The interval of a difference of correlations, by how often it holds the true one, and at its ends."""

import numpy as np
import pytest

from modeling.statistics.dependent import FEWEST, difference_interval


@pytest.mark.parametrize(("first", "second", "between"), [(0.6, 0.5, 0.7), (0.3, 0.0, 0.2), (0.8, 0.7, 0.9)])
def test_it_holds_the_true_difference_as_often_as_it_says(
    first: float, second: float, between: float
) -> None:
    truth = np.array([[1, first, second], [first, 1, between], [second, between, 1]])
    rng = np.random.default_rng(7)
    draws = rng.multivariate_normal(np.zeros(3), truth, size=(500, 80))
    centred = draws - draws.mean(axis=1, keepdims=True)
    sums = np.einsum("dni,dnj->dij", centred, centred)
    scale = np.sqrt(np.einsum("dii->di", sums))
    r = sums / scale[:, :, None] / scale[:, None, :]
    held = 0
    for drawn in r:
        low, high = difference_interval(drawn[0, 1], drawn[0, 2], drawn[1, 2], 80)
        held += low <= first - second <= high
    assert 0.925 < held / len(r) < 0.975


def test_equal_predictions_differ_by_little_and_unrelated_ones_by_more() -> None:
    low, high = difference_interval(0.5, 0.5, 1.0, 100)
    assert -0.05 < low <= 0 <= high < 0.05  # Fisher's intervals are not symmetric
    wide = difference_interval(0.5, 0.5, 0.25, 100)
    assert wide[0] < -0.15
    assert wide[1] > 0.15


def test_it_turns_around_with_the_two() -> None:
    low, high = difference_interval(0.5, 0.3, 0.4, 100)
    assert difference_interval(0.3, 0.5, 0.4, 100) == pytest.approx((-high, -low))
    assert low < 0.2 < high


def test_the_ends_and_what_is_not_known() -> None:
    assert np.isfinite(difference_interval(1.0, -1.0, -1.0, 50)).all()
    assert np.isnan(difference_interval(0.5, float("nan"), 0.4, 100)).all()
    assert np.isnan(difference_interval(0.5, 0.3, 0.4, FEWEST - 1)).all()
