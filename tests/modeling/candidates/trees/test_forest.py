import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from modeling.candidates.registry import Problem, restore
from modeling.candidates.trees.forest import Forest, random_state
from tests.benchmarks.real_problems import real_problems
from tests.reference.candidates import forest_slow
from tests.reference.hard_data import hard_problems, signal

HARD = hard_problems()


def assert_equals_the_library(problem, unseen):
    (fitted,) = Forest().fit([problem])
    assert fitted.status == "ok", fitted.reason
    predict = forest_slow(problem.features, problem.effect, random_state(problem))
    tolerance = 1e-12 * np.abs(problem.effect).max()
    for features in (problem.features, unseen):
        np.testing.assert_allclose(fitted.predict(features), predict(features), rtol=0, atol=tolerance)


@pytest.mark.parametrize("case", HARD)
def test_equals_scikit_learn(case):
    features, effect = HARD[case]
    assert_equals_the_library(Problem(features, effect, 7), features[::-1] * 0.999)


def test_equals_scikit_learn_on_real_targets(real_data):
    for problem in real_problems(real_data, 3)[:2]:
        assert_equals_the_library(problem.take(np.arange(707)), problem.features[707:])


def test_values_on_a_threshold_go_left_as_in_scikit_learn():
    # Whole numbers, so that midpoints between them are thresholds that new lines can hit.
    rng = np.random.default_rng(0)
    features = rng.integers(0, 6, size=(120, 3)).astype(float)
    problem = Problem(features, features[:, 0] + rng.normal(size=120), 1)
    assert_equals_the_library(problem, rng.integers(0, 12, size=(200, 3)) / 2)


def test_the_seed_decides_the_forest():
    features, effect = signal(80, 4, 2)
    first, again, other = Forest(trees=5).fit([Problem(features, effect, seed) for seed in (1, 1, 2)])
    assert first.predict(features).tobytes() == again.predict(features).tobytes()
    assert not np.array_equal(first.predict(features), other.predict(features))


def test_the_out_of_bag_error_is_the_librarys_and_changes_no_tree():
    problem = Problem(*HARD["ordinary"], 3)
    plain, told = (Forest(out_of_bag=tell).fit([problem])[0] for tell in (False, True))
    assert plain.predict(problem.features).tobytes() == told.predict(problem.features).tobytes()
    library = RandomForestRegressor(
        100, max_depth=8, min_samples_leaf=5, oob_score=True, random_state=random_state(problem)
    ).fit(problem.features, problem.effect)
    error = np.sqrt(np.mean((library.oob_prediction_ - problem.effect) ** 2))
    assert told.parameters["out_of_bag_rmse"] == pytest.approx(error, rel=1e-12)
    assert "out_of_bag_rmse" not in plain.parameters


def test_a_constant_effect_is_predicted():
    features, _ = HARD["ordinary"]
    (fitted,) = Forest().fit([Problem(features, np.full(len(features), 0.1), 0)])
    assert fitted.parameters["leaves"] == 100
    np.testing.assert_allclose(fitted.predict(features), 0.1, rtol=1e-12)


def test_a_feature_too_large_for_float32_is_a_reason():
    (fitted,) = Forest().fit([Problem(np.array([[1.0], [1e39], [2.0]]), np.arange(3.0), 0)])
    assert fitted.status == "failed"
    assert "float32" in fitted.reason


def test_too_few_features_are_refused():
    (fitted,) = Forest().fit([Problem(*HARD["ordinary"], 0)])
    with pytest.raises(ValueError, match="asks for feature 7, but only 3"):
        fitted.predict(np.zeros((2, 3)))


@pytest.mark.usefixtures("annotations_unchecked")
@pytest.mark.parametrize(
    "damage",
    [
        lambda a: {"left": np.zeros_like(a["left"])},
        lambda a: {"right": np.where(a["right"] > 0, a["right"] + a["right"].size, -1)},
        lambda a: {"roots": a["roots"] - 1},
        lambda a: {"feature": np.where(a["feature"] < 0, -2, a["feature"])},
        lambda a: {"value": a["value"][:-1]},
    ],
)
def test_damaged_trees_are_refused(damage):
    arrays = Forest(trees=3).fit([Problem(*HARD["ordinary"], 0)])[0].arrays()
    restore("forest", arrays)
    with pytest.raises(ValueError, match="damaged"):
        restore("forest", arrays | damage(arrays))
