"""What a candidate is, and how one problem's failure stays its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, cast, runtime_checkable

import numpy as np
from jaxtyping import Float64

from modeling.candidates.fitted import Fitted, LinearModel, Model, Parameter, StoredModel, failed
from modeling.candidates.problem import Problem

# What numerical libraries raise on data they cannot handle. ValueError holds numpy's LinAlgError and
# XGBoostError; ArithmeticError holds FloatingPointError, OverflowError and ZeroDivisionError. Anything else
# is a mistake of ours and is not caught.
LIBRARY_FAILURES = (ValueError, ArithmeticError)


REFERENCE_LINES = 720  # training lines that costs were measured at


@dataclass(frozen=True)
class FitCost:
    """Core-seconds of one fit to some 20 features on `REFERENCE_LINES` lines.

    They grow with a power of the lines; a half stands for work that grows with lines on top of a fixed part.
    """

    seconds: float
    power: float = 0.5

    def at(self, n_lines: float | int) -> float:
        """Core-seconds of one fit on so many training lines."""
        return self.seconds * float((n_lines / REFERENCE_LINES) ** self.power)


@runtime_checkable
class Candidate(Protocol):
    """A model family that automatic selection may choose: all that the rest of the package knows of one.

    `tests/contracts/candidate.py` is this contract as checks that run. `BaseCandidate` and
    `SingleProblemCandidate` below write most of it for you.
    """

    @property
    def name(self) -> str:
        """The candidate's name in presets, tables and stored models."""
        ...

    @property
    def summary(self) -> str:
        """What it is, in one line of help."""
        ...

    def fit(self, problems: Sequence[Problem]) -> list[Fitted]:
        """Fit every problem; a result is the same, bit for bit, in any batch and order.

        A problem that cannot be fitted gives a `Fitted` of status `failed` with a reason, and no exception.
        """
        ...

    def restore(self, arrays: Mapping[str, np.ndarray]) -> Model:
        """The model from its `arrays()`, with the same predictions, bit for bit.

        Raises KeyError for an array that is missing, ValueError for arrays that are no such model.
        """
        ...

    def fit_seconds(self, n_lines: float | int) -> float:
        """Core-seconds that one fit to some 20 features is estimated to take on a CPU."""
        ...

    def on(self, device: str) -> "Candidate":
        """The candidate that fits on a device, as torch names it; itself if it knows only the CPU."""
        ...


@runtime_checkable
class Refits(Protocol):
    """A candidate whose model on all lines takes something from its trial, as `deep` takes its epochs."""

    def refit(self, problems: Sequence[Problem], trials: Sequence[Mapping[str, Parameter]]) -> list[Fitted]:
        """Fit every problem, given the parameters of the same candidate's fit to some of its lines."""
        ...


class BaseCandidate:
    """What candidates of this package share; `model` is the class of what a fit learned."""

    name: str
    summary: str
    cost: FitCost
    model: ClassVar[type[StoredModel]]

    def restore(self, arrays: Mapping[str, np.ndarray]) -> Model:
        """As `Candidate` says."""
        return self.model.from_arrays(arrays)

    def fit_seconds(self, n_lines: float | int) -> float:
        """As `Candidate` says, by `cost`."""
        return self.cost.at(n_lines)

    def on(self, device: str) -> Candidate:
        """Itself."""
        del device
        return cast(Candidate, self)


class SingleProblemCandidate(BaseCandidate):
    """A candidate that fits one problem after another; a subclass says how it fits one."""

    def fit(self, problems: Sequence[Problem]) -> list[Fitted]:
        """Fit every problem; what a library raises fails that problem alone."""
        return fit_each(self.name, self.fit_one, problems)

    def fit_one(self, problem: Problem) -> Fitted:
        """Fit one problem, whose `trouble` is empty; may raise what is in `LIBRARY_FAILURES`."""
        raise NotImplementedError


def fit_on_all(
    candidate: Candidate, problems: Sequence[Problem], trials: Sequence[Mapping[str, Parameter]]
) -> list[Fitted]:
    """Fit winners: by `refit` where the candidate has one, else by another `fit`."""
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
