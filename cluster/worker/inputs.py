"""What every job of a run needs, apart from what its part was prepared to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.runs.fields import RunOptions
from modeling.folds import Fold
from tasks.fitting.fold import Panel


@dataclass(frozen=True)
class RunInputs:
    """The matrices, the folds by number, the options, and the store; `run` is the run's digest.

    `extra` holds, by method, what its `load` took from the Dataset beside the panel.
    """

    panel: Panel
    folds: dict[int, Fold]
    options: RunOptions
    store: str
    run: str
    extra: Mapping[str, Any] = field(default_factory=dict)
