"""What a candidate is, and how one problem's failure stays its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

from modeling.candidates.fitted import Fitted, LinearModel, Parameter, failed
from modeling.candidates.problem import Problem

# What numerical libraries raise on data they cannot handle. ValueError holds numpy's LinAlgError and
# XGBoostError; ArithmeticError holds FloatingPointError, OverflowError and ZeroDivisionError. Anything else
# is a mistake of ours and is not caught.
LIBRARY_FAILURES = (ValueError, ArithmeticError)


@runtime_checkable
class Candidate(Protocol):
    """A model family that automatic selection may choose."""

    @property
    def name(self) -> str:
        """The candidate's name in presets and tables."""
        ...

    def fit(self, problems: Sequence[Problem]) -> list[Fitted]:
        """Fit every problem; a result is the same, bit for bit, in any company."""
        ...


@runtime_checkable
class Refits(Protocol):
    """A candidate whose model on all lines takes something from its trial, as `deep` takes its epochs."""

    def refit(self, problems: Sequence[Problem], trials: Sequence[Mapping[str, Parameter]]) -> list[Fitted]:
        """Fit every problem, given the parameters of the same candidate's fit to some of its lines."""
        ...


def fit_on_all(
    candidate: Candidate, problems: Sequence[Problem], trials: Sequence[Mapping[str, Parameter]]
) -> list[Fitted]:
    """Fit winners: by `refit` where the candidate has one, else afresh."""
    return candidate.refit(problems, trials) if isinstance(candidate, Refits) else candidate.fit(problems)


def fit_each(name: str, fit_one: Callable[[Problem], Fitted], problems: Sequence[Problem]) -> list[Fitted]:
    """Fit problem after problem; what a library raises, or a value not finite, fails that fit alone."""
    return [_guarded(name, fit_one, problem) for problem in problems]


def _guarded(name: str, fit_one: Callable[[Problem], Fitted], problem: Problem) -> Fitted:
    if problem.trouble:
        return failed(name, problem.trouble)
    try:
        # Overflow is looked for in the result, where the user sees it.
        with np.errstate(all="ignore"):
            fitted = fit_one(problem)
    except LIBRARY_FAILURES as error:
        return failed(name, f"{type(error).__name__}: {error}")
    if not all(np.isfinite(a).all() for a in fitted.arrays().values() if a.dtype.kind == "f"):
        return failed(name, "the fit overflowed: a fitted value is not finite")
    return fitted


def linear_model(problem: Problem, standardised: Float64[np.ndarray, " features"]) -> LinearModel:
    """The model whose coefficients on the standardised features are given, on the raw feature scale."""
    coefficients = standardised / problem.standardised.scale
    return LinearModel(float(problem.effect_mean - problem.standardised.mean @ coefficients), coefficients)
