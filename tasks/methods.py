"""What `--method` names: how a method prepares a fold, and how it fits a block of targets in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from modeling.folds import Fold
from modeling.kernel import Laplacian, Linear
from tasks.fits import Fit
from tasks.fold import Panel, PreparedFold, prepare_fold
from tasks.kernel_models import PreparedKernel, fit_kernel_targets, prepare_kernel
from tasks.modifier_counts import fit_all_modifiers, fit_one_modifier
from tasks.modifier_models import fit_targets
from tasks.settings import ShardSettings

Prepared = PreparedFold | PreparedKernel


@dataclass(frozen=True)
class Method:
    """`prepare` reads the training lines of a fold alone; `fit` keeps the order of the targets."""

    prepare: Callable[[Panel, Fold, ShardSettings], Prepared]
    fit: Callable[[Panel, Any, Sequence[int], ShardSettings], Sequence[Fit]]


METHODS = {
    "modifiers": Method(prepare_fold, fit_targets),
    "one_modifier": Method(prepare_fold, fit_one_modifier),
    "all_modifiers": Method(prepare_fold, fit_all_modifiers),
    Linear.name: Method(prepare_kernel, fit_kernel_targets),
    Laplacian.name: Method(prepare_kernel, fit_kernel_targets),
}


def prepare_part(panel: Panel, fold: Fold, settings: ShardSettings) -> Prepared:
    """What every shard of one method (the settings') in one fold shares."""
    return METHODS[settings.method].prepare(panel, fold, settings)
