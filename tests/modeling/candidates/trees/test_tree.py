import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from modeling.candidates.registry import Problem, restore
from modeling.candidates.trees.growing import LINE, sorted_keys
from modeling.candidates.trees.tree import Tree
from tests.reference.candidates import tree_brute, tree_slow
from tests.reference.hard_data import hard_problems, signal

HARD = hard_problems()


@pytest.mark.parametrize(("n", "p", "seed"), [(600, 20, 0), (600, 60, 1), (250, 5, 2)])
def test_equals_scikit_learn_where_no_split_is_tied(n, p, seed):
    features, effect = signal(n, p, seed)
    unseen, _ = signal(300, p, seed + 100)
    (fitted,) = Tree().fit([Problem(features, effect, 0)])
    expected = tree_slow(features, effect)
    np.testing.assert_allclose(fitted.predict(features), expected(features), rtol=0, atol=1e-12)
    np.testing.assert_allclose(fitted.predict(unseen), expected(unseen), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", HARD)
def test_equals_trying_every_split(name):
    features, effect = HARD[name]
    (fitted,) = Tree().fit([Problem(features, effect, 0)])
    assert fitted.status == "ok"
    tolerance = 1e-9 * np.abs(effect).max()
    expected = tree_brute(features, effect)
    np.testing.assert_allclose(fitted.predict(features), expected(features), rtol=0, atol=tolerance)
    unseen = features[::-1] * 0.999
    np.testing.assert_allclose(fitted.predict(unseen), expected(unseen), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", HARD)
def test_one_split_is_as_good_as_scikit_learns_even_when_tied(name):
    features, effect = HARD[name]
    (fitted,) = Tree(max_depth=1).fit([Problem(features, effect, 0)])
    library = DecisionTreeRegressor(max_depth=1).fit(features, effect)
    ours = np.mean((fitted.predict(features) - effect) ** 2)
    assert ours == pytest.approx(np.mean((library.predict(features) - effect) ** 2), rel=1e-9)


def test_ties_go_to_the_lowest_feature_and_threshold():
    x = np.array([[0.0, 9.0], [1.0, 8.0], [2.0, 7.0], [3.0, 6.0]])
    # Either end split off falls alike; both features can do it.
    (fitted,) = Tree(max_depth=1).fit([Problem(x, np.array([1.0, 0.0, 0.0, 1.0]), 0)])
    assert fitted.arrays()["feature"][0] == 0
    assert fitted.arrays()["threshold"][0] == 0.5


def test_a_copy_of_a_feature_in_another_order_of_sums_does_not_win():
    features, effect = signal(300, 1, 3)
    (fitted,) = Tree().fit([Problem(np.hstack([features, -features, features]), effect, 0)])
    used = fitted.arrays()["feature"]
    assert set(used[used >= 0]) == {0}


def test_pure_and_inseparable_nodes_are_leaves():
    constant_effect = Problem(HARD["ordinary"][0], np.full(120, 0.3), 0)
    constant_features = Problem(*HARD["all features constant"], 0)
    for fitted in Tree().fit([constant_effect, constant_features]):
        assert fitted.status == "ok"
        assert fitted.parameters["leaves"] == 1
    np.testing.assert_array_equal(Tree().fit([constant_effect])[0].predict(HARD["ordinary"][0]), 0.3)


def test_sorting_by_bits_is_a_stable_sort():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 4)).astype(np.float32)
    x[:, 1] = np.round(x[:, 1])
    x[:, 2] = np.where(x[:, 2] > 0, 0.0, -0.0)
    x[:, 3] *= np.float32(1e37)
    np.testing.assert_array_equal(sorted_keys(x) & LINE, np.argsort(x.T, axis=1, kind="stable"))


def test_a_feature_too_large_for_float32_is_a_reason():
    (fitted,) = Tree().fit([Problem(np.array([[1.0], [1e39], [2.0]]), np.arange(3.0), 0)])
    assert fitted.status == "failed"
    assert "float32" in fitted.reason


def test_a_damaged_heap_is_refused():
    (fitted,) = Tree().fit([Problem(*HARD["ordinary"], 0)])
    damaged = fitted.arrays() | {"feature": np.zeros(31, dtype=np.int64)}
    with pytest.raises(ValueError, match="damaged"):
        restore("tree", damaged)
