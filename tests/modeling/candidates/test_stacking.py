"""Stacks against slow, obvious versions: weights by trying every set, a loop over inner folds."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SlowRidge

from modeling.candidates.base import FitCost, SingleProblemCandidate
from modeling.candidates.fitted import Fitted, LinearModel, StoredModel
from modeling.candidates.linear.few import NUMBERS, PENALTIES
from modeling.candidates.problem import Problem
from modeling.candidates.registry import candidates_of, restore
from modeling.candidates.stacking import (
    LEAST_SHARE,
    SHRINKAGE,
    STACK,
    InnerFold,
    NestedProblem,
    stack,
    stacking_weights,
)
from tests.reference.hard_data import signal
from tests.reference.stacking import weights_slow


def made(seed: int, candidates: int = 4, lines: int = 50) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    effect = rng.normal(size=lines)
    quality = rng.uniform(-0.6, 1.2, size=candidates)
    return effect[:, None] * quality + rng.normal(size=(lines, candidates)), effect


@pytest.mark.parametrize("seed", range(12))
def test_weights_are_those_of_trying_every_set(seed: int) -> None:
    predicted, effect = made(seed, 2 + seed % 4)
    expected = weights_slow(predicted, effect, SHRINKAGE, LEAST_SHARE)
    assert stacking_weights(predicted, effect) == pytest.approx(expected, rel=1e-8, abs=1e-10)


def test_the_draws_hold_weights_of_zero_and_not() -> None:
    drawn = np.concatenate([stacking_weights(*made(seed, 2 + seed % 4)) for seed in range(12)])
    assert (drawn == 0).any()
    assert (drawn > 0.2).any()


def test_hard_cases_of_weights() -> None:
    predicted, effect = made(1)
    for case in (
        np.repeat(predicted[:, :1], 3, axis=1),  # all alike
        predicted * [1.0, 0.0, 1e-9, 1.0],  # one is the mean, one nearly
        -predicted,
        np.zeros_like(predicted),
        predicted * 1e8,
    ):
        found = stacking_weights(case, effect)
        assert found == pytest.approx(weights_slow(case, effect, SHRINKAGE, LEAST_SHARE), rel=1e-6, abs=1e-9)
        assert (found >= 0).all()
    alike = stacking_weights(np.repeat(predicted[:, :1], 3, axis=1), effect)
    assert np.ptp(alike) < 1e-12
    assert stacking_weights(predicted * 1e-200, effect) == pytest.approx(np.full(4, LEAST_SHARE / 4))


def nested(seed: int = 0, lines: int = 83, genes: int = 40, own: int = 2) -> NestedProblem:
    """Problems of other features in every fold, as selection anew gives them."""
    rng = np.random.default_rng(seed)
    features, effect = signal(lines, genes, seed)
    parts = np.array_split(rng.permutation(lines), 5)
    folds = []
    for part in map(np.sort, parts):
        chosen, kept = (
            np.append(rng.permutation(np.arange(3, genes))[:31], own),
            np.setdiff1d(np.arange(lines), part),
        )
        problem = Problem(features[np.ix_(kept, chosen)], effect[kept], 5, 6, 31)
        folds.append(InnerFold(problem, part, features[np.ix_(part, chosen)]))
    return NestedProblem(Problem(features, effect, 5, 6, own), tuple(folds))


def test_a_stack_is_the_loop_over_inner_folds() -> None:
    problem = nested()
    whole, candidates = problem.whole, candidates_of(("ols", "knn100", "own_expression"))
    (choice,) = stack([problem], candidates)
    means, predicted = np.empty(whole.n_lines), np.empty((whole.n_lines, 3))
    for fold in problem.folds:
        means[fold.held] = fold.problem.effect.mean()
        for j, candidate in enumerate(candidates):
            predicted[fold.held, j] = candidate.fit([fold.problem])[0].predict(fold.features)
    errors = np.sqrt(np.square(predicted - whole.effect[:, None]).mean(axis=0))
    assert [t.validation_rmse for t in choice.trials] == pytest.approx(errors, rel=1e-10)
    weights = weights_slow(predicted - means[:, None], whole.effect - means, SHRINKAGE, LEAST_SHARE)
    assert [t.weight for t in choice.trials] == pytest.approx(weights, rel=1e-7, abs=1e-9)
    assert [t.chosen for t in choice.trials] == [t.weight > 0 for t in choice.trials]
    mean = whole.effect.mean()
    new, _ = signal(20, whole.n_features, 9)
    by_hand = mean + sum(
        w * (c.fit([whole])[0].predict(new) - mean) for w, c in zip(weights, candidates, strict=True)
    )
    assert choice.fitted.predict(new) == pytest.approx(by_hand, rel=1e-7)


def test_the_number_and_penalty_are_those_of_the_least_error_by_inner_folds() -> None:
    problem = nested(3)
    (choice,) = stack([problem], candidates_of(("few_ridge",)))
    errors = {}
    for number in NUMBERS:
        for penalty in PENALTIES:
            squares = []
            for fold in problem.folds:
                x, y = fold.problem.features[:, : number or None], fold.problem.effect
                mean, sd = x.mean(axis=0), x.std(axis=0)
                slow = SlowRidge(alpha=penalty).fit((x - mean) / sd, y)
                predicted = slow.predict((fold.features[:, : number or None] - mean) / sd)
                squares.extend(np.square(predicted - problem.whole.effect[fold.held]))
            errors[number or problem.whole.n_features, penalty] = np.mean(squares)
    trial = choice.trials[0]
    assert (trial.parameters["number"], trial.parameters["penalty"]) == min(
        errors, key=lambda key: errors[key]
    )
    assert trial.validation_rmse == pytest.approx(np.sqrt(min(errors.values())), rel=1e-8)


@pytest.mark.parametrize("names", ["careful", ("ols", "own_expression"), ("tree", "xgboost", "deep")])
def test_a_stored_stack_predicts_the_same_bits(names: str | tuple[str, ...]) -> None:
    problem = nested(1)
    (choice,) = stack([problem], candidates_of(names))
    new, _ = signal(20, problem.whole.n_features, 9)
    arrays = {
        k: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for k, a in choice.fitted.arrays().items()
    }
    again = restore(STACK, arrays) if choice.fitted.coefficients() is None else None
    assert (again is None) == (names == ("ols", "own_expression"))
    if again is not None:
        assert again.predict(new).tobytes() == choice.fitted.predict(new).tobytes()
        # A line's prediction is the same alone; networks' and linear parts' bits are those of their products.
        assert again.predict(new[:1]) == pytest.approx(choice.fitted.predict(new)[:1], rel=1e-12)


def test_expression_of_single_precision_is_stored_so() -> None:
    problem = nested(2)
    rounded = problem.whole.features.astype(np.float32).astype(np.float64)
    problem = replace(problem, whole=Problem(rounded, problem.whole.effect, 5, 6, 2))
    (choice,) = stack([problem], candidates_of(("knn100",)))
    arrays = choice.fitted.arrays()
    assert arrays["knn100/features~"].dtype == np.float32
    assert arrays["knn100/effect"].dtype == np.float64
    assert restore(STACK, arrays).predict(rounded).tobytes() == choice.fitted.predict(rounded).tobytes()


@dataclass(frozen=True)
class Fragile(SingleProblemCandidate):
    """Learns the effect's line on the first feature, and fails for problems of some numbers of lines."""

    name: str = "fragile"
    summary: str = "fails"
    cost: FitCost = FitCost(0.0001)
    model: ClassVar[type[StoredModel]] = LinearModel
    fails_at: tuple[int, ...] = ()

    def fit_one(self, problem: Problem) -> Fitted:
        if problem.n_lines in self.fails_at:
            raise ValueError("planted")
        return Fitted(self.name, LinearModel(problem.effect_mean, np.eye(1, problem.n_features)[0]))


