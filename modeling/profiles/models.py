"""A gene's effect in every cell line from its expression in the same lines: the models and their features.

Itzhacky and Sharan, Molecular Omics 2021: a gene is an example, its expression over all lines the features,
its effect over the same lines the outputs; models are tested on genes they have not seen.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from modeling.networks.training_state import Schedule
from modeling.profiles.components import Canonical, Projection, canonical_of, fit_cca, principal_of
from modeling.profiles.network import SCHEDULE, NetworkProfiles, fit_network, validation_split
from modeling.profiles.regression import LinearProfiles, fit_ols, fit_ridge
from modeling.seeds import seed_of
from modeling.splits import Split

COMPONENTS = (10, 50, 100, 200)

Expression = Float[np.ndarray, "genes cell_lines"]


@dataclass(frozen=True, eq=False)
class ProfileModel:
    """One fitted model, and how the features it takes come from the expression (None: they are it)."""

    fitted: LinearProfiles | NetworkProfiles
    features: Callable[[Expression], Float64[np.ndarray, "genes features"]] | None = None

    def predict(self, expression: Expression) -> Float64[np.ndarray, "genes cell_lines"]:
        """The effects of other genes."""
        return self.fitted.predict(expression if self.features is None else self.features(expression))


@dataclass(frozen=True, eq=False)
class ProfileFits:
    """Every model by name, and the canonical components of expression and effect over all training genes."""

    models: dict[str, ProfileModel]
    canonical: Canonical


def fit_profiles(
    expression: Float[np.ndarray, "genes cell_lines"],
    effect: Float64[np.ndarray, "genes cell_lines"],
    seed: int,
    device: str = "cpu",
    schedule: Schedule = SCHEDULE,
) -> ProfileFits:
    """Fit every model on the training genes given; `effect` is NaN where it was not measured.

    `mean expression` and `mean expression + network` are the baselines: least squares and a network on the
    gene's mean over the lines alone, so what they score is knowing which genes are expressed, not in which
    lines. `cca N + network`: a network on the first N canonical variates of the expression, left out where
    there are not so many; its components come from the genes it learns from, so that those it is validated on
    are new to it. Raises ValueError for fewer than three genes, expression that is not finite, or a gene
    without any effect.
    """
    counted = ~np.isnan(effect)
    filled = without_gaps(effect)
    split = validation_split(len(effect), seed)
    principal = principal_of(expression)
    canonical = canonical_of(principal, principal_of(filled))
    networks = _Networks(filled, None if counted.all() else counted, split, seed, device, schedule)
    means = _means(expression)
    models = {
        "mean expression": ProfileModel(fit_ols(principal_of(means), filled), _means),
        "mean expression + network": ProfileModel(networks.on(means, "mean expression + network"), _means),
        "ols": ProfileModel(fit_ols(principal, filled)),
        "ridge": ProfileModel(fit_ridge(principal, filled, networks.counted)),
        "network": ProfileModel(networks.on(expression.astype(np.float64), "network")),
    }
    return ProfileFits(models | _cca_networks(expression, networks), canonical)


def without_gaps(
    effect: Float64[np.ndarray, "genes cell_lines"],
) -> Float64[np.ndarray, "genes cell_lines"]:
    """Gaps filled by the gene's mean over the lines it was measured in.

    Not by the line's mean over genes: most of an effect is the gene's (essential everywhere or nowhere),
    little the line's. And a gene's own mean does not depend on other genes. ValueError for a gene without
    any effect.
    """
    counted = ~np.isnan(effect)
    if not counted.any(axis=1).all():
        raise ValueError(f"gene {np.flatnonzero(~counted.any(axis=1))[0]} has no measured effect")
    means = np.where(counted, effect, 0.0).sum(axis=1) / counted.sum(axis=1)
    return np.where(counted, effect, means[:, None])


@dataclass(frozen=True, eq=False)
class _Networks:
    """What the networks of one fit have in common."""

    effect: Float64[np.ndarray, "genes cell_lines"]
    counted: Bool[np.ndarray, "genes cell_lines"] | None
    split: Split
    seed: int
    device: str
    schedule: Schedule

    def on(self, features: Float64[np.ndarray, "genes features"], name: str) -> NetworkProfiles:
        """One network, its chance named after it."""
        seed = seed_of(self.seed, name)
        return fit_network(features, self.effect, self.split, seed, self.counted, self.device, self.schedule)


def _cca_networks(
    expression: Float[np.ndarray, "genes cell_lines"], networks: _Networks
) -> dict[str, ProfileModel]:
    """`cca N + network` for every N of `COMPONENTS` that there are components for."""
    learned = networks.split.learned
    canonical = fit_cca(expression[learned], networks.effect[learned])
    models = {}
    for n in COMPONENTS:
        if n <= len(canonical):
            name = f"cca {n} + network"
            first = Projection(canonical.left.scaling, canonical.left.weights[:, :n])
            models[name] = ProfileModel(networks.on(first.of(expression), name), first.of)
    return models


def _means(expression: Float[np.ndarray, "genes cell_lines"]) -> Float64[np.ndarray, "genes 1"]:
    """Each gene's mean expression over the lines."""
    return expression.mean(axis=1, dtype=np.float64, keepdims=True)
