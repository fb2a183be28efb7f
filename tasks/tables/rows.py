"""Rows that several methods write alike: how a network was trained, and r for one name after another."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from modeling.networks.training_state import TrainedNetwork
from modeling.statistics import metrics

FEWEST_VALUES = 3  # two values always correlate perfectly


def training_row(network: str, trained: TrainedNetwork, n_train: int, seconds: float) -> dict[str, Any]:
    """A row of `networks`, all but its method and fold; `n_train` are the examples learned from."""
    return {
        "network": network,
        "layers": list(trained.network.sizes),
        "n_train": n_train,
        "epochs": len(trained.losses),
        "best_epoch": trained.epoch,
        "train_loss": trained.train_loss,
        "validation_loss": trained.validation_loss,
        "status": "failed" if trained.failure else "ok",
        "reason": trained.failure or None,
        "seconds": seconds,
    }


def correlation_rows(
    shared: Mapping[str, Any],
    names: Sequence[str],
    measured: Float[np.ndarray, "names values"],
    predicted: Float[np.ndarray, "names values"],
) -> dict[str, Any]:
    """A block of rows of `profile_scores`, one for each name: its number of measured values, Pearson's r and
    Spearman's; the columns `shared` are the same in all.

    Values that are NaN in `measured` do not count; r is NaN with fewer than `FEWEST_VALUES` of them, where
    they are all equal, or where one of them was not predicted.
    """
    n = np.zeros(len(names), dtype=np.int32)
    pearson, spearman = np.full(len(names), np.nan), np.full(len(names), np.nan)
    for i, (values, guesses) in enumerate(zip(measured, predicted, strict=True)):
        known = ~np.isnan(values)
        n[i] = known.sum()
        if n[i] >= FEWEST_VALUES:
            pearson[i] = metrics.pearson(values[known], guesses[known])
            spearman[i] = metrics.spearman(values[known], guesses[known])
    return {
        **shared,
        "name": np.array(names, dtype=object),
        "n": n,
        "pearson": pearson,
        "spearman": spearman,
    }
