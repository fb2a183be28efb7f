"""A hundred nearest neighbours, for stacks: quick, and a line's prediction the same bits in any company."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, no_type_check

import numpy as np
from jaxtyping import Float64

from modeling.candidates.base import FitCost, SingleProblemCandidate
from modeling.candidates.fitted import Arrays, Fitted, StoredModel
from modeling.candidates.problem import Problem
from modeling.numba_cache import njit

NEIGHBOURS = 100


@dataclass(frozen=True, eq=False)
class HundredModel:
    """The training lines themselves: the prediction is their effects' mean, weighted by 1 / distance."""

    features: Float64[np.ndarray, "train_lines features"]
    effect: Float64[np.ndarray, " train_lines"]

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Predicted effect for raw features; a line that is a training line gets that line's effect."""
        columns = np.ascontiguousarray(self.features.T)
        distance = _distances(np.ascontiguousarray(features), columns)
        count = min(NEIGHBOURS, len(self.effect))
        near = np.argpartition(distance, count - 1, axis=1)[:, :count]
        near.sort(axis=1)
        far = np.take_along_axis(distance, near, axis=1)
        same = far == 0
        with np.errstate(divide="ignore"):
            weights = np.where(same.any(axis=1, keepdims=True), same, 1.0 / far)
        return (weights * self.effect[near]).sum(axis=1) / weights.sum(axis=1)

    def arrays(self) -> Arrays:
        """`features` and `effect` of the training lines."""
        return {"features": self.features, "effect": self.effect}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "HundredModel":
        """The model that `arrays` was taken of."""
        return cls(arrays["features"], arrays["effect"])


@dataclass(frozen=True)
class HundredNeighbours(SingleProblemCandidate):
    """scikit-learn's KNeighborsRegressor(100, weights="distance"); all lines where there are fewer."""

    name: str = "knn100"
    summary: str = "mean of the 100 nearest cell lines, by distance"
    cost: FitCost = FitCost(0.0015, 1.0)
    model: ClassVar[type[StoredModel]] = HundredModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        model = HundredModel(problem.features, problem.effect)
        return Fitted(self.name, model, {"neighbours": min(NEIGHBOURS, problem.n_lines)})


@njit
@no_type_check
def _distances(new: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Euclidean, of each row of `new` to each column: feature by feature, so that the loop is a vector's."""
    distance = np.zeros((new.shape[0], columns.shape[1]))
    for row in range(new.shape[0]):
        for feature in range(new.shape[1]):
            for line in range(columns.shape[1]):
                apart = new[row, feature] - columns[feature, line]
                distance[row, line] += apart * apart
        for line in range(columns.shape[1]):
            distance[row, line] = np.sqrt(distance[row, line])
    return distance


CANDIDATES = (HundredNeighbours(),)
