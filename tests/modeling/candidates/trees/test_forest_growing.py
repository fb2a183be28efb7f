"""The forest's trees themselves: their limits, their splits, their seed."""

import hashlib

import numpy as np
import pytest

from modeling.candidates.trees.forest_growing import GrownForest, GrownTree, grow_forest
from tests.reference.hard_data import hard_problems

HARD = hard_problems()
TREES = 10
LEAF = -1


def grown(
    features: np.ndarray, effect: np.ndarray, seed: int = 5, max_depth: int = 8, min_leaf: int = 5
) -> GrownForest:
    return grow_forest(features.astype(np.float32), effect, TREES, max_depth, min_leaf, seed)


def depths_of(tree: GrownTree) -> np.ndarray:
    depths = np.zeros(len(tree.feature), dtype=int)
    for node in np.flatnonzero(tree.feature != LEAF):
        depths[[tree.left[node], tree.right[node]]] = depths[node] + 1
    return depths


def leaves_of(tree: GrownTree, features: np.ndarray) -> np.ndarray:
    """The leaf of each line, one line and one node at a time."""
    reached = []
    for line in features.astype(np.float32):
        node = 0
        while tree.feature[node] != LEAF:
            goes_left = line[tree.feature[node]] <= tree.threshold[node]
            node = tree.left[node] if goes_left else tree.right[node]
        reached.append(node)
    return np.array(reached)


def drawn_lines(seed: int, n_lines: int) -> list[np.ndarray]:
    """The lines each tree draws, with repeats, from numpy's legacy generator."""
    generator = np.random.RandomState(seed)
    seeds = [generator.randint(2**31 - 1) for _ in range(TREES)]
    return [np.random.RandomState(one).randint(0, n_lines, n_lines) for one in seeds]


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize(("max_depth", "min_leaf"), [(8, 5), (1, 1), (3, 20), (12, 1)])
def test_depth_and_leaf_limits_hold_and_leaves_are_means(case: str, max_depth: int, min_leaf: int) -> None:
    features, effect = HARD[case]
    forest = grown(features, effect, max_depth=max_depth, min_leaf=min_leaf)
    for tree, drawn in zip(forest.trees, drawn_lines(5, len(effect)), strict=True):
        assert depths_of(tree).max() <= max_depth
        leaf, values = leaves_of(tree, features)[drawn], effect[drawn]
        assert set(leaf) == set(np.flatnonzero(tree.feature == LEAF))
        for node in set(leaf):
            mine = leaf == node
            assert tree.value[node] == pytest.approx(values[mine].mean(), rel=1e-9, abs=1e-12)
            assert node == 0 or len(set(drawn[mine])) >= min_leaf


def test_the_root_split_lowers_the_variance_most() -> None:
    features, effect = HARD["noise"]
    for tree, drawn in zip(grown(features, effect).trees, drawn_lines(5, 90), strict=True):
        x, y = features.astype(np.float32)[drawn], effect[drawn]

        def left_over(feature: int, cut: float, x: np.ndarray = x, y: np.ndarray = y) -> float:
            sides = y[x[:, feature] <= cut], y[x[:, feature] > cut]
            return sum(((side - side.mean()) ** 2).sum() for side in sides)

        best = min(
            left_over(f, (a + b) / 2)
            for f in range(20)
            for a, b in zip(np.unique(x[:, f])[4:-5], np.unique(x[:, f])[5:-4], strict=True)
        )
        assert left_over(tree.feature[0], tree.threshold[0]) == pytest.approx(best, rel=1e-12)


def test_lines_out_of_bag_are_predicted_by_the_trees_that_did_not_draw_them() -> None:
    features, effect = HARD["ordinary"]
    forest, drawn = grown(features, effect), drawn_lines(5, 120)
    expected = []
    for i in range(120):
        unseen = [tree for tree, lines in zip(forest.trees, drawn, strict=True) if i not in lines]
        values = [tree.value[leaves_of(tree, features[[i]])[0]] for tree in unseen]
        expected.append(np.mean(values) if values else 0.0)
    np.testing.assert_allclose(forest.out_of_bag, expected, rtol=1e-12)


@pytest.mark.long
def test_equal_splits_are_taken_by_chance() -> None:
    rng = np.random.default_rng(0)
    features = np.repeat(rng.integers(0, 3, (90, 4)), 5, axis=1).astype(float)  # every feature five times
    forest = grown(features, features[:, 0])
    roots = {int(tree.feature[0]) for tree in forest.trees}
    assert len(roots) > 1
    assert roots <= set(range(5))


def test_values_nearer_than_1e_7_are_not_split() -> None:
    rng = np.random.default_rng(1)
    steps = rng.integers(0, 2, (80, 1))
    near, apart = 0.5 + steps * 6e-8, 0.5 + steps * 2.4e-7
    for features, splits in ((near, False), (apart, True)):
        forest = grown(features, steps[:, 0].astype(float))
        assert all((len(tree.feature) > 1) == splits for tree in forest.trees)


@pytest.mark.parametrize("effect", [np.zeros(120), np.full(120, 0.1), np.full(120, 1e-200)])
def test_nothing_to_learn_is_one_leaf(effect: np.ndarray) -> None:
    features = np.random.default_rng(1).standard_normal((120, 5))
    forest = grown(features, effect)
    assert all(len(tree.feature) == 1 for tree in forest.trees)
    np.testing.assert_allclose(forest.out_of_bag[forest.out_of_bag != 0], effect[0], rtol=1e-12)


def test_the_seed_decides() -> None:
    features, effect = HARD["ordinary"]
    first, again, other = (grown(features, effect, seed) for seed in (5, 5, 6))
    assert bytes_of(first) == bytes_of(again) != bytes_of(other)


@pytest.mark.parametrize(
    ("case", "kind", "digest"),
    [
        ("ordinary", "float32", "bb1eb14387fcca1f"),
        ("ordinary", "levels", "50dea2d7ed84f217"),
        ("many features", "float32", "c71b35fd5ee61b27"),
        ("many features", "levels", "5316dca4b917620f"),
        ("more features than lines", "float32", "f7e4952e46b07129"),
        ("more features than lines", "levels", "9332a217d8346c10"),
        ("duplicate features", "float32", "9fb506a72f797503"),
        ("duplicate features", "levels", "76ad1cf9b54ef077"),
        ("counts with many zeros", "float32", "c1eb2e8e5cde880b"),
        ("counts with many zeros", "levels", "7da8c5ce213d09dd"),
    ],
)
def test_trees_have_the_bytes_of_earlier_versions(case: str, kind: str, digest: str) -> None:
    """Stores hold results of these trees: a change of any is a change of what a resumed run computes."""
    features, effect = HARD[case]
    if kind == "levels":
        effect = np.digitize(effect, np.quantile(effect, [0.6, 0.9])).astype(float)
    forest = grown(features, effect.astype(np.float32).astype(np.float64))
    assert hashlib.sha256(bytes_of(forest)).hexdigest().startswith(digest)


def bytes_of(forest: GrownForest) -> bytes:
    arrays = [array for tree in forest.trees for array in tree]
    return b"".join(array.tobytes() for array in (*arrays, forest.out_of_bag))
