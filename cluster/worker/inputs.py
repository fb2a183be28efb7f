"""What every job of a run needs, apart from what its part was prepared to."""

from dataclasses import dataclass

from cluster.runs.options import GPU_METHODS, RunOptions
from modeling.folds import Fold
from tasks.drugs.drugs import DrugData
from tasks.fitting.fold import Panel
from tasks.fitting.settings import ShardSettings


@dataclass(frozen=True)
class RunInputs:
    """The matrices, the folds by number, the options, and the store; `run` is the run's digest.

    `drugs` are there where a method asks for them.
    """

    panel: Panel
    folds: dict[int, Fold]
    options: RunOptions
    store: str
    run: str
    drugs: DrugData | None = None


def settings_of(options: RunOptions, method: str) -> ShardSettings:
    """What a shard of one method needs to know of the run's options."""
    return ShardSettings(
        method=method,
        candidates=options.candidates,
        selection=options.selection,
        seed=options.seed,
        device=options.runs_on if method in GPU_METHODS else "cpu",
        stratified=options.folds if options.stratified else None,
    )
