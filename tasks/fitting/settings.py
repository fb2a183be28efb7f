"""What a method needs to know of its run, apart from the data."""

from dataclasses import dataclass
from typing import Literal

from modeling.selection.select import SelectionSettings

Search = Literal["none", "once", "nested"]  # of an architecture: not at all, on the first fold, in every fold


@dataclass(frozen=True)
class MethodSettings:
    """Method, candidate models (a preset or names), selection, seed, and where networks and products run.

    `device` is torch's name of it ("cpu": association without torch); the last digits may depend on its kind,
    so it is part of what a run is. `folds` is how many folds the run's scheme asks for.
    Of a target's modifiers the best `most_modifiers` are used, all where it is None.
    `stratified`: into how many quantile-stratified folds each target's own lines are split; None: every
    target has the run's folds. `search` says how the architecture of shared networks is searched for.
    """

    method: str
    candidates: str | tuple[str, ...]
    selection: SelectionSettings
    seed: int
    device: str = "cpu"
    most_modifiers: int | None = None
    stratified: int | None = None
    folds: int = 5
    search: Search = "none"
