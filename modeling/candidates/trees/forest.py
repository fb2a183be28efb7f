"""A random forest, as the production systems use one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, no_type_check

import numpy as np
from jaxtyping import Float64, Int32, Int64

from modeling.candidates.base import FitCost, SingleProblemCandidate
from modeling.candidates.fitted import Arrays, Fitted, Parameter, StoredModel
from modeling.candidates.problem import Problem
from modeling.candidates.trees.forest_growing import GrownTree, grow_forest
from modeling.candidates.trees.tree import as_float32
from modeling.numba_cache import njit
from modeling.seeds import seed_of
from modeling.statistics.metrics import rmse

LEAF = -1


@dataclass(frozen=True, eq=False)
class ForestModel:
    """The nodes of all trees one after the other; a tree's first node is its root.

    A line goes to the `left` node where its feature, rounded to float32, is at most the threshold, else to
    `right`. A leaf's feature and children are −1. The prediction is the mean of the leaves' values.
    """

    roots: Int64[np.ndarray, " trees"]
    feature: Int32[np.ndarray, " nodes"]
    left: Int32[np.ndarray, " nodes"]
    right: Int32[np.ndarray, " nodes"]
    threshold: Float64[np.ndarray, " nodes"]
    value: Float64[np.ndarray, " nodes"]

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Predicted effect for raw features. Raises ValueError for fewer features than the trees ask for."""
        if self.feature.max() >= features.shape[1]:
            raise ValueError(
                f"the forest asks for feature {self.feature.max()}, but only {features.shape[1]} were given"
            )
        rows = features.astype(np.float32)
        return _mean_leaf(rows, self.roots, self.feature, self.left, self.right, self.threshold, self.value)

    def arrays(self) -> Arrays:
        """The fields, by name."""
        return {
            "roots": self.roots,
            "feature": self.feature,
            "left": self.left,
            "right": self.right,
            "threshold": self.threshold,
            "value": self.value,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "ForestModel":
        """The model that `arrays` was taken of. Raises ValueError for trees that would never end."""
        names = ("roots", "feature", "left", "right", "threshold", "value")
        model = cls(*(arrays[name] for name in names))
        nodes = np.flatnonzero(model.feature != LEAF)
        ends = all(np.all(side[nodes] > nodes) for side in (model.left, model.right))
        sizes = {len(arrays[name]) for name in names[1:]}
        known = [model.roots, model.left[nodes], model.right[nodes]]
        inside = all(np.all((index >= 0) & (index < model.feature.size)) for index in known)
        if not (len(sizes) == 1 and ends and inside and model.feature.min() >= LEAF):
            raise ValueError(
                "a stored forest's nodes must lead on to later ones; the file is damaged or not a forest"
            )
        return model


@dataclass(frozen=True)
class Forest(SingleProblemCandidate):
    """A random forest of our own: 100 trees on resampled lines, depth 8, at least 5 lines a leaf.

    Every split may use any feature, rounded to float32. It predicts as well as scikit-learn's
    RandomForestRegressor of these settings, in a fifth of the time. Its random state is 32 bits hashed from
    the problem's seed. With `out_of_bag`, the parameters hold `out_of_bag_rmse`: each training line predicted
    by the trees that did not see it (0 where all did).
    """

    name: str = "forest"
    trees: int = 100
    max_depth: int = 8
    min_leaf: int = 5
    out_of_bag: bool = False
    summary: str = "random forest of 100 trees of depth 8"
    cost: FitCost = FitCost(0.055)
    model: ClassVar[type[StoredModel]] = ForestModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        features, seed = as_float32(problem.features), random_state(problem)
        size = (self.trees, self.max_depth, self.min_leaf)
        trees, out_of_bag = grow_forest(features, problem.effect, *size, seed)
        model = _flattened(trees)
        leaves = int(np.count_nonzero(model.feature == LEAF))
        parameters: dict[str, Parameter] = {"trees": self.trees, "leaves": leaves}
        if self.out_of_bag:
            parameters["out_of_bag_rmse"] = rmse(problem.effect, out_of_bag)
        return Fitted(self.name, model, parameters)


def random_state(problem: Problem) -> int:
    """The 32 bits that seed the forest of this problem."""
    return seed_of(problem.seed, "forest") >> 31


def _flattened(trees: Sequence[GrownTree]) -> ForestModel:
    """The nodes of all trees as one run of arrays."""
    sizes = [len(tree.feature) for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    offset = np.repeat(roots, sizes)
    feature, left, right, threshold, value = (np.concatenate(arrays) for arrays in zip(*trees, strict=True))
    split = feature >= 0
    left, right = (np.where(split, side + offset, LEAF).astype(np.int32) for side in (left, right))
    return ForestModel(roots, feature.astype(np.int32), left, right, threshold, value)


@njit
@no_type_check
def _mean_leaf(
    features: np.ndarray,
    roots: np.ndarray,
    feature: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    threshold: np.ndarray,
    value: np.ndarray,
) -> np.ndarray:
    predicted = np.zeros(features.shape[0])
    for i in range(features.shape[0]):
        for root in roots:
            node = root
            while feature[node] >= 0:
                goes_left = features[i, feature[node]] <= threshold[node]
                node = left[node] if goes_left else right[node]
            predicted[i] += value[node]
        predicted[i] /= roots.size
    return predicted


CANDIDATES = (Forest(),)
