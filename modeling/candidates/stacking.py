"""A stack: candidates weighted by their predictions for lines they did not learn from, by inner folds.

Each inner fold brings a problem of its own, with features that were selected on its lines alone, so that
an error here is one of the whole way from expression to prediction, selection included.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64

from modeling.candidates.base import LIBRARY_FAILURES, Candidate
from modeling.candidates.choice import Choice, Trial
from modeling.candidates.fitted import Fitted, LinearModel, Model, failed
from modeling.candidates.problem import Problem
from modeling.candidates.stacked_model import STACK, StackModel
from modeling.statistics.metrics import rmse

SHRINKAGE = 3.0  # towards equal weights, in units of the candidates' mean square
LEAST_SHARE = 0.2  # of the candidates' mean prediction, where even that predicts nothing by inner folds

Lines = Float64[np.ndarray, " lines"]
PerCandidate = Float64[np.ndarray, " candidates"]


@dataclass(frozen=True)
class InnerFold:
    """A problem of some lines, and the others (`held`: their places among all): the same features of them."""

    problem: Problem
    held: Int64[np.ndarray, " held"]
    features: Float64[np.ndarray, "held features"]


@dataclass(frozen=True)
class NestedProblem:
    """A problem, and inner folds of its lines whose held lines cover each line once."""

    whole: Problem
    folds: tuple[InnerFold, ...]


@runtime_checkable
class Path(Protocol):
    """A candidate that fits many settings at once; in a stack inner folds say which is taken."""

    def path(self, problem: Problem) -> Any:
        """Its fits: `predict(features)` gives a column for each setting."""
        ...

    def fitted(self, path: Any, setting: int) -> Fitted:
        """The fit of one."""
        ...


def stack(problems: Sequence[NestedProblem], candidates: Sequence[Candidate]) -> list[Choice]:
    """Fit a stack to every problem; each is fitted alone, so company cannot change a bit.

    A candidate predicts the lines that each inner fold holds out; `stacking_weights` says how much of each is
    taken; those with a weight are fitted to the whole problem. One that fails anywhere has none. Where all
    are linear, so is the stack. Raises ValueError for no candidates.
    """
    if not candidates:
        raise ValueError("no candidates to stack")
    return [_stack_one(problem, candidates) for problem in problems]


def stacking_weights(predicted: Float64[np.ndarray, "lines candidates"], effect: Lines) -> PerCandidate:
    """Weights w >= 0 that minimise |effect - predicted w|^2 + t |w - s/m|^2 over the m candidates.

    Both come less the mean of the lines learned from. t is `SHRINKAGE` times the candidates' mean sum of
    squares; s is what share of the candidates' mean prediction fits best, within `LEAST_SHARE` and 1. So
    where nothing is predictable the stack stays near the mean, and candidates that are alike share. One that
    always predicts the mean has no part in it: its weight is 0.
    """
    from scipy.optimize import nnls  # noqa: PLC0415 - takes a fifth of a second to import

    weights = np.zeros(predicted.shape[1])
    varies = np.flatnonzero(np.any(predicted != 0, axis=0))
    if not varies.size:
        return weights
    a = predicted[:, varies]
    even = a.mean(axis=1)
    length = float(even @ even)
    share = min(max(float(even @ effect) / length if length > 0 else 0.0, LEAST_SHARE), 1.0)
    gram = a.T @ a
    pull = SHRINKAGE * np.trace(gram) / varies.size
    if not (np.isfinite(pull) and pull > 0):  # predictions so small or large that their squares are lost
        weights[varies] = share / varies.size
        return weights
    # The same minimum on as many rows as candidates: the Cholesky factor of the normal equations.
    lower = np.linalg.cholesky(gram + pull * np.eye(varies.size))
    sides = a.T @ effect + pull * share / varies.size
    weights[varies] = nnls(lower.T, np.linalg.solve(lower, sides))[0]
    return weights


@dataclass(frozen=True)
class _Tried:
    """A candidate's predictions of all lines by inner folds, less each fold's mean, and its trial.

    `setting` is the one taken of a `Path`.
    """

    candidate: Candidate
    predicted: Lines
    trial: Trial
    setting: int | None = None


def _stack_one(problem: NestedProblem, candidates: Sequence[Candidate]) -> Choice:
    started = time.thread_time()
    whole = problem.whole
    means = np.empty(whole.n_lines)
    for fold in problem.folds:
        means[fold.held] = fold.problem.effect_mean
    tried = [_try(problem, candidate, means) for candidate in candidates]
    able = [each for each in tried if each.trial.status != "failed"]
    fits: dict[str, Fitted] = {}
    weights: dict[str, float] = {}
    while able:  # once more without those that cannot be fitted to all lines
        found = stacking_weights(np.column_stack([each.predicted for each in able]), whole.effect - means)
        weights = {e.candidate.name: float(w) for e, w in zip(able, found, strict=True)}
        fits = {e.candidate.name: _fit(whole, e) for e in able if weights[e.candidate.name] > 0}
        bad = {name for name, fit in fits.items() if fit.status == "failed"}
        if not bad:
            break
        tried = [_failed(e, fits[e.candidate.name].reason) if e.candidate.name in bad else e for e in tried]
        able = [each for each in tried if each.trial.status != "failed"]
    trials = tuple(_weighted(each.trial, fits.get(each.candidate.name), weights) for each in tried)
    fitted = _stacked(whole, fits, weights) if able else _none(trials)
    return Choice(fitted, trials, time.thread_time() - started)


def _try(problem: NestedProblem, candidate: Candidate, means: Lines) -> _Tried:
    started = time.thread_time()
    inner, setting = [fold.problem for fold in problem.folds], None
    statuses: list[Fitted] = []
    predicted = np.full(problem.whole.n_lines, np.nan)
    with np.errstate(all="ignore"):  # judged by what is not finite
        if isinstance(candidate, Path) and not any(each.trouble for each in inner):
            predicted, setting = _along(problem, candidate)
        else:
            statuses = candidate.fit(inner)
            for fold, fit in zip(problem.folds, statuses, strict=True):
                predicted[fold.held] = fit.predict(fold.features)
        error = rmse(problem.whole.effect, predicted)
    reasons = [fit.reason for fit in statuses if fit.status == "failed"]
    status = "failed" if reasons or not math.isfinite(error) else "ok"
    reason = reasons[0] if reasons else "" if status == "ok" else "a prediction by inner folds is not finite"
    error = math.nan if status == "failed" else float(f"{error:.12g}")
    seconds = time.thread_time() - started
    trial = Trial(candidate.name, {}, error, False, seconds, cast(Any, status), reason)
    return _Tried(candidate, predicted - means, trial, setting)


def _along(problem: NestedProblem, candidate: Path) -> tuple[Lines, int | None]:
    """Predictions by the setting of the least error over all inner folds, the first at a tie; and which."""
    columns = np.empty((problem.whole.n_lines, 0))
    try:
        for fold in problem.folds:
            found = candidate.path(fold.problem).predict(fold.features)
            if not columns.size:
                columns = np.empty((problem.whole.n_lines, found.shape[1]))
            columns[fold.held] = found
    except LIBRARY_FAILURES:
        return np.full(problem.whole.n_lines, np.nan), None
    errors = np.square(columns - problem.whole.effect[:, np.newaxis]).mean(axis=0)
    setting = int(np.argmin(errors))
    return columns[:, setting], setting


def _fit(whole: Problem, tried: _Tried) -> Fitted:
    candidate = tried.candidate
    if tried.setting is None or not isinstance(candidate, Path) or whole.trouble:
        return candidate.fit([whole])[0]
    try:
        return candidate.fitted(candidate.path(whole), tried.setting)
    except LIBRARY_FAILURES as error:
        return failed(candidate.name, f"{type(error).__name__}: {error}")


def _failed(tried: _Tried, reason: str) -> _Tried:
    trial = replace(
        tried.trial, status="failed", reason=f"fitted to all lines: {reason}", validation_rmse=math.nan
    )
    return replace(tried, trial=trial)


def _weighted(trial: Trial, fit: Fitted | None, weights: Mapping[str, float]) -> Trial:
    """The trial with its weight, and what the fit to all lines, if there is one, settled on."""
    weight = 0.0 if trial.status == "failed" else weights[trial.candidate]
    trial = replace(trial, weight=weight, chosen=weight > 0)
    if fit is None or trial.status == "failed":
        return trial
    return replace(trial, parameters=fit.parameters, status=fit.status, reason=fit.reason)


def _none(trials: Sequence[Trial]) -> Fitted:
    reasons = "; ".join(f"{trial.candidate}: {trial.reason}" for trial in trials)
    return failed(STACK, f"no candidate could be fitted: {reasons}")


def _stacked(whole: Problem, fits: Mapping[str, Fitted], weights: Mapping[str, float]) -> Fitted:
    """The weighted sum about the mean; linear where all of it is."""
    intercept = whole.effect_mean * (1.0 - sum(weights[name] for name in fits))
    coefficients = np.zeros(whole.n_features)
    others: dict[str, Model] = {}
    for name, fit in fits.items():
        if isinstance(fit.model, LinearModel):
            intercept += weights[name] * fit.model.intercept
            coefficients = coefficients + weights[name] * fit.model.coefficients
        elif fit.model is not None:
            others[name] = fit.model
    linear = LinearModel(float(intercept), coefficients)
    model = StackModel(linear, others, {name: weights[name] for name in others}) if others else linear
    slow = [f"{name}: {fit.reason}" for name, fit in fits.items() if fit.status == "not_converged"]
    parameters = {name: weights[name] for name in fits}
    return Fitted(STACK, model, parameters, "not_converged" if slow else "ok", "; ".join(slow))
