"""Trees grown here against scikit-learn's, node by node and bit by bit."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor

from modeling.candidates.registry import Problem
from modeling.candidates.trees.forest import Forest, _grows_alike, random_state
from modeling.candidates.trees.forest_growing import bits_of, grow_forest
from tests.reference.candidates import forest_slow
from tests.reference.hard_data import hard_problems

HARD = hard_problems()
TREES = 25


def grown(features, effect, seed=5, max_depth=8, min_leaf=5):
    return grow_forest(features.astype(np.float32), effect, TREES, max_depth, min_leaf, seed)


def assert_same_trees(features, effect, seed=5, max_depth=8, min_leaf=5):
    ours = grown(features, effect, seed, max_depth, min_leaf)
    assert ours is not None
    library = RandomForestRegressor(
        TREES, max_depth=max_depth, min_samples_leaf=min_leaf, oob_score=True, random_state=seed
    ).fit(features, effect)
    for tree, estimator in zip(ours.trees, library.estimators_, strict=True):
        theirs = estimator.tree_
        split = theirs.children_left >= 0
        np.testing.assert_array_equal(tree.left, theirs.children_left)
        np.testing.assert_array_equal(tree.right, theirs.children_right)
        np.testing.assert_array_equal(tree.feature, np.where(split, theirs.feature, -1))
        np.testing.assert_array_equal(tree.threshold, np.where(split, theirs.threshold, 0.0))
        np.testing.assert_array_equal(tree.value, theirs.value[:, 0, 0])
    np.testing.assert_array_equal(ours.out_of_bag, library.oob_prediction_)


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("kind", ["float32", "levels"])
def test_trees_are_those_of_scikit_learn(case, kind):
    features, effect = HARD[case]
    if kind == "levels":
        effect = np.digitize(effect, np.quantile(effect, [0.6, 0.9])).astype(float)
    assert_same_trees(features, effect.astype(np.float32).astype(np.float64))


@pytest.mark.parametrize(("max_depth", "min_leaf"), [(1, 1), (3, 20), (12, 1), (8, 60)])
def test_so_they_are_for_other_sizes(max_depth, min_leaf):
    features, effect = HARD["many features"]
    effect = effect.astype(np.float32).astype(np.float64)
    assert_same_trees(features, effect, 11, max_depth, min_leaf)


def test_equal_splits_go_by_the_order_in_which_features_are_drawn():
    rng = np.random.default_rng(0)
    features = np.repeat(rng.integers(0, 3, (90, 4)), 5, axis=1).astype(float)  # every feature five times
    features[:, [2, 9]] = 1.0
    assert_same_trees(features, rng.integers(0, 2, 90).astype(float))


def test_values_nearer_than_scikit_learn_tells_apart_are_not_split():
    rng = np.random.default_rng(1)
    features = 0.5 + rng.integers(0, 6, (80, 6)) * 6e-8
    assert_same_trees(np.hstack([features, features * 4]), rng.integers(0, 3, 80).astype(float))


def test_real_targets_have_scikit_learns_trees(real_data):
    expression = pd.read_parquet(real_data / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    levels = pd.read_parquet(
        real_data / "gene_dependency_level_22q1.parquet", columns=["SOX10", "KRAS", "MDM2"]
    )
    lines = expression.index.intersection(levels.index)[:300]
    features = expression.loc[lines].iloc[:, :150].to_numpy(np.float64)
    for effect in levels.loc[lines].to_numpy(np.float64).T:
        assert_same_trees(features, effect)


@pytest.mark.parametrize(
    ("effect", "why"),
    [
        (np.random.default_rng(0).standard_normal(120), "sums of float64 noise round"),
        (np.repeat(np.float32([0.1, 0.7]), 60).astype(float), "pure nodes, whose squares do not sum exactly"),
        (np.zeros(120), "nothing to learn"),
        (np.full(120, 1e-200), "squares vanish"),
    ],
)
def test_where_rounding_could_matter_the_library_grows_the_trees(effect, why):
    features = np.random.default_rng(1).standard_normal((120, 5)).astype(np.float32).astype(float)
    features[:, 0] = effect
    assert grown(features, effect) is None, why
    problem = Problem(features, effect, 3)
    (fitted,) = Forest().fit([problem])
    expected = forest_slow(features, effect, random_state(problem))(features)
    np.testing.assert_allclose(fitted.predict(features), expected, rtol=1e-12, atol=0)


def test_the_installed_scikit_learn_grows_alike():
    """Else every forest takes several times as long: a new version may draw otherwise."""
    assert _grows_alike()


@pytest.mark.parametrize(
    ("values", "bits"),
    [([0.0, 0.0], 0), ([1.0], 1), ([1.0, 2.0], 2), ([-3.0, 1.0], 2), ([0.5, 4.0], 4), ([0.1], 52)],
)
def test_bits_are_counted(values, bits):
    assert bits_of(np.array(values)) == bits


def test_sums_of_counted_bits_are_exact_in_any_order():
    rng = np.random.default_rng(2)
    values = rng.standard_normal(800).astype(np.float32).astype(np.float64)
    assert bits_of(values) + 10 <= 53
    exact = sum(int(v * 2.0**60) for v in values)
    assert all(int(rng.permutation(values).cumsum()[-1] * 2.0**60) == exact for _ in range(20))