@pytest.mark.parametrize("fails_at", [(66, 67), (83,)], ids=["in a fold", "on all lines"])
def test_a_candidate_that_fails_anywhere_has_no_weight(fails_at: tuple[int, ...]) -> None:
    problem = nested(4)
    good = candidates_of(("ridge", "own_expression"))
    (choice,) = stack([problem], (Fragile(fails_at=fails_at), *good))
    (alone,) = stack([problem], good)
    assert choice.trials[0].status == "failed"
    assert "planted" in choice.trials[0].reason
    assert choice.trials[0].weight == 0
    assert np.isnan(choice.trials[0].validation_rmse)
    new, _ = signal(20, problem.whole.n_features, 9)
    assert choice.fitted.predict(new).tobytes() == alone.fitted.predict(new).tobytes()
    (none,) = stack([problem], (Fragile(fails_at=fails_at),))
    assert none.fitted.status == "failed"
    assert "planted" in none.fitted.reason


def test_company_changes_no_bit_and_nothing_to_stack_is_refused() -> None:
    problems = [nested(seed) for seed in range(3)]
    together = stack(problems, candidates_of("careful"))
    for problem, choice in zip(problems, together, strict=True):
        (alone,) = stack([problem], candidates_of("careful"))
        mine, others = alone.fitted.arrays(), choice.fitted.arrays()
        assert {k: a.tobytes() for k, a in mine.items()} == {k: a.tobytes() for k, a in others.items()}
    with pytest.raises(ValueError, match="no candidates"):
        stack(problems, ())
