"""Reduced-rank ridge on a kernel against explicit coefficients of genes, at 1e-8."""

import numpy as np
import pytest

from modeling.folds import make_folds
from modeling.kernels.reduced_rank import (
    Components,
    choose_penalty_and_rank,
    fit_loadings,
    shared_components,
)
from modeling.kernels.ridge import spectrum_of
from tests.reference.reduced_rank import fit_slow, inner_error_slow, loadings_slow

CLOSE = {"rtol": 1e-8, "atol": 1e-8}


def problem(lines: int, genes: int, targets: int, rank: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Expression, and effects that follow `rank` directions of it."""
    rng = np.random.default_rng(lines + genes + targets)
    x = rng.standard_normal((lines, genes))
    along = rng.standard_normal((genes, rank)) @ rng.standard_normal((rank, targets))
    return x, x @ along / np.sqrt(genes) + rng.standard_normal((lines, targets))


def fitted(x: np.ndarray, y: np.ndarray, penalty: float, rank: int) -> tuple[Components, np.ndarray]:
    """The components, and the scores of x on them."""
    kernel = x @ x.T / x.shape[1]
    components = shared_components(spectrum_of(kernel), y, penalty, rank)
    return components, (kernel - components.means) @ components.dual


@pytest.mark.parametrize("shape", [(40, 60, 25), (60, 20, 90), (30, 30, 4)])
@pytest.mark.parametrize("penalty", [30.0, 1.0, 0.05])
@pytest.mark.parametrize("rank", [1, 3, 10, 1000])
def test_the_fit_equals_explicit_coefficients(shape: tuple[int, int, int], penalty: float, rank: int):
    x, y = problem(*shape)
    train, new = x[:-6], x[-6:]
    components, scores = fitted(train, y[:-6], penalty, rank)
    np.testing.assert_allclose(scores, components.scores, **CLOSE)
    assert components.rank == min(rank, *np.array(shape) - [7, 0, 0])
    loadings = fit_loadings(components, y[:-6], np.ones(len(train), dtype=bool))
    between = new @ train.T / x.shape[1]
    predicted = loadings.predict((between - components.means) @ components.dual)
    np.testing.assert_allclose(predicted, fit_slow(train, y[:-6], penalty, rank, new), **CLOSE)


def test_full_rank_is_ridge_and_copies_of_genes_and_lines_do_no_harm():
    x, y = problem(30, 12, 9)
    x = np.hstack([x, x[:, :4], np.zeros((30, 2))])
    x, y = np.vstack([x, x[:5]]), np.vstack([y, y[:5]])
    components, scores = fitted(x, y, 0.5, 500)
    predicted = fit_loadings(components, y, np.ones(35, dtype=bool)).predict(scores)
    np.testing.assert_allclose(predicted, fit_slow(x, y, 0.5, 500, x), **CLOSE)


@pytest.mark.parametrize("rank", [2, 7])
def test_a_target_that_misses_lines_gets_the_penalised_least_squares_of_its_own(rank: int):
    x, y = problem(50, 30, 12)
    train, new = x[:-5], x[-5:]
    components, _ = fitted(train, y[:-5], 2.0, rank)
    own = y[:-5, 4].copy()
    own[[0, 3, 17, 18, 19, 40]] = np.nan
    present = ~np.isnan(own)
    loadings = fit_loadings(components, own[present][:, None], present)
    predicted = loadings.predict((new @ train.T / 30 - components.means) @ components.dual)[:, 0]
    np.testing.assert_allclose(predicted, loadings_slow(train, y[:-5], own, 2.0, rank, new), **CLOSE)
    assert np.abs(predicted - fit_slow(train, y[:-5], 2.0, rank, new)[:, 4]).max() > 1e-3


@pytest.mark.parametrize("shape", [(30, 45, 8), (45, 10, 60)])
def test_inner_errors_are_those_of_refits(shape: tuple[int, int, int]):
    x, y = problem(*shape)
    inner = make_folds("kfold", len(x), 3, 1)
    penalties = np.array([10.0, 0.3])
    chosen = choose_penalty_and_rank(x @ x.T / x.shape[1], y, inner, penalties)
    folds = [(fold.train, fold.test) for fold in inner]
    for i, penalty in enumerate(penalties):
        for rank in (1, 2, 5, chosen.errors.shape[1]):
            slow = inner_error_slow(x, y, folds, penalty, rank)
            assert chosen.errors[i, rank - 1] == pytest.approx(slow, rel=1e-8)
    assert chosen.errors.min() == chosen.errors[list(penalties).index(chosen.penalty), chosen.rank - 1]


def test_a_planted_rank_is_found():
    x, y = problem(300, 40, 80, rank=4)
    chosen = choose_penalty_and_rank(x @ x.T / 40, y, make_folds("kfold", 300, 5, 0))
    assert chosen.rank == 4
    assert chosen.errors.min() < 0.6


@pytest.mark.parametrize("nothing", ["targets", "genes", "effects"])
def test_where_nothing_can_be_learned_the_mean_is_predicted(nothing: str):
    x, y = problem(20, 6, 3)
    x = np.ones_like(x) if nothing == "genes" else x
    y = {"targets": y[:, :0], "effects": np.ones_like(y)}.get(nothing, y)
    kernel = x @ x.T / 6
    chosen = choose_penalty_and_rank(kernel, y, make_folds("kfold", 20, 4, 0))
    assert chosen.rank == 0
    components = shared_components(spectrum_of(kernel), y, chosen.penalty, chosen.rank)
    effect = np.arange(20.0)[:, None]
    predicted = fit_loadings(components, effect, np.ones(20, dtype=bool)).predict(components.scores)
    np.testing.assert_allclose(predicted, 9.5)


def test_a_target_has_the_same_bits_in_any_company():
    x, y = problem(60, 30, 200)
    components, scores = fitted(x, y, 1.0, 6)
    present = np.arange(60) > 4
    for lines in (np.ones(60, dtype=bool), present):
        whole = fit_loadings(components, y[lines], lines).predict(scores)
        alone = fit_loadings(components, y[lines][:, [77]], lines).predict(scores)
        assert np.array_equal(alone[:, 0], whole[:, 77])
