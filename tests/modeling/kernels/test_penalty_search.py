"""Against errors in double precision throughout, from which the smallest is simply taken."""

import pickle

import numpy as np
import pytest

from modeling.kernels.distances import mean_distances
from modeling.kernels.kernels import Laplacian
from modeling.kernels.ridge import (
    Spectrum,
    fit_ridge,
    leave_one_out_errors,
    smallest_errors,
    smallest_errors_between,
    spectrum_of,
)

PENALTIES = 10.0 ** np.linspace(2.5, -3.0, 12)


def spectrum(lines: int) -> Spectrum:
    return spectrum_of(kernel_of(lines))


def effects(of: Spectrum, targets: int, seed: int = 1) -> np.ndarray:
    """From noise alone to hardly any."""
    rng = np.random.default_rng(seed)
    lines = len(of.vectors)
    smooth = of.vectors @ (np.sqrt(of.values)[:, None] * rng.standard_normal((lines - 1, targets)))
    return smooth * np.linspace(0, 3, targets) + rng.standard_normal((lines, targets))


@pytest.mark.parametrize("lines", [3, 4, 10, 64, 65, 66, 130, 400])
def test_the_penalty_is_the_one_that_double_precision_alone_would_choose(lines: int):
    of = spectrum(lines)
    y = effects(of, 150)
    errors = leave_one_out_errors(of, y, PENALTIES)
    fits = fit_ridge(of, y, PENALTIES)
    assert np.array_equal(fits.penalty, PENALTIES[errors.argmin(axis=0)])
    np.testing.assert_allclose(fits.loo_rmse, np.sqrt(errors.min(axis=0)), rtol=1e-12)
    np.testing.assert_allclose(smallest_errors(of, y, PENALTIES), errors.min(axis=0), rtol=1e-12)
    assert len(np.unique(fits.penalty)) > 1
    low, high = smallest_errors_between(of, y, PENALTIES)
    assert (low <= errors.min(axis=0)).all()
    assert (errors.min(axis=0) <= high).all()
    assert np.median(high / low) < 1.002


@pytest.mark.parametrize("width", [8, 128])
def test_penalties_that_single_precision_cannot_tell_apart_are_told_apart(width: int):
    of = spectrum(300)
    y = effects(of, 100)
    close = 0.3 * (1 + 1e-6 * np.array([1.0, 0.0, 3.0, 2.0]))
    best = leave_one_out_errors(of, y, close).argmin(axis=0)
    rough, _ = of.search(close)._rough(of.vectors.T @ (y - y.mean(axis=0)))
    assert (rough.argmin(axis=0) != best).mean() > 0.3
    assert np.array_equal(fit_ridge(of, y, close, width).penalty, close[best])


def test_errors_are_off_by_less_than_is_said_and_that_is_little():
    of = spectrum(500)
    y = effects(of, 128)
    projected = of.vectors.T @ (y - y.mean(axis=0))
    root, off = of.search(PENALTIES)._rough(projected)
    size = np.linalg.norm(projected, axis=0)
    exact = np.sqrt(leave_one_out_errors(of, y, PENALTIES)) / size
    assert (np.abs(root - exact) <= off).all()
    assert np.median(off / exact) < 5e-4


def test_a_targets_size_changes_nothing_and_without_variation_the_first_is_taken():
    of = spectrum(90)
    y = effects(of, 40)
    scaled = fit_ridge(of, y * 10.0 ** np.linspace(-120, 120, 40), PENALTIES)
    assert np.array_equal(scaled.penalty, fit_ridge(of, y, PENALTIES).penalty)
    nothing = fit_ridge(of, np.full((90, 2), 0.1), PENALTIES)
    assert (nothing.penalty == PENALTIES[0]).all()
    assert not nothing.loo_rmse.any()


def test_where_penalties_make_no_difference_the_first_is_taken():
    alike = spectrum_of(np.ones((30, 30)))
    y = effects(spectrum(30), 20)
    assert (fit_ridge(alike, y, np.array([1.0, 1.0, 1.0])).penalty == 1.0).all()
    one = fit_ridge(alike, y, np.array([4.0, 4.0, 2.0]))
    assert set(one.penalty) <= {4.0, 2.0}


def kernel_named(name: str, lines: int) -> np.ndarray:
    if name == "each line alone":
        return np.eye(lines)
    if name == "all lines alike":
        return np.ones((lines, lines))
    if name == "two kinds of lines":
        kind = np.arange(lines) % 2
        return (kind[:, None] == kind).astype(float)
    return np.kron(np.eye(2), kernel_of(lines // 2))  # twins


def kernel_of(lines: int) -> np.ndarray:
    rng = np.random.default_rng(lines)
    return Laplacian(0.5, 0.7).of(mean_distances(rng.standard_normal((lines, 5)).astype(np.float32)))


FLAT = ("each line alone", "all lines alike", "two kinds of lines", "twins")


@pytest.mark.parametrize("width", [8, 128])
@pytest.mark.parametrize("name", FLAT)
def test_where_penalties_do_alike_the_choice_is_that_of_double_precision_in_any_company(
    name: str, width: int
):
    of = spectrum_of(kernel_named(name, 40))
    y = np.random.default_rng(5).standard_normal((40, 128))
    for penalties in (np.array([1.0, 1e-3]), PENALTIES, np.array([2.0, 2.0, 1.0])):
        errors = in_double_precision(of, y, penalties, width)
        together = fit_ridge(of, y, penalties, width)
        assert np.array_equal(together.penalty, penalties[errors.argmin(axis=0)])
        assert np.array_equal(together.loo_rmse, np.sqrt(errors.min(axis=0)))
        for some in (1, 2, 7, 55, 57, 64, 65):
            few = fit_ridge(of, y[:, :some], penalties, width)
            for part in ("penalty", "loo_rmse", "intercept"):
                assert np.array_equal(getattr(few, part), getattr(together, part)[:some])
            assert np.array_equal(few.dual, together.dual[:, :some])


def in_double_precision(of: Spectrum, y: np.ndarray, penalties: np.ndarray, width: int) -> np.ndarray:
    """Errors (penalties x targets) by products of this width, which decides their last bits."""
    errors = np.empty((len(penalties), y.shape[1]))
    for start in range(0, y.shape[1], width):
        tile = y[:, start : start + width]
        projected = of.vectors.T @ (tile - tile.mean(axis=0))
        for row, penalty in enumerate(penalties):
            left_out = of.vectors @ (projected / (of.values + penalty)[:, None])
            left_out /= of.search(penalties).diagonals[:, row, None]
            errors[row, start : start + width] = np.einsum("lt,lt->t", left_out, left_out) / len(y)
    return errors


def test_a_spectrum_travels_without_what_it_prepared():
    of = spectrum(40)
    before = len(pickle.dumps(of))
    first = fit_ridge(of, effects(of, 5), PENALTIES)
    assert len(pickle.dumps(of)) == before
    again = fit_ridge(pickle.loads(pickle.dumps(of)), effects(of, 5), PENALTIES)  # noqa: S301 - our own
    assert np.array_equal(first.dual, again.dual)
