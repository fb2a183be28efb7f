"""What a shard needs to know of its run, apart from the data."""

from dataclasses import dataclass

from modeling.selection import SelectionSettings


@dataclass(frozen=True)
class ShardSettings:
    """Method, candidate models (a preset or names), selection, seed, and where networks and products run.

    `device` is torch's name of it ("cpu": association without torch); the last digits may depend on its kind,
    so it is part of what a run is.
    Of a target's modifiers the best `most_modifiers` are used, all where it is None.
    """

    method: str
    candidates: str | tuple[str, ...]
    selection: SelectionSettings
    seed: int
    device: str = "cpu"
    most_modifiers: int | None = None
