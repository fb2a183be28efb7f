"""Nearest neighbours in the raw expression of the modifiers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from modeling.candidates.base import FitCost, SingleProblemCandidate
from modeling.candidates.fitted import Arrays, Fitted, StoredModel
from modeling.candidates.problem import Problem

NEIGHBOURS = 50


@dataclass(frozen=True, eq=False)
class NeighboursModel:
    """The training lines themselves: the prediction is their effects' mean, weighted by 1 / distance."""

    features: Float64[np.ndarray, "train_lines features"]
    effect: Float64[np.ndarray, " train_lines"]

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Predicted effect for raw features; a line that is a training line gets that line's effect."""
        # Late: only the preset `published` needs scikit-learn.
        from sklearn.neighbors import KNeighborsRegressor  # noqa: PLC0415

        neighbours = min(NEIGHBOURS, len(self.effect))
        # Brute force, so that the path taken does not depend on the library's guess about the data.
        model = KNeighborsRegressor(neighbours, weights="distance", algorithm="brute")
        predicted: Float64[np.ndarray, " lines"] = model.fit(self.features, self.effect).predict(features)
        return predicted

    def arrays(self) -> Arrays:
        """`features` and `effect` of the training lines."""
        return {"features": self.features, "effect": self.effect}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NeighboursModel":
        """The model that `arrays` was taken of."""
        return cls(arrays["features"], arrays["effect"])


@dataclass(frozen=True)
class Neighbours(SingleProblemCandidate):
    """scikit-learn's KNeighborsRegressor(50, weights="distance"); all lines where there are fewer than 50."""

    name: str = "knn"
    summary: str = "mean of the 50 nearest cell lines, by distance"
    cost: FitCost = FitCost(0.0015)
    model: ClassVar[type[StoredModel]] = NeighboursModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        model = NeighboursModel(problem.features, problem.effect)
        return Fitted(self.name, model, {"neighbours": min(NEIGHBOURS, problem.n_lines)})


CANDIDATES = (Neighbours(),)
