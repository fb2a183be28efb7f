"""Against scikit-learn's LinearRegression and RidgeCV, and against refits without each gene in turn."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, RidgeCV

from modeling.profiles.components import principal_of
from modeling.profiles.regression import PENALTIES, fit_ols, fit_ridge, leave_one_out_errors
from tests.reference.hard_data import hard_problems, signal
from tests.reference.profiles import leave_one_out_slow, standardise_slow


def problem(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expression of training and of other genes, and three effects: the problem's, levels, constant."""
    x, y = hard_problems()[name]
    train = len(x) * 3 // 4
    effect = np.column_stack([y, np.round(y / y.std()), np.full(len(y), 0.3)])
    return x[:train], x[train:], effect[:train]


@pytest.mark.parametrize("name", hard_problems())
def test_least_squares_are_those_of_scikit_learn(name: str):
    train, rest, effect = problem(name)
    ours = fit_ols(principal_of(train), effect).predict(rest)
    library = LinearRegression().fit(standardise_slow(train, train), effect)
    np.testing.assert_allclose(
        ours, library.predict(standardise_slow(train, rest)), rtol=1e-6, atol=1e-7 * effect.std()
    )


@pytest.mark.parametrize("name", hard_problems())
def test_ridge_and_its_penalty_are_those_of_scikit_learn(name: str):
    train, rest, effect = problem(name)
    ours = fit_ridge(principal_of(train), effect)
    library = RidgeCV(alphas=PENALTIES).fit(standardise_slow(train, train), effect)
    assert ours.penalty == pytest.approx(library.alpha_)
    np.testing.assert_allclose(
        ours.predict(rest),
        library.predict(standardise_slow(train, rest)),
        rtol=1e-8,
        atol=1e-9 * effect.std(),
    )


@pytest.mark.parametrize("name", ["ordinary", "more features than lines", "constant features", "exact"])
def test_leave_one_out_errors_are_those_of_refits(name: str):
    train, _, effect = problem(name)
    train, effect = train[:40], effect[:40]
    counted = np.random.default_rng(0).random(effect.shape) < 0.7
    ours = leave_one_out_errors(principal_of(train), effect, PENALTIES[::4], counted)
    whole = leave_one_out_errors(principal_of(train), effect, PENALTIES[::4])
    for penalty, masked, error in zip(PENALTIES[::4], ours, whole, strict=True):
        slow = leave_one_out_slow(train, effect, penalty)
        np.testing.assert_allclose(masked, slow[counted].mean(), rtol=1e-8)
        np.testing.assert_allclose(error, slow.mean(), rtol=1e-8)


def test_the_penalty_follows_the_noise():
    penalties = []
    for noise in (0.01, 100.0):
        x, y = signal(150, 100, 1, noise=noise)
        penalties.append(fit_ridge(principal_of(x), y[:, None]).penalty)
    assert penalties[0] < 100 < penalties[1]
