"""What every method says of one target in one fold, and which targets cannot have a model at all."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Float64, Int64

from modeling.arrays import FEWEST_LINES as FEWEST_TRAINING_LINES
from modeling.autoselect import Trial
from modeling.selection import Modifiers
from tasks.fold import Panel

FEWEST_LINES = 30


class Fit(Protocol):
    """What one target's training lines gave.

    `train` holds the rows of the panel used: training lines with a measured effect. `model` names what the
    forecast comes from, None where there is none.
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

    def forecast(
        self, panel: Panel, rows: Int64[np.ndarray, " lines"]
    ) -> Float64[np.ndarray, " lines"] | None:
        """For test lines of the fold; None where there is no forecast."""


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
