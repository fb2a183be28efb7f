"""The lasso's path by corners and by coordinate descent, beside each other and scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import lars_path_gram

from modeling.candidates.linear.coordinate_descent import descend_path
from modeling.candidates.linear.corners import follow_corners
from modeling.candidates.linear.lasso import lasso_path, penalty_grid
from modeling.candidates.linear.optimality import is_optimal
from modeling.candidates.registry import Problem
from tests.reference.hard_data import hard_problems, signal

HARD = hard_problems()


def sums_of(features, effect):
    problem = Problem(features, effect, 0)
    return problem.gram, problem.products, penalty_grid(problem.products, len(effect)) * len(effect)


def corners_of(gram, products, penalties):
    path = np.zeros((penalties.size, products.size))
    return path, follow_corners(gram, products, penalties, path)


def descended(gram, products, penalties, sweeps=200_000):
    path, optimal = np.zeros((penalties.size, products.size)), np.zeros(penalties.size, dtype=bool)
    descend_path(gram, products, penalties, sweeps, path, optimal)
    return path, optimal


@pytest.mark.parametrize("name", HARD)
def test_corners_follow_every_hard_path_to_its_end(name):
    gram, products, penalties = sums_of(*HARD[name])
    path, followed = corners_of(gram, products, penalties)
    assert followed == penalties.size
    slow, optimal = descended(gram, products, penalties[:40])
    assert optimal.all()
    # Weights of duplicates may differ, what they explain may not.
    scale = np.abs(products).max() + 1e-300
    np.testing.assert_allclose(path[:40] @ gram / scale, slow @ gram / scale, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(5, 80), p=st.integers(1, 40), seed=st.integers(0, 10**6), steps=st.sampled_from([0, 3, 100])
)
def test_random_paths_ties_among_them(n, p, seed, steps):
    rng = np.random.default_rng(seed)
    features, effect = rng.normal(size=(n, p)), rng.normal(size=n)
    if steps:  # few values: equal correlations, duplicates and constants
        features, effect = np.round(features * steps) / steps, np.round(effect * steps) / steps
    gram, products, penalties = sums_of(features, effect)
    path, optimal = lasso_path(gram, products, penalties)
    gradient = products - path @ gram
    slack = 1e-8 * penalties[:, None] + 1e-12 * np.abs(products).max()
    free = gram.diagonal() > 0
    assert optimal.all()
    assert (np.abs(gradient) <= penalties[:, None] + slack)[:, free].all()
    inside = path != 0
    assert (np.abs(gradient - penalties[:, None] * np.sign(path)) <= slack)[inside].all()


def test_corners_are_those_of_least_angle_regression():
    gram, products, penalties = sums_of(*signal(200, 30, 5, correlation=0.5))
    alphas, _, weights = lars_path_gram(products, gram, n_samples=1, method="lasso", alpha_min=penalties[-1])
    path, followed = corners_of(gram, products, penalties)
    assert followed == penalties.size
    for j in range(products.size):
        between = np.interp(penalties, alphas[::-1], weights[j, ::-1])
        np.testing.assert_allclose(path[:, j], between, rtol=0, atol=1e-9 * np.abs(weights).max())


def test_a_path_is_the_same_at_any_penalties_asked():
    gram, products, penalties = sums_of(*HARD["many features"])
    whole, _ = corners_of(gram, products, penalties)
    (last,), followed = corners_of(gram, products, penalties[-1:])
    assert followed == 1
    np.testing.assert_allclose(last, whole[-1], rtol=1e-8, atol=1e-12)


def test_where_corners_end_descent_goes_on():
    features, effect = signal(40, 30, 2)
    copies = features + 1e-7 * np.random.default_rng(0).normal(size=features.shape)
    gram, products, penalties = sums_of(np.hstack([features, copies]), effect)
    path, followed = corners_of(gram, products, penalties)
    assert 0 < followed < penalties.size
    whole, optimal = lasso_path(gram, products, penalties)
    np.testing.assert_array_equal(whole[:followed], path[:followed])
    assert optimal[:followed].all()
    objective = 0.5 * np.einsum("ij,ij->i", whole @ gram, whole) - whole @ products
    objective += penalties * np.abs(whole).sum(axis=1)
    once, _ = lasso_path(gram[:30, :30], products[:30], penalties)
    best = 0.5 * np.einsum("ij,ij->i", once @ gram[:30, :30], once) - once @ products[:30]
    best += penalties * np.abs(once).sum(axis=1)
    np.testing.assert_allclose(objective, best, rtol=1e-6)


def test_descent_keeps_rows_that_are_optimal():
    gram, products, penalties = sums_of(*HARD["ordinary"])
    path, _ = corners_of(gram, products, penalties)
    optimal = np.arange(penalties.size) % 2 == 0
    mixed = np.where(optimal[:, None], path, 0.0)
    descend_path(gram, products, penalties, 100_000, mixed, optimal)
    assert optimal.all()
    np.testing.assert_array_equal(mixed[::2], path[::2])
    np.testing.assert_allclose(mixed, path, atol=1e-8)


def zero_one(seed):
    """More features than lines, of 0 and 1: what some span, they no longer span when one of them has left."""
    rng = np.random.default_rng(seed)
    return (rng.random((8, 24)) > 0.5).astype(float), rng.normal(size=8)


def near_copies(seed):
    """What rounding adds up to over the corners must be taken away again."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 8))
    return np.hstack([x, x + 1e-5 * rng.normal(size=x.shape)]), rng.normal(size=30)


