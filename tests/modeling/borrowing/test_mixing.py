"""Weights of a mix: against scipy's least squares on the plane where they add up to 1."""

import numpy as np
import pytest

from modeling.borrowing.mixing import CARRIERS, ENOUGH, TOO_FEW, carriers, mixing_weights
from tests.reference.borrowing import carriers_slow, weights_slow

LINES, STAGES = 120, 3


@pytest.fixture(scope="module")
def problems() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name -> (predictions of one target, stages x lines; its effect)."""
    rng = np.random.default_rng(0)
    y = rng.standard_normal(LINES)
    guesses = 0.5 * y + 0.6 * rng.standard_normal((STAGES, LINES))
    one = (np.arange(LINES) == 7).astype(float)
    few = (np.arange(LINES) < 6) * 2.0 + 0.1 * y
    return {
        "ordinary": (guesses, y),
        "one is far better": (np.stack([guesses[0], 0.95 * y, guesses[2]]), y),
        "one errs as another, twice as far": (np.stack([guesses[0], guesses[1], 2 * guesses[0] - y]), y),
        "two are equal": (guesses[[0, 1, 1]], y),
        "all are equal": (guesses[[1, 1, 1]], y),
        "all are right": (np.stack([y, y, y]), y),
        "levels": (guesses, np.round(y)),
        "huge": (1e6 * guesses + 1e7, 1e6 * y + 1e7),
        "tiny": (1e-6 * guesses, 1e-6 * y),
        "rare": (0.02 * guesses, one),
        "a few lines": (0.3 * few + 0.2 * guesses, few),
        "constant": (0.01 * guesses, np.full(LINES, 0.4)),
        "sixty lines": (guesses[:, :60], y[:60]),
        "five lines": (guesses[:, :5], y[:5]),
    }


def test_weights_are_those_of_least_squares_with_a_pull(problems) -> None:
    for name, (predictions, effect) in problems.items():
        weights = mixing_weights(predictions[:, :, None], effect[:, None])[:, 0]
        np.testing.assert_allclose(
            weights, weights_slow(predictions, effect), rtol=1e-8, atol=1e-9, err_msg=name
        )
        assert weights.sum() == pytest.approx(1, abs=1e-12)
        assert (weights >= 0).all()


def test_the_cases_differ_as_they_should(problems) -> None:
    found = {name: mixing_weights(p[:, :, None], y[:, None])[:, 0] for name, (p, y) in problems.items()}
    assert found["one is far better"][1] > 0.9
    assert found["one errs as another, twice as far"][2] == 0  # it would be negative
    np.testing.assert_allclose(found["all are equal"], 1 / 3)
    np.testing.assert_allclose(found["all are right"], 1 / 3)
    assert found["two are equal"][1] == pytest.approx(found["two are equal"][2])
    assert found["rare"][0] > 0.8  # a rare, private signal stays with the target's own prediction
    assert found["rare"][0] > found["a few lines"][0]


def test_few_lines_leave_the_own_prediction_alone(problems) -> None:
    predictions, effect = problems["one is far better"]
    other = {
        lines: mixing_weights(predictions[:, :lines, None], effect[:lines, None])[1, 0]
        for lines in (TOO_FEW, (TOO_FEW + ENOUGH) // 2, ENOUGH)
    }
    assert list(other) == [30, 60, 90]
    assert other[30] == 0
    assert other[60] == pytest.approx(other[90] / 2, rel=0.1)
    assert other[90] > 0.9


def test_targets_of_a_tile_do_not_touch_each_other(problems) -> None:
    same = [(p, y) for p, y in problems.values() if len(y) == LINES]
    together = mixing_weights(np.stack([p for p, _ in same], axis=2), np.stack([y for _, y in same], axis=1))
    for column, (predictions, effect) in enumerate(same):
        alone = mixing_weights(predictions[:, :, None], effect[:, None])[:, 0]
        np.testing.assert_allclose(together[:, column], alone, rtol=1e-12, atol=1e-15)


def test_few_teaching_targets_leave_the_own_prediction_alone(problems) -> None:
    predictions, effect = problems["one is far better"]
    weights = mixing_weights(predictions[:, :, None], effect[:, None], borrows=False)
    assert weights.tolist() == [[1.0], [0.0], [0.0]]


def test_carriers_are_the_lines_over_the_kurtosis(problems) -> None:
    for _, effect in problems.values():
        np.testing.assert_allclose(carriers(effect[:, None]), [carriers_slow(effect)], rtol=1e-8)
    rare = carriers(problems["rare"][1][:, None])
    assert 1 < rare < 1.1
    assert carriers(problems["ordinary"][1][:, None]) > CARRIERS
    assert carriers(np.zeros((9, 2))).tolist() == [0, 0]
