"""What a shard needs to know of its run, apart from the data."""

from dataclasses import dataclass

from modeling.selection.select import SelectionSettings


@dataclass(frozen=True)
class ShardSettings:
    """Method, candidate models (a preset or names), selection, seed, and where networks and products run.

    `device` is torch's name of it ("cpu": association without torch); the last digits may depend on its kind,
    so it is part of what a run is.
    Of a target's modifiers the best `most_modifiers` are used, all where it is None.
    `stratified`: into how many quantile-stratified folds each target's own lines are parted; None: every
    target has the run's folds.
    """

    method: str
    candidates: str | tuple[str, ...]
    selection: SelectionSettings
    seed: int
    device: str = "cpu"
    most_modifiers: int | None = None
    stratified: int | None = None
