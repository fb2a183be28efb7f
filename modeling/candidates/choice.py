"""Choosing a target's model: the candidate with the lowest error on lines it has not seen."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from modeling.candidates.base import Candidate, fit_on_all
from modeling.candidates.fitted import FitStatus, Fitted, Parameter, failed
from modeling.candidates.problem import Problem
from modeling.splits import Split, hold_out_tenth
from modeling.statistics.metrics import rmse


@dataclass(frozen=True)
class Trial:
    """What became of one candidate: its fit on the 90% and its RMSE on the 10%.

    `validation_rmse` is NaN where the status is `failed`. `seconds` are core seconds of this thread, a
    batch's time divided over its problems; the first candidate that needs what several share (a problem's
    SVD) pays for it, and a chosen candidate's refit is not in it. In a stack (`stacking`) the RMSE is of
    predictions for all lines by inner folds, `weight` is the candidate's in the stack, and `chosen` says that
    it has one.
    """

    candidate: str
    parameters: Mapping[str, Parameter]
    validation_rmse: float
    chosen: bool
    seconds: float
    status: FitStatus
    reason: str
    weight: float | None = None


@dataclass(frozen=True)
class Choice:
    """The winner or stack, fitted to all the problem's lines, and every trial in the order of the candidates.

    `seconds` are core seconds of all trials and refits. Status `failed` in `fitted`: no candidate could
    be fitted, and its reason names each one's.
    """

    fitted: Fitted
    trials: tuple[Trial, ...]
    seconds: float


def choose(problems: Sequence[Problem], candidates: Sequence[Candidate]) -> list[Choice]:
    """Choose and fit a model for every problem; a problem's result is the same, bit for bit, in any batch.

    Each problem's lines are split 90/10 by its seed. The lowest RMSE on the 10% (to 12 digits) wins, ties go
    to the earlier candidate, and the winner is refitted on all lines, with what its trial found where it
    asks for that (`base.Refits`). Where a refit fails, the next best is taken. Raises ValueError for no
    candidates.
    """
    if not candidates:
        raise ValueError("no candidates to choose among")
    splits = [validation_split(problem) for problem in problems]
    halves = [problem.take(kept) for problem, (kept, _) in zip(problems, splits, strict=True)]
    held = [problem.take(lines) for problem, (_, lines) in zip(problems, splits, strict=True)]
    columns = [_try(candidate, halves, held) for candidate in candidates]
    trials = [tuple(column[i] for column in columns) for i in range(len(problems))]
    return _refit(problems, trials, {candidate.name: candidate for candidate in candidates})


def validation_split(problem: Problem) -> Split:
    """Lines to fit on and lines (10%) to compare on, drawn by the problem's seed."""
    return hold_out_tenth(problem.n_lines, problem.seed, "autoselect")


def _try(candidate: Candidate, kept: Sequence[Problem], held: Sequence[Problem]) -> list[Trial]:
    started = time.thread_time()
    fits = candidate.fit(kept)
    errors = [_error(fit, lines) for fit, lines in zip(fits, held, strict=True)]
    seconds = (time.thread_time() - started) / max(len(fits), 1)
    return [_trial(fit, error, seconds) for fit, error in zip(fits, errors, strict=True)]


def _error(fitted: Fitted, held: Problem) -> float:
    # Overflow is judged by the error not being finite.
    with np.errstate(all="ignore"):
        return rmse(held.effect, fitted.predict(held.features)) if fitted.model is not None else math.nan


def _trial(fitted: Fitted, error: float, seconds: float) -> Trial:
    status, reason = fitted.status, fitted.reason
    if status != "failed" and not math.isfinite(error):
        status, reason = "failed", "a prediction for the validation lines is not finite"
    error = math.nan if status == "failed" else float(f"{error:.12g}")
    return Trial(fitted.candidate, fitted.parameters, error, False, seconds, status, reason)


def _refit(
    problems: Sequence[Problem], trials: list[tuple[Trial, ...]], by_name: dict[str, Candidate]
) -> list[Choice]:
    """Fit every problem's best remaining candidate, in batches, until each has a model or none is left."""
    queues = [_ranked(row) for row in trials]
    fitted: dict[int, Fitted] = {}
    reasons: list[list[str]] = [
        [f"{t.candidate}: {t.reason}" for t in row if t.status == "failed"] for row in trials
    ]
    seconds = [sum(trial.seconds for trial in row) for row in trials]
    while open_ := [i for i in range(len(problems)) if i not in fitted and queues[i]]:
        heads = {i: queues[i].pop(0) for i in open_}
        for name, candidate in by_name.items():
            batch = [i for i in open_ if heads[i] == name]
            if not batch:
                continue
            started = time.thread_time()
            found = [_parameters(trials[i], name) for i in batch]
            fits = fit_on_all(candidate, [problems[i] for i in batch], found)
            share = (time.thread_time() - started) / len(batch)
            for i, fit in zip(batch, fits, strict=True):
                seconds[i] += share
                if fit.status == "failed":
                    reasons[i].append(f"{name}, refitted on all lines: {fit.reason}")
                else:
                    fitted[i] = fit
    return [
        _choice(fitted.get(i), trials[i], "; ".join(reasons[i]), seconds[i]) for i in range(len(problems))
    ]


def _parameters(trials: Sequence[Trial], name: str) -> Mapping[str, Parameter]:
    return next(trial.parameters for trial in trials if trial.candidate == name)


def _ranked(trials: Sequence[Trial]) -> list[str]:
    """Names of the candidates that can win, best first; sorting is stable, so ties keep their order."""
    able = [trial for trial in trials if trial.status != "failed"]
    return [trial.candidate for trial in sorted(able, key=lambda trial: trial.validation_rmse)]


def _choice(fitted: Fitted | None, trials: Sequence[Trial], reasons: str, seconds: float) -> Choice:
    if fitted is None:
        return Choice(failed("none", f"no candidate could be fitted: {reasons}"), tuple(trials), seconds)
    marked = tuple(replace(trial, chosen=trial.candidate == fitted.candidate) for trial in trials)
    return Choice(fitted, marked, seconds)
