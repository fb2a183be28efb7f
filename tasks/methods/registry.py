"""What `--method` names: how a method prepares a fold, and how it fits a block of targets in it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modeling.folds import Fold
from modeling.kernels.kernels import Laplacian, Linear
from tasks.fitting.fit import Fit
from tasks.fitting.fold import Panel, PreparedFold, prepare_fold, share_of
from tasks.fitting.settings import ShardSettings
from tasks.methods.forest import NAME as FOREST
from tasks.methods.forest import PreparedForest, fit_forest_targets, prepare_forest
from tasks.methods.kernels import PreparedKernel, fit_kernel_targets, prepare_kernel
from tasks.methods.latent import PreparedNetworks, fit_network_targets, prepare_networks
from tasks.methods.modifier_counts import fit_all_modifiers, fit_one_modifier
from tasks.methods.modifiers import fit_targets
from tasks.networks.training import NETWORK_METHODS

Prepared = PreparedFold | PreparedKernel | PreparedForest | PreparedNetworks


@dataclass(frozen=True)
class Weights:
    """A fold's trained networks: the bytes of their file, checked, and how many core-seconds they took."""

    data: bytes
    seconds: float


@dataclass(frozen=True)
class Method:
    """`prepare` reads the training lines of a fold alone; `fit` keeps the order of the targets."""

    prepare: Callable[[Panel, Fold, ShardSettings], Prepared]
    fit: Callable[[Panel, Any, Sequence[int], ShardSettings], Sequence[Fit]]


def _no_weights(panel: Panel, fold: Fold, settings: ShardSettings) -> Prepared:
    raise ValueError(f"method {settings.method}: a fold is prepared from its trained networks")


METHODS = {
    "modifiers": Method(prepare_fold, fit_targets),
    "one_modifier": Method(prepare_fold, fit_one_modifier),
    "all_modifiers": Method(prepare_fold, fit_all_modifiers),
    Linear.name: Method(prepare_kernel, fit_kernel_targets),
    Laplacian.name: Method(prepare_kernel, fit_kernel_targets),
    FOREST: Method(prepare_forest, fit_forest_targets),
} | dict.fromkeys(NETWORK_METHODS, Method(_no_weights, fit_network_targets))


def prepare_part(
    panel: Panel, fold: Fold, settings: ShardSettings, weights: Weights | None = None
) -> Prepared:
    """What every shard of one method (the settings') in one fold shares.

    Its `seconds` are each target's share of the core-seconds that took, training the networks included.
    Methods of shared networks need the fold's `weights`; ValueError without.
    """
    begun = time.thread_time()
    trained = 0.0 if weights is None else weights.seconds
    prepared = _prepared(panel, fold, settings, weights)
    return replace(prepared, seconds=share_of(panel, trained + time.thread_time() - begun))


def _prepared(panel: Panel, fold: Fold, settings: ShardSettings, weights: Weights | None) -> Prepared:
    if weights is not None:
        return prepare_networks(panel, fold, weights.data)
    return METHODS[settings.method].prepare(panel, fold, settings)
