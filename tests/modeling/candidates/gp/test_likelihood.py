import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.spatial.distance import pdist, squareform
from scipy.stats import multivariate_normal

from modeling.candidates.gp.likelihood import Likelihood, covariance_between, maximise, squared_distances

RNG = np.random.default_rng(5)
LINES = RNG.normal(size=(60, 4))
EFFECT = np.sin(LINES[:, 0]) + 0.3 * RNG.normal(size=60)
EFFECT -= EFFECT.mean()
LIKELIHOOD = Likelihood(squared_distances(LINES), EFFECT)
POINTS = [(2.0, 1.0), (0.3, 0.05), (30.0, 1e-3), (1e-5, 2.0), (1e5, 1e5)]


def covariance_slow(length, noise):
    return np.exp(-(squareform(pdist(LINES)) ** 2) / (2 * length**2)) + (noise + 1e-10) * np.eye(len(LINES))


@pytest.mark.parametrize("point", POINTS)
def test_the_value_is_the_normal_density(point):
    value, _ = LIKELIHOOD.at(np.log(point))
    covariance = covariance_slow(*point)
    expected = multivariate_normal(cov=covariance).logpdf(EFFECT)
    assert value == pytest.approx(expected, rel=1e-9)
    again, weights = LIKELIHOOD.weights_at(np.log(point))
    assert again == value
    np.testing.assert_allclose(covariance @ weights, EFFECT, rtol=0, atol=1e-9)


@pytest.mark.parametrize("point", POINTS)
def test_the_gradient_is_that_of_the_value(point):
    _, gradient = LIKELIHOOD.at(np.log(point))
    expected = approx_fprime(np.log(point), lambda theta: LIKELIHOOD.at(theta)[0], 1e-6)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-3)


def test_without_noise_there_is_one_parameter():
    value, gradient = LIKELIHOOD.at(np.log([0.7]))
    assert gradient.shape == (1,)
    assert value == pytest.approx(multivariate_normal(cov=covariance_slow(0.7, 0)).logpdf(EFFECT), rel=1e-9)
    expected = approx_fprime(np.log([0.7]), lambda theta: LIKELIHOOD.at(theta)[0], 1e-6)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4)


def test_no_neighbouring_parameters_are_better_than_the_optimum():
    best = maximise(LIKELIHOOD, (2.0, 1.0))
    assert best.trouble == ""
    assert best.log_likelihood > LIKELIHOOD.at(np.log([2.0, 1.0]))[0]
    for length in (0.98, 1.0, 1.02):
        for noise in (0.98, 1.0, 1.02):
            near = LIKELIHOOD.at(np.log([best.length_scale * length, best.noise * noise]))[0]
            assert near <= best.log_likelihood + 1e-6


def test_a_covariance_without_a_factor_has_no_likelihood():
    # A negative squared distance: no such lines exist.
    impossible = Likelihood(np.array([-1.0, 1.0, 1.0]), np.array([1.0, 0.0, -1.0]))
    value, gradient = impossible.at(np.log([1.0, 0.01]))
    assert value == -np.inf
    np.testing.assert_array_equal(gradient, 0.0)
    with pytest.raises(np.linalg.LinAlgError, match=r"length scale 1 and noise 0\.01 is singular"):
        impossible.weights_at(np.log([1.0, 0.01]))


def test_covariance_between_lines_has_no_noise():
    np.testing.assert_allclose(
        covariance_between(LINES[:5], LINES, 1.7), covariance_slow(1.7, -1e-10)[:5], rtol=1e-12
    )
