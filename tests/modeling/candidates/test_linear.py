import numpy as np
import pytest

from modeling.candidates.linear.ols import OLS
from modeling.candidates.linear.ridge import PENALTIES, Ridge, leave_one_out_errors
from modeling.candidates.registry import Problem
from tests.reference.candidates import ols_slow, ridge_model
from tests.reference.hard_data import hard_problems, signal

HARD = hard_problems()


def new_lines(features):
    """Features of lines not trained on: the training ones with their rows' columns mixed."""
    rng = np.random.default_rng(7)
    return np.column_stack([rng.permutation(column) for column in features.T])


@pytest.mark.parametrize("name", HARD)
def test_ols_equals_linear_regression(name):
    features, effect = HARD[name]
    (fitted,) = OLS().fit([Problem(features, effect, 0)])
    assert fitted.status == "ok"
    expected = ols_slow(features, effect)
    # Nearly duplicate features: the library centres its own way and the difference is magnified 10^4 times.
    tolerance = 1e-7 * np.abs(effect).max()
    np.testing.assert_allclose(fitted.predict(features), expected(features), rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        fitted.predict(new_lines(features)), expected(new_lines(features)), rtol=0, atol=tolerance
    )


def test_duplicate_features_share_their_weight():
    features, effect = HARD["duplicate features"]
    (fitted,) = OLS().fit([Problem(features, effect, 0)])
    _, coefficients = fitted.coefficients()
    assert fitted.parameters["rank"] == 6
    assert coefficients[0] == pytest.approx(coefficients[3], rel=1e-9)
    assert coefficients[1] == pytest.approx(2 * coefficients[6], rel=1e-9)


def test_an_exact_relation_is_found():
    features, effect = HARD["exact"]
    intercept, coefficients = OLS().fit([Problem(features, effect, 0)])[0].coefficients()
    np.testing.assert_allclose(coefficients, np.arange(1.0, 9.0), rtol=1e-10)
    assert intercept == pytest.approx(-3, abs=1e-8)


@pytest.mark.parametrize("name", HARD)
def test_ridge_equals_ridge_cv(name):
    features, effect = HARD[name]
    (fitted,) = Ridge().fit([Problem(features, effect, 0)])
    model = ridge_model(features, effect)
    assert fitted.status == "ok"
    assert fitted.parameters["penalty"] == model[-1].alpha_
    tolerance = 1e-9 * np.abs(effect).max()
    found, expected = fitted.predict(new_lines(features)), model.predict(new_lines(features))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_leave_one_out_errors_equal_leaving_each_line_out():
    features, effect = signal(35, 6, 8)
    problem = Problem(features, effect, 0)
    x = problem.standardised.values
    for penalty, error in zip(PENALTIES[::7], leave_one_out_errors(problem)[::7], strict=True):
        squares = []
        for left in range(35):
            rows = np.arange(35) != left
            mean, centre = x[rows].mean(axis=0), effect[rows].mean()
            gram = (x[rows] - mean).T @ (x[rows] - mean) + penalty * np.eye(6)
            weights = np.linalg.solve(gram, (x[rows] - mean).T @ (effect[rows] - centre))
            squares.append((effect[left] - centre - (x[left] - mean) @ weights) ** 2)
        assert error == pytest.approx(np.mean(squares), rel=1e-10)


def test_the_border_of_the_grid_is_reported():
    rng = np.random.default_rng(0)
    exact, noise = HARD["exact"], (rng.normal(size=(60, 30)), rng.normal(size=60))
    fits = Ridge().fit(
        [Problem(*exact, 0), Problem(*signal(300, 4, 2), 0), Problem(noise[0] * 0, noise[1], 0)]
    )
    assert [fit.parameters["at_border"] for fit in fits] == [1, 0, 1]


@pytest.mark.parametrize("candidate", [OLS(), Ridge()])
def test_coefficients_are_on_the_raw_scale(candidate):
    features, effect = HARD["mixed scales"]
    (fitted,) = candidate.fit([Problem(features, effect, 0)])
    intercept, coefficients = fitted.coefficients()
    np.testing.assert_allclose(features @ coefficients + intercept, fitted.predict(features), rtol=1e-12)
