"""Methods `latent` and `plain` for a block of targets: what a fold's shared networks forecast for each."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float64, Int64

from modeling.candidates.choice import Trial
from modeling.folds import Fold
from tasks.artifacts.networks import networks_of
from tasks.errors import BadInputError
from tasks.fitting.fit import fit_by_pattern
from tasks.fitting.fold import Panel
from tasks.fitting.settings import ShardSettings
from tasks.methods.modifiers import TargetFit


@dataclass(frozen=True, eq=False)
class PreparedNetworks:
    """What a fold's networks forecast for its test lines, by target; `sha256` names their file.

    `outputs` gives a target's column in `forecasts`. `failure` says why the networks cannot be used.
    `seconds` are each target's share of their training and of the forecasts (`tasks.fitting.fold.share_of`).
    """

    fold: Fold
    sha256: str
    outputs: dict[str, int]
    forecasts: Float64[np.ndarray, "test targets"]
    failure: str
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class NetworkFit:
    """One target's share of a fold's networks; attributes as of `tasks.fitting.fit.Fit`."""

    target: int
    train: Int64[np.ndarray, " lines"]
    train_mean: float
    status: str
    reason: str | None
    seconds: float
    method: str
    sha256: str
    test: Int64[np.ndarray, " test"]
    forecasts: Float64[np.ndarray, " test"]
    modifiers: None = None
    trials: tuple[Trial, ...] = ()

    @property
    def model(self) -> str | None:
        """The method's name; None where the networks cannot be used."""
        return self.method if self.status == "ok" else None

    def forecast(
        self, panel: Panel, rows: Int64[np.ndarray, " lines"]
    ) -> Float64[np.ndarray, " lines"] | None:
        """For test lines of the fold; None where the networks cannot be used."""
        del panel
        return self.forecasts[np.searchsorted(self.test, rows)] if self.status == "ok" else None


def prepare_networks(panel: Panel, fold: Fold, weights: bytes) -> PreparedNetworks:
    """Forecast the fold's test lines by the networks in `weights`."""
    shared = networks_of(weights)
    place = {gene: i for i, gene in enumerate(panel.genes)}
    columns = np.array([place[gene] for gene in shared.genes], dtype=np.int64)
    forecasts = np.full((len(fold.test), len(shared.targets)), np.nan)
    if not shared.failure and len(fold.test):
        forecasts = shared.predict(panel.expression[fold.test][:, columns])
    return PreparedNetworks(
        fold,
        hashlib.sha256(weights).hexdigest(),
        {target: i for i, target in enumerate(shared.targets)},
        forecasts,
        shared.failure,
    )


def fit_network_targets(
    panel: Panel, prepared: PreparedNetworks, targets: Sequence[int], settings: ShardSettings
) -> list[NetworkFit | TargetFit]:
    """Every target of a block; the order of `targets` is kept.

    Raises BadInputError for a target that the networks do not forecast: not one of the dataset's variable
    ones.
    """
    unknown = [panel.targets[t] for t in targets if panel.targets[t] not in prepared.outputs]
    if unknown:
        raise BadInputError(
            [f"{name}: {settings.method} forecasts variable targets only" for name in unknown]
        )
    group = partial(_fit_group, panel, prepared, settings.method)
    return fit_by_pattern(panel, prepared.fold.train, targets, TargetFit, group)


def _fit_group(
    panel: Panel,
    prepared: PreparedNetworks,
    method: str,
    targets: list[int],
    effect: Float64[np.ndarray, "lines targets"],
    present: Bool[np.ndarray, " train"],
) -> list[NetworkFit]:
    rows = prepared.fold.train[present]
    status, reason = ("failed", prepared.failure) if prepared.failure else ("ok", None)
    return [
        NetworkFit(
            target,
            rows,
            float(np.mean(y)),
            status,
            reason,
            prepared.seconds,
            method,
            prepared.sha256,
            prepared.fold.test,
            prepared.forecasts[:, prepared.outputs[panel.targets[target]]],
        )
        for target, y in zip(targets, effect.T, strict=True)
    ]