@pytest.mark.parametrize("made", [zero_one, near_copies])
def test_corners_follow_paths_of_dependent_features(made):
    for seed in range(100):
        gram, products, penalties = sums_of(*made(seed))
        path, followed = corners_of(gram, products, penalties)
        assert followed == penalties.size, seed
        assert not path[0].any(), "the first penalty is the smallest that zeroes all weights"


def test_the_first_penalty_leaves_no_weight():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        path, _ = corners_of(*sums_of(rng.normal(size=(30, 5)), rng.normal(size=30)))
        assert not path[0].any(), seed


def test_a_matrix_that_rounding_made_useless_ends_the_path():
    rng = np.random.default_rng(770824286)
    n, p, _ = int(rng.integers(4, 40)), int(rng.integers(2, 30)), rng.integers(0, 6)
    x, y = rng.normal(size=(n, p)), rng.normal(size=n)
    x[:, p // 2 :] = x[:, : p - p // 2] + 10.0 ** -rng.integers(3, 7) * rng.normal(size=(n, p - p // 2))
    gram, products, penalties = sums_of(x, y)
    _, followed = corners_of(gram, products, penalties)
    assert followed < penalties.size
    indefinite = gram - 0.5 * np.diag(gram.diagonal())
    path, optimal = lasso_path(indefinite, products, penalties)
    for weights, penalty in zip(path[optimal], penalties[optimal], strict=True):
        gradient = products - indefinite @ weights
        assert np.abs(gradient).max() <= penalty + 1e-8 * np.abs(products).max()


@pytest.mark.parametrize(
    "weights", [[np.nan, 0.0], [np.inf, 0.0], [1e16, -1e16], [1e300, -1e300], [0.0, 0.0], [0.1, 0.0]]
)
def test_weights_that_nothing_proves_optimal_are_not(weights):
    gram, products, weights = np.full((2, 2), 700.0), np.full(2, 70.0), np.array(weights)
    with np.errstate(invalid="ignore"):
        gradient = products - gram @ weights
    optimal = is_optimal(gram, products, 0.07, weights, gradient)
    assert optimal == (weights.tolist() == [0.0999, 0.0])
    best = np.array([0.0999, 0.0])
    assert is_optimal(gram, products, 0.07, best, products - gram @ best)
