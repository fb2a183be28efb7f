import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LassoCV
from sklearn.linear_model import lasso_path as library_path

from modeling.candidates.linear import lasso
from modeling.candidates.linear.coordinate_descent import lasso_path, relative_gap
from modeling.candidates.linear.lasso import Lasso, cross_validation_errors, penalty_grid
from modeling.candidates.registry import Problem
from tests.reference.candidates import lasso_model, lasso_tight
from tests.reference.hard_data import hard_problems, signal

HARD = hard_problems()


@pytest.mark.long
@pytest.mark.parametrize("name", HARD)
def test_equals_lasso_cv(name):
    features, effect = HARD[name]
    (fitted,) = Lasso().fit([Problem(features, effect, 0)])
    assert fitted.status == "ok"
    assert abs(fitted.parameters["gap"]) < 1e-10
    predicted = lasso_tight(features, effect)(features)
    np.testing.assert_allclose(fitted.predict(features), predicted, rtol=0, atol=1e-6 * np.abs(effect).max())


@pytest.mark.long
@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(30, 150),
    p=st.integers(1, 40),
    seed=st.integers(0, 10**6),
    correlation=st.sampled_from([0.0, 0.5, 0.99]),
)
def test_equals_lasso_cv_on_random_problems(n, p, seed, correlation):
    features, effect = signal(n, p, seed, correlation)
    (fitted,) = Lasso().fit([Problem(features, effect, 0)])
    predicted = lasso_tight(features, effect)(features)
    np.testing.assert_allclose(fitted.predict(features), predicted, rtol=0, atol=1e-6 * np.abs(effect).max())


def test_grid_and_errors_are_the_librarys():
    problem = Problem(*signal(100, 12, 3), 0)
    x, y = problem.standardised.values, problem.effect_centred
    model = LassoCV(cv=3, tol=1e-12, max_iter=100_000).fit(x, y)
    grid = penalty_grid(x, y)
    np.testing.assert_allclose(grid, model.alphas_, rtol=1e-12)
    errors, optimal = cross_validation_errors(x, y, grid)
    assert optimal.all()
    np.testing.assert_allclose(errors, model.mse_path_.mean(axis=1), rtol=1e-8)


@pytest.mark.long
def test_the_default_tolerance_of_the_library_is_what_differs():
    features, effect = HARD["many features"]
    ours = Lasso().fit([Problem(features, effect, 0)])[0].predict(features)
    loose = lasso_model(features, effect).predict(features)
    tight = lasso_tight(features, effect)(features)
    assert np.abs(ours - tight).max() < np.abs(loose - tight).max()


def test_a_constant_effect_has_no_weights():
    (fitted,) = Lasso().fit([Problem(HARD["ordinary"][0], np.full(120, 0.3), 0)])
    assert fitted.status == "ok"
    intercept, coefficients = fitted.coefficients()
    assert intercept == pytest.approx(0.3)
    assert not coefficients.any()


@pytest.mark.parametrize("name", HARD)
def test_every_point_of_the_path_is_optimal(name):
    problem = Problem(*HARD[name], 0)
    x, y = problem.standardised.values, problem.effect_centred
    gram, correlation, energy = x.T @ x, x.T @ y, float(y @ y)
    penalties = penalty_grid(x, y) * len(y)
    path, optimal = lasso_path(gram, correlation, penalties, 1000)
    gaps = [relative_gap(gram, correlation, energy, l1, w) for l1, w in zip(penalties, path, strict=True)]
    # Up to the rounding of gap itself, which is a difference of numbers near 1.
    assert np.abs(gaps).max() < 1e-9
    assert optimal.all()


def test_the_gap_bounds_the_distance_to_the_librarys_objective():
    problem = Problem(*signal(80, 10, 6), 0)
    x, y = problem.standardised.values, problem.effect_centred
    alpha = penalty_grid(x, y)[40]
    _, coefficients, gaps = library_path(x, y, alphas=[alpha], tol=1e-14, max_iter=100_000)
    best = coefficients[:, 0]

    def objective(weights):
        return 0.5 * np.sum((y - x @ weights) ** 2) + alpha * 80 * np.abs(weights).sum()

    for weights in (best * 0.9, best + 0.01, np.zeros(10)):
        gap = relative_gap(x.T @ x, x.T @ y, float(y @ y), alpha * 80, weights) * (y @ y)
        assert gap >= objective(weights) - objective(best) - 1e-9
    assert gaps[0] < 1e-9


def test_stopping_early_is_reported(monkeypatch):
    monkeypatch.setattr(lasso, "MAX_ROUNDS", 1)
    (fitted,) = Lasso().fit([Problem(*HARD["many features"], 0)])
    assert fitted.status == "not_converged"
    assert "1 rounds" in fitted.reason
    assert np.isfinite(fitted.predict(HARD["many features"][0])).all()
