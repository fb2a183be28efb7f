"""What every method says of one target in one fold, and which targets cannot have a model at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from jaxtyping import Bool, Float64, Int64

from modeling.candidates.choice import Trial
from modeling.selection.prepared import FEWEST_LINES as FEWEST_TRAINING_LINES
from modeling.selection.prepared import group_by_missing
from modeling.selection.select import Modifiers
from tasks.dataset.checks import FEWEST_LINES
from tasks.fitting.fold import Panel


class Fit(Protocol):
    """What one target's training lines gave.

    `train` holds the rows of the panel used: training lines with a measured effect. `model` names what the
    prediction comes from, None where there is none.
    """

    @property
    def target(self) -> int:
        """Column in `panel.effect`."""

    @property
    def train(self) -> Int64[np.ndarray, " lines"]:
        """Rows of the panel."""

    @property
    def train_mean(self) -> float:
        """Mean effect of those."""

    @property
    def status(self) -> str:
        """A status word of the contract."""

    @property
    def reason(self) -> str | None:
        """Why the status is not `ok`."""

    @property
    def seconds(self) -> float:
        """Core-seconds."""

    @property
    def model(self) -> str | None:
        """Name of the model."""

    @property
    def modifiers(self) -> Modifiers | None:
        """The genes selected; None where the method selects none."""

    @property
    def trials(self) -> Sequence[Trial]:
        """What was tried: rows of `candidates`."""

    def predict(
        self, panel: Panel, rows: Int64[np.ndarray, " lines"]
    ) -> Float64[np.ndarray, " lines"] | None:
        """For test lines of the fold; None where there is no prediction."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BlockFit:
    """A `Fit` whose predictions for all test lines of the fold were made with its block.

    For methods without modifiers; what else a method's final models need, a subclass adds.
    """

    target: int
    train: Int64[np.ndarray, " lines"]
    train_mean: float
    method: str
    test: Int64[np.ndarray, " test"]
    predictions: Float64[np.ndarray, " test"]
    seconds: float
    status: str = "ok"
    reason: str | None = None
    trials: tuple[Trial, ...] = ()
    modifiers: None = None
    by_expression: Float64[np.ndarray, " test"] | None = None  # where other inputs predict, too

    @property
    def model(self) -> str | None:
        """The method's name; None where the fit failed."""
        return self.method if self.status == "ok" else None

    def predict(
        self, panel: Panel, rows: Int64[np.ndarray, " lines"]
    ) -> Float64[np.ndarray, " lines"] | None:
        """For test lines of the fold; None where the fit failed."""
        del panel  # predicted with the block
        if self.status != "ok":
            return None
        return self.predictions if rows is self.test else self.predictions[np.searchsorted(self.test, rows)]


def without_model(
    effect: Float64[np.ndarray, " cell_lines"], train: Int64[np.ndarray, " train"]
) -> tuple[Int64[np.ndarray, " lines"], float, str, str] | None:
    """Rows, training mean, status and reason of a target that cannot have a model; None if it can."""
    rows = train[~np.isnan(effect[train])]
    known = int(np.count_nonzero(~np.isnan(effect)))
    if known < FEWEST_LINES:
        reason = f"{known} cell lines with a measured effect; at least {FEWEST_LINES} are needed"
        return rows, float("nan"), "too_few_lines", reason
    if len(rows) < FEWEST_TRAINING_LINES:
        reason = (
            f"{len(rows)} training lines with a measured effect; at least {FEWEST_TRAINING_LINES} are needed"
        )
        return rows, float("nan"), "too_few_lines", reason
    if np.ptp(effect[rows]) == 0:
        reason = f"the effect is {effect[rows[0]]:g} on all {len(rows)} training lines"
        return rows, float(effect[rows[0]]), "constant_target", reason
    return None


def _doubtful(
    effect: Float64[np.ndarray, "cell_lines targets"], trained: Float64[np.ndarray, "train targets"]
) -> list[int]:
    """The columns that `without_model` must look at: of all at once, since it refuses few."""
    few = _measured(effect) < FEWEST_LINES
    few |= _measured(trained) < FEWEST_TRAINING_LINES
    differ = np.fmin.reduce(trained, initial=np.inf) < np.fmax.reduce(trained, initial=-np.inf)
    return [int(i) for i in np.flatnonzero(few | ~differ)]


def _measured(effect: Float64[np.ndarray, "lines targets"]) -> Int64[np.ndarray, " targets"]:
    return len(effect) - np.isnan(effect).sum(axis=0)


AnyFit = TypeVar("AnyFit", bound=Fit)
Refuse = Callable[[int, Int64[np.ndarray, " lines"], float, str, str], AnyFit]
FitGroup = Callable[
    [list[int], Float64[np.ndarray, "lines targets"], Bool[np.ndarray, " train"]], Sequence[AnyFit]
]


def fit_by_pattern(
    panel: Panel,
    train: Int64[np.ndarray, " train"],
    targets: Sequence[int],
    refuse: Refuse[AnyFit],
    fit_group: FitGroup[AnyFit],
) -> list[AnyFit]:
    """Fit a block of targets, those measured on the same training lines together; their order is kept.

    `refuse` makes the result of a target that cannot have a model from what `without_model` says;
    `fit_group` takes targets, their effect on the lines that all of them have, and which lines those are.
    """
    effect = panel.effect[:, np.asarray(targets, dtype=np.int64)].astype(np.float64)
    trained = np.take(effect, train, axis=0)
    done = {
        targets[i]: refuse(targets[i], *said)
        for i in _doubtful(effect, trained)
        if (said := without_model(effect[:, i], train))
    }
    open_ = np.array([i for i, t in enumerate(targets) if t not in done], dtype=np.int64)
    if done:
        trained = np.take(trained, open_, axis=1)
    for present, members in group_by_missing(trained):
        whole = len(members) == len(open_) and present.all()
        block = open_[members]
        fits = fit_group(
            [targets[i] for i in block], trained if whole else trained[np.ix_(present, members)], present
        )
        done.update((fit.target, fit) for fit in fits)
    return [done[t] for t in targets]
