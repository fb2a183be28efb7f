import numpy as np
import pytest

from modeling.candidates import boosting
from modeling.candidates.boosting import Boosting, validation_split
from modeling.candidates.registry import Problem
from tests.reference.candidates import xgboost_slow
from tests.reference.hard_data import hard_problems, signal

HARD = hard_problems()


@pytest.mark.parametrize(
    ("features", "effect"),
    [signal(200, 6, 0), signal(90, 20, 1, noise=0.1), HARD["levels 0, 1, 2"], HARD["thirty lines"]],
)
def test_equals_the_librarys_own_interface(features, effect):
    problem = Problem(features, effect, 11)
    kept, held = validation_split(problem)
    rate, rounds, score, predict = xgboost_slow(features, effect, kept, held)
    (fitted,) = Boosting().fit([problem])
    assert fitted.status == "ok", fitted.reason
    assert (fitted.parameters["learning_rate"], fitted.parameters["rounds"]) == (rate, rounds)
    assert fitted.parameters["held_out_rmse"] == pytest.approx(score, rel=1e-6)
    np.testing.assert_allclose(fitted.predict(features), predict(features), rtol=0, atol=1e-6)


def test_a_tenth_is_held_out_by_the_seed():
    problem = Problem(*signal(101, 3, 0), 5)
    kept, held = validation_split(problem)
    assert len(held) == 11
    np.testing.assert_array_equal(np.union1d(kept, held), np.arange(101))
    other = validation_split(Problem(problem.features, problem.effect, 6))[1]
    assert not np.array_equal(held, other)


def test_the_refit_uses_every_line(monkeypatch):
    monkeypatch.setattr(boosting, "ROUNDS", 5)
    features, effect = signal(100, 3, 2)
    problem = Problem(features, effect, 1)
    _, held = validation_split(problem)
    changed = effect.copy()
    # One held-out line moved far: a model that never saw it would not follow.
    changed[held[0]] += 1000
    before, after = Boosting().fit([problem, Problem(features, changed, 1)])
    assert np.abs(after.predict(features) - before.predict(features))[held[0]] > 10


def test_contributions_add_up_and_are_the_shapley_values_of_a_small_model():
    features, effect = signal(150, 3, 4)
    (fitted,) = Boosting().fit([Problem(features, effect, 2)])
    parts = fitted.model.contributions(features)
    np.testing.assert_allclose(parts.sum(axis=1), fitted.predict(features), atol=1e-4)
    np.testing.assert_allclose(parts[:, -1], parts[0, -1])
    # A feature that no split used takes no part; one that carries everything takes nearly all.
    lone = np.column_stack([features[:, 0], np.zeros(150)])
    (one,) = Boosting().fit([Problem(lone, 2 * features[:, 0], 2)])
    assert (one.model.contributions(lone)[:, 1] == 0).all()
    assert one.model.gains(2).tolist() == [1.0, 0.0]
    assert fitted.model.gains(3).sum() == pytest.approx(1)
