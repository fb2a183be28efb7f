import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LassoCV
from sklearn.linear_model import lasso_path as library_path

from modeling.candidates.linear.lasso import Lasso, cross_validation_errors, lasso_path, penalty_grid
from modeling.candidates.linear.optimality import relative_gap
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
    grid = penalty_grid(x.T @ y, len(y))
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
    penalties = penalty_grid(correlation, len(y)) * len(y)
    path, optimal = lasso_path(gram, correlation, penalties)
    gaps = [relative_gap(gram, correlation, energy, l1, w) for l1, w in zip(penalties, path, strict=True)]
    # Up to the rounding of gap itself, which is a difference of numbers near 1.
    assert np.abs(gaps).max() < 1e-9
    assert optimal.all()


def test_the_gap_bounds_the_distance_to_the_librarys_objective():
    problem = Problem(*signal(80, 10, 6), 0)
    x, y = problem.standardised.values, problem.effect_centred
    alpha = penalty_grid(x.T @ y, len(y))[40]
    _, coefficients, gaps = library_path(x, y, alphas=[alpha], tol=1e-14, max_iter=100_000)
    best = coefficients[:, 0]

    def objective(weights):
        return 0.5 * np.sum((y - x @ weights) ** 2) + alpha * 80 * np.abs(weights).sum()

    for weights in (best * 0.9, best + 0.01, np.zeros(10)):
        gap = relative_gap(x.T @ x, x.T @ y, float(y @ y), alpha * 80, weights) * (y @ y)
        assert gap >= objective(weights) - objective(best) - 1e-9
    assert gaps[0] < 1e-9


def nearly_twice(spread):
    """Features of which each has a copy that differs by so much."""
    features, effect = signal(120, 20, 1)
    copies = features + spread * np.random.default_rng(0).normal(size=features.shape)
    return np.hstack([features, copies]), effect


def test_what_never_becomes_optimal_is_reported():
    features, effect = nearly_twice(1e-7)
    (fitted,) = Lasso().fit([Problem(features, effect, 0)])
    assert fitted.status == "not_converged"
    assert "1000 sweeps" in fitted.reason
    predicted = lasso_tight(features[:, :20], effect)(features[:, :20])
    np.testing.assert_allclose(fitted.predict(features), predicted, rtol=0, atol=1e-3)


@pytest.mark.parametrize("spread", [1e-3, 1e-5, 1e-6, 1e-7, 0.0])
def test_errors_of_cross_validation_are_those_of_the_residuals(spread):
    problem = Problem(*nearly_twice(spread), 0)
    x, y = problem.standardised.values, problem.effect_centred
    grid = penalty_grid(x.T @ y, len(y))
    errors, optimal = cross_validation_errors(x, y, grid)
    expected = np.zeros(grid.size)
    for held in np.array_split(np.arange(120), 3):
        rest = np.setdiff1d(np.arange(120), held)
        mean_x, mean_y = x[rest].mean(axis=0), y[rest].mean()
        train_x, train_y = x[rest] - mean_x, y[rest] - mean_y
        path, _ = lasso_path(train_x.T @ train_x, train_x.T @ train_y, grid * len(rest))
        residuals = (x[held] - mean_x) @ path.T - (y[held] - mean_y)[:, None]
        expected += np.square(residuals).mean(axis=0) / 3
    # A path that stays away from its optimum is decided by rounding.
    np.testing.assert_allclose(errors, expected, rtol=1e-9 if optimal.all() else 1e-4)


def alike_in_a_fold(seed):
    """Rare zeros and ones: features that are the same in two blocks of lines and differ in the third."""
    rng = np.random.default_rng(seed)
    effect, features = rng.normal(size=300), np.zeros((300, 6))
    lines = rng.choice(300, 3, replace=False)
    for j in range(6):
        features[rng.choice(lines, 2, replace=False), j] = 1
    return features, effect + 3 * features[:, 0]


def test_of_features_alike_in_a_fold_the_first_has_the_weight_as_in_the_library():
    for seed in range(19):
        features, effect = alike_in_a_fold(seed)
        (fitted,) = Lasso().fit([Problem(features, effect, 0)])
        predicted = lasso_tight(features, effect)(features)
        np.testing.assert_allclose(fitted.predict(features), predicted, atol=1e-6, err_msg=str(seed))


@pytest.mark.parametrize("spread", [1e-2, 1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("shifted", [slice(0, 40), slice(7, 8)], ids=["a block", "a line"])
def test_a_feature_that_hardly_varies_within_a_fold(shifted, spread):
    rng = np.random.default_rng(3)
    features, effect = rng.normal(size=(120, 1)), rng.normal(size=120)
    effect += features[:, 0]
    is_shifted = np.isin(np.arange(120), np.arange(120)[shifted])
    # What sets the lines apart has no effect: the penalties are those of the little that is left.
    effect[is_shifted] += effect[~is_shifted].mean() - effect[is_shifted].mean()
    problem = Problem(features * spread + is_shifted[:, None], effect, 0)
    x, y = problem.standardised.values, problem.effect_centred
    grid = penalty_grid(problem.products, 120)
    errors, optimal = cross_validation_errors(x, y, grid)
    library = LassoCV(cv=3, alphas=grid, tol=1e-14, max_iter=1_000_000).fit(x, y)
    assert optimal.all()
    np.testing.assert_allclose(errors, library.mse_path_.mean(axis=1), rtol=1e-7)
