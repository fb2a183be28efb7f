"""A shallow regression tree."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.candidates.base import FitCost, SingleProblemCandidate
from modeling.candidates.fitted import Arrays, Fitted, StoredModel
from modeling.candidates.problem import Problem
from modeling.candidates.trees.growing import grow, predict_heap, sorted_keys


@dataclass(frozen=True, eq=False)
class TreeModel:
    """A heap of nodes, see `modeling.candidates.trees.growing`; features are compared as float32."""

    feature: Int64[np.ndarray, " nodes"]
    threshold: Float64[np.ndarray, " nodes"]
    value: Float64[np.ndarray, " nodes"]

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Predicted effect for raw features."""
        return predict_heap(features.astype(np.float32), self.feature, self.threshold, self.value)

    def arrays(self) -> Arrays:
        """`feature` (−1 for a leaf), `threshold` and `value` of every node."""
        return {"feature": self.feature, "threshold": self.threshold, "value": self.value}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "TreeModel":
        """The model that `arrays` was taken of. Raises ValueError for a heap that would never end."""
        feature = arrays["feature"]
        if not np.all(feature[feature.size // 2 :] == -1):
            raise ValueError("a stored tree's last level must be leaves; the file is damaged or not a tree")
        return cls(feature, arrays["threshold"], arrays["value"])


@dataclass(frozen=True)
class Tree(SingleProblemCandidate):
    """scikit-learn's DecisionTreeRegressor(max_depth=4), but without its random choice among equal splits.

    Features are rounded to float32, as there; equal splits go to the lowest feature, then threshold.
    """

    name: str = "tree"
    max_depth: int = 4
    summary: str = "regression tree of depth 4"
    cost: FitCost = FitCost(0.0004)
    model: ClassVar[type[StoredModel]] = TreeModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        keys = sorted_keys(as_float32(problem.features))
        model = TreeModel(*grow(keys, problem.effect, self.max_depth))
        leaves = 1 + int(np.count_nonzero(model.feature >= 0))
        return Fitted(self.name, model, {"max_depth": self.max_depth, "leaves": leaves})


def as_float32(features: Float64[np.ndarray, "lines features"]) -> Float32[np.ndarray, "lines features"]:
    """Features as trees compare them. Raises ValueError for one too large."""
    rounded = features.astype(np.float32)
    if not np.isfinite(rounded).all():
        raise ValueError("a feature is too large for float32; expression should be log2(TPM+1)")
    return rounded


CANDIDATES = (Tree(),)
