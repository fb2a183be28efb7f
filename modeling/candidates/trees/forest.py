"""A random forest, as the production systems use one."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, ClassVar, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64

from modeling.candidates.base import FitCost, SingleProblemCandidate
from modeling.candidates.fitted import Arrays, Fitted, Parameter, StoredModel
from modeling.candidates.problem import Problem
from modeling.candidates.trees.forest_growing import GrownForest, GrownTree, grow_forest
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
    """scikit-learn's RandomForestRegressor: 100 trees on resampled lines, depth 8, at least 5 lines a leaf.

    Its random state is 32 bits hashed from the problem's seed. The trees are grown by `forest_growing` where
    it can promise the library's own, else by the library. With `out_of_bag`, the parameters hold
    `out_of_bag_rmse`: each training line predicted by the trees that did not see it.
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
        grown = None
        if _grows_alike():
            size = (self.trees, self.max_depth, self.min_leaf)
            grown = grow_forest(features, problem.effect, *size, seed)
        trees, out_of_bag = grown or self._by_library(features, problem.effect, seed)
        model = _flattened(trees)
        leaves = int(np.count_nonzero(model.feature == LEAF))
        parameters: dict[str, Parameter] = {"trees": self.trees, "leaves": leaves}
        if self.out_of_bag:
            parameters["out_of_bag_rmse"] = rmse(problem.effect, out_of_bag)
        return Fitted(self.name, model, parameters)

    def _by_library(
        self,
        features: Float32[np.ndarray, "lines features"],
        effect: Float64[np.ndarray, " lines"],
        seed: int,
    ) -> GrownForest:
        # Late: no preset needs it.
        from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415

        library = RandomForestRegressor(
            self.trees,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_leaf,
            n_jobs=1,
            oob_score=True,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # few trees: a line that all of them saw counts as 0
            library.fit(features, effect)
        trees = tuple(_of_library(tree.tree_) for tree in library.estimators_)
        return GrownForest(trees, library.oob_prediction_)


@cache
def _grows_alike() -> bool:
    """Whether the scikit-learn that is installed grows the trees that `grow_forest` grows.

    Asked once a process, of a small problem with ties, levels and a constant feature: a later version may
    draw otherwise, and a build that fuses products with sums may round otherwise.
    """
    rng = np.random.default_rng(0)
    features = np.round(rng.gamma(2.0, 1.5, (90, 12)), 1).astype(np.float32)
    features[:, 3], features[:, 4] = 1.5, np.round(features[:, 5])
    noise = features[:, 0] + rng.standard_normal(90, dtype=np.float32)
    small = Forest(trees=10)
    for effect in (np.round(noise), noise):
        size = (small.trees, small.max_depth, small.min_leaf)
        ours = grow_forest(features, effect.astype(np.float64), *size, 5)
        theirs = small._by_library(features, effect.astype(np.float64), 5)
        if ours is None or not _same(ours, theirs):
            return False
    return True


def _same(ours: GrownForest, theirs: GrownForest) -> bool:
    """Whether two forests are the same, bit by bit."""
    nodes = zip(chain(*ours.trees), chain(*theirs.trees), strict=True)
    return all(np.array_equal(a, b) for a, b in nodes) and np.array_equal(ours.out_of_bag, theirs.out_of_bag)


def _of_library(tree: Any) -> GrownTree:
    """One of scikit-learn's trees, whose leaves carry −2 and no threshold."""
    split = tree.children_left >= 0
    return GrownTree(
        np.where(split, tree.feature, LEAF),
        tree.children_left,
        tree.children_right,
        np.where(split, tree.threshold, 0.0),
        tree.value[:, 0, 0],
    )


def random_state(problem: Problem) -> int:
    """The 32 bits that seed scikit-learn's forest for this problem."""
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


@njit(cache=True, nogil=True)
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
