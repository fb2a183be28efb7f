"""What `--method` names: how a method prepares a fold, and how it fits a block of targets in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from modeling.folds import Fold
from modeling.kernel import Laplacian, Linear
from tasks.fits import Fit
from tasks.fold import Panel, PreparedFold, prepare_fold
from tasks.kernel_models import PreparedKernel, fit_kernel_targets, prepare_kernel
from tasks.modifier_models import ShardSettings, fit_targets

Prepared = PreparedFold | PreparedKernel


@dataclass(frozen=True)
class Method:
    """`prepare` reads the training lines of a fold alone; `fit` keeps the order of the targets."""

    prepare: Callable[[Panel, Fold], Prepared]
    fit: Callable[[Panel, Any, Sequence[int], ShardSettings], Sequence[Fit]]


METHODS = {
    "modifiers": Method(prepare_fold, fit_targets),
    Linear.name: Method(partial(prepare_kernel, kind=Linear.name), fit_kernel_targets),
    Laplacian.name: Method(partial(prepare_kernel, kind=Laplacian.name), fit_kernel_targets),
}


def prepare_part(method: str, panel: Panel, fold: Fold) -> Prepared:
    """What every shard of one method in one fold shares."""
    return METHODS[method].prepare(panel, fold)
