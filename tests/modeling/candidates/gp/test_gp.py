import numpy as np
import pytest

from modeling.candidates.gp import likelihood as gaussian_process
from modeling.candidates.registry import BUILT, Problem
from tests.benchmarks.real_problems import real_problems
from tests.reference.candidates import gp_slow
from tests.reference.hard_data import hard_problems, signal

HARD = hard_problems()
NAMES = ("gp", "gp_noiseless")


def assert_equals_the_library(name, features, effect, unseen, tight):
    """Parameters, likelihood and predictions (in standard deviations of the effect), to `tight`."""
    length, noise, likelihood, predict = gp_slow(features, effect, noisy=name == "gp")
    (fitted,) = BUILT[name].fit([Problem(features, effect, 0)])
    assert fitted.model is not None, fitted.reason
    assert fitted.parameters["length_scale"] == pytest.approx(length, rel=tight)
    assert fitted.parameters.get("noise", 0.0) == pytest.approx(noise, rel=tight)
    assert fitted.parameters["log_likelihood"] == pytest.approx(likelihood, rel=1e-9, abs=1e-6)
    error = np.abs(fitted.predict(unseen) - predict(unseen)).max()
    assert error <= tight * (effect.std() or 1.0)


@pytest.mark.long
@pytest.mark.timeout(300)  # scikit-learn takes seconds a target, far more where other work has the cores
@pytest.mark.parametrize("name", NAMES)
def test_equals_scikit_learn_on_real_targets(name, real_data):
    for problem in real_problems(real_data, 3):
        kept = problem.take(np.arange(400))  # a likelihood costs lines cubed
        assert_equals_the_library(name, kept.features, kept.effect, problem.features[707:], 1e-6)


@pytest.mark.parametrize("case", HARD)
def test_equals_scikit_learn_on_hard_problems(case):
    features, effect = HARD[case]
    assert_equals_the_library("gp", features, effect, features[::-1] * 0.999, 1e-6)


@pytest.mark.parametrize("case", HARD)
def test_without_noise_equals_scikit_learn_where_the_covariance_is_nearly_singular(case):
    features, effect = HARD[case]
    # A condition of 1e10 leaves the optimiser's last steps to rounding.
    assert_equals_the_library("gp_noiseless", features, effect, features[::-1] * 0.999, 1e-4)


def test_duplicate_lines_are_averaged_not_fatal():
    features, effect = signal(60, 4, 3)
    twice = np.vstack([features, features])
    other = np.concatenate([effect, effect + 1])
    assert_equals_the_library("gp", twice, other, features, 1e-6)


def test_a_noise_at_its_bound_is_a_status():
    (fitted,) = BUILT["gp"].fit([Problem(*HARD["exact"], 0)])
    assert fitted.status == "not_converged"
    assert fitted.reason == "the noise reached its bound 1e-05"
    np.testing.assert_allclose(fitted.predict(HARD["exact"][0]), HARD["exact"][1], rtol=1e-3)


def test_a_length_scale_at_its_bound_is_a_status():
    (fitted,) = BUILT["gp_noiseless"].fit([Problem(*HARD["ordinary"], 0)])
    assert fitted.status == "not_converged"
    assert fitted.reason == "the length scale reached its bound 1e-05"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
def test_a_constant_effect_is_predicted(name, value):
    features, _ = HARD["ordinary"]
    (fitted,) = BUILT[name].fit([Problem(features, np.full(len(features), value), 0)])
    np.testing.assert_allclose(fitted.predict(features * 1.1), value, rtol=1e-12)


def test_without_noise_the_training_lines_are_interpolated():
    features, effect = HARD["noise"]
    noiseless, noisy = (BUILT[name].fit([Problem(features, effect, 0)])[0] for name in reversed(NAMES))
    np.testing.assert_allclose(noiseless.predict(features), effect, rtol=0, atol=1e-6)
    assert np.abs(noisy.predict(features) - effect).max() > 1


def test_a_singular_covariance_is_a_reason(monkeypatch):
    monkeypatch.setattr(gaussian_process, "JITTER", 0.0)
    features, effect = signal(30, 3, 1)
    twins = features.copy()
    twins[7] = twins[3]
    singular, sound = BUILT["gp_noiseless"].fit([Problem(twins, effect, 0), Problem(features, effect, 0)])
    assert singular.status == "failed"
    assert "singular: lines are too alike" in singular.reason
    assert sound.status != "failed"
