from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest

from modeling.candidates.base import BaseCandidate, FitCost, fit_each
from modeling.candidates.choice import choose, validation_split
from modeling.candidates.fitted import Fitted, LinearModel
from modeling.candidates.registry import Problem, candidates_of
from tests.reference.autoselect import QUICK_TIGHT, choose_slow, validation_rows
from tests.reference.hard_data import signal

QUICK = candidates_of("quick")


@dataclass(frozen=True)
class Constant(BaseCandidate):
    """Predicts one value; fails on fewer lines than `fails_under` or more than `fails_over`."""

    name: str
    value: float
    fails_under: int = 0
    fails_over: int = 10**9
    error: type[Exception] = ValueError
    slope: float = 0.0
    seen: list[int] = field(default_factory=list)
    summary: str = "one value for all lines"
    cost: FitCost = FitCost(1.0)
    model: ClassVar = LinearModel

    def fit(self, problems):
        return fit_each(self.name, self._fit_one, problems)

    def _fit_one(self, problem):
        self.seen.append(problem.n_lines)
        if not self.fails_under <= problem.n_lines <= self.fails_over:
            raise self.error("planted")
        return Fitted(self.name, LinearModel(self.value, np.full(problem.n_features, self.slope)))


def test_equals_a_loop_over_scikit_learn():
    cases = [(400, 12, 0), (300, 30, 1), (500, 6, 2), (350, 20, 3)]
    problems = [Problem(*signal(n, p, seed), seed) for n, p, seed in cases]
    winners = set()
    for problem, choice in zip(problems, choose(problems, QUICK), strict=True):
        winner, errors, predict = choose_slow(problem.features, problem.effect, problem.seed, QUICK_TIGHT)
        found = {trial.candidate: trial.validation_rmse for trial in choice.trials}
        assert found == pytest.approx(errors, rel=1e-7)
        assert choice.fitted.candidate == winner
        unseen, _ = signal(50, problem.n_features, 77)
        np.testing.assert_allclose(choice.fitted.predict(unseen), predict(unseen), rtol=0, atol=1e-6)
        winners.add(winner)
    assert len(winners) > 1


def test_the_split_is_a_tenth_by_the_seed():
    for n, seed in [(30, 0), (101, 2**62)]:
        kept, held = validation_split(Problem(*signal(n, 2, 0), seed))
        expected = validation_rows(n, seed)
        np.testing.assert_array_equal(kept, expected[0])
        np.testing.assert_array_equal(held, expected[1])


def test_a_choice_is_the_same_alone_and_in_company():
    problems = [Problem(*signal(60 + i, 3 + i, i), i) for i in range(5)]
    together = choose(problems, QUICK)
    for problem, choice in zip(problems, together, strict=True):
        (alone,) = choose([Problem(problem.features, problem.effect, problem.seed)], QUICK)
        assert alone.fitted.candidate == choice.fitted.candidate
        for name, array in choice.fitted.arrays().items():
            assert alone.fitted.arrays()[name].tobytes() == array.tobytes()
        for a, b in zip(alone.trials, choice.trials, strict=True):
            assert (a.candidate, a.validation_rmse, a.chosen) == (b.candidate, b.validation_rmse, b.chosen)


def test_trials_tell_everything_and_one_is_chosen():
    (choice,) = choose([Problem(*signal(80, 4, 0), 0)], QUICK)
    assert [trial.candidate for trial in choice.trials] == ["ols", "ridge", "lasso", "tree"]
    assert [trial.candidate for trial in choice.trials if trial.chosen] == [choice.fitted.candidate]
    assert all(trial.status == "ok" and trial.parameters and trial.seconds >= 0 for trial in choice.trials)
    assert choice.seconds >= sum(trial.seconds for trial in choice.trials)


def test_the_validation_lines_are_not_seen_by_the_trials():
    features, effect = signal(100, 4, 1)
    _, held = validation_split(Problem(features, effect, 0))
    changed = effect.copy()
    changed[held] = changed[held][::-1] + 5
    before, after = (choose([Problem(features, y, 0)], QUICK)[0] for y in (effect, changed))
    for a, b in zip(before.trials, after.trials, strict=True):
        assert a.parameters == b.parameters
        assert a.validation_rmse != b.validation_rmse


def test_ties_go_to_the_earlier_candidate():
    problem = Problem(*signal(40, 2, 0), 0)
    # Two predictions that differ in the 14th digit are a tie.
    first, second = Constant("first", 1.0), Constant("second", 1.0 + 1e-14)
    assert choose([problem], [first, second])[0].fitted.candidate == "first"
    assert choose([problem], [second, first])[0].fitted.candidate == "second"


def test_the_winner_is_refitted_on_all_lines_and_the_others_are_not():
    problem = Problem(np.zeros((50, 1)), np.full(50, 3.0), 0)
    winner, loser = Constant("winner", 3.0), Constant("loser", 9.0)
    choose([problem], [loser, winner])
    assert (winner.seen, loser.seen) == ([45, 50], [45])


@pytest.mark.parametrize("error", [ValueError, np.linalg.LinAlgError, FloatingPointError])
def test_a_failing_candidate_is_a_trial_and_the_rest_go_on(error):
    problem = Problem(*signal(50, 2, 0), 0)
    (choice,) = choose([problem], [Constant("broken", 0.0, fails_under=99, error=error), *QUICK])
    trial = choice.trials[0]
    assert (trial.status, trial.chosen) == ("failed", False)
    assert np.isnan(trial.validation_rmse)
    assert trial.reason == f"{error.__name__}: planted"
    (expected,) = choose([problem], QUICK)
    assert choice.fitted.candidate == expected.fitted.candidate


def test_a_prediction_that_is_not_finite_fails_its_candidate():
    problem = Problem(*signal(50, 1, 0), 0)
    (choice,) = choose([problem], [Constant("steep", 0.0, slope=1e308), Constant("mean", 0.0)])
    assert choice.trials[0].status == "failed"
    assert "not finite" in choice.trials[0].reason
    assert choice.fitted.candidate == "mean"


def test_where_the_refit_fails_the_next_best_is_taken():
    problem = Problem(np.zeros((50, 1)), np.full(50, 3.0), 0)
    fragile, second, third = (
        Constant("fragile", 3.0, fails_over=45),
        Constant("second", 4.0),
        Constant("third", 5.0),
    )
    other = Problem(np.zeros((20, 1)), np.full(20, 3.0), 0)
    refused, fine = choose([problem, other], [third, second, fragile])
    assert refused.fitted.candidate == "second"
    assert [trial.chosen for trial in refused.trials] == [False, True, False]
    assert fine.fitted.candidate == "fragile"


def test_all_failing_is_a_status_that_names_every_reason():
    problem = Problem(*signal(50, 2, 0), 0)
    candidates = [Constant("early", 0.0, fails_under=99), Constant("late", 0.0, fails_over=45)]
    (choice,) = choose([problem], candidates)
    assert choice.fitted.status == "failed"
    assert "early: ValueError: planted" in choice.fitted.reason
    assert "late, refitted on all lines: ValueError: planted" in choice.fitted.reason
    assert not any(trial.chosen for trial in choice.trials)
    assert np.isnan(choice.fitted.predict(problem.features)).all()


def test_our_own_mistakes_are_not_swallowed():
    with pytest.raises(KeyError):
        choose([Problem(*signal(50, 2, 0), 0)], [Constant("broken", 0.0, fails_under=99, error=KeyError)])


def test_nothing_to_choose():
    assert choose([], QUICK) == []
    with pytest.raises(ValueError, match="no candidates"):
        choose([Problem(*signal(50, 2, 0), 0)], [])
