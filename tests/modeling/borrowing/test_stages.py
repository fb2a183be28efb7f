"""What targets teach together, and a target's three predictions: against systems of equations and refits."""

import numpy as np
import pytest

from modeling.borrowing.shared import PENALTIES, SHARED_PENALTIES, Shared, fit_shared, neighbours
from modeling.borrowing.stages import InnerFold, View, fit_stages, nested_predictions, view_of
from modeling.kernels.distances import mean_distances
from modeling.kernels.kernels import Laplacian
from modeling.kernels.ridge import leave_one_out_predictions, spectrum_of, tiled_product
from tests.reference.borrowing import (
    left_out_slow,
    neighbours_slow,
    second_kernel_slow,
    shared_slow,
    stages_slow,
)

LINES, NEW, GENES, TARGETS = 30, 7, 5, 14
MISSES, RARE, TWIN, LEVELS, CONSTANT = (3, 4), 5, 6, 7, 8


@pytest.fixture(scope="module")
def kernels() -> tuple[np.ndarray, np.ndarray]:
    """Of training lines, two of which are alike, and of new lines with them."""
    z = np.random.default_rng(1).standard_normal((LINES + NEW, GENES)).astype(np.float32)
    z[9] = z[2]
    kernel = Laplacian(0.5, 0.7)
    return kernel.of(mean_distances(z[:LINES])), kernel.of(mean_distances(z[LINES:], z[:LINES]))


@pytest.fixture(scope="module")
def effects(kernels: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Targets that share three factors; missing lines, one line alone, two that are equal, levels, huge."""
    rng = np.random.default_rng(2)
    factors = np.linalg.cholesky(kernels[0] + 1e-6 * np.eye(LINES)) @ rng.standard_normal((LINES, 3))
    made = factors @ rng.standard_normal((3, TARGETS)) + 0.3 * rng.standard_normal((LINES, TARGETS))
    made[:6, MISSES[0]] = np.nan
    made[::5, MISSES[1]] = np.nan
    made[:, RARE] = np.arange(LINES) == 20
    made[:, TWIN] = made[:, 0]
    made[:, LEVELS] = np.round(made[:, LEVELS])
    made[:, 9] = 1e3 + 100 * made[:, 9]
    return np.delete(made, CONSTANT, axis=1)


@pytest.fixture(scope="module")
def slow(kernels: tuple[np.ndarray, np.ndarray], effects: np.ndarray) -> dict:
    return shared_slow(kernels[0], effects, PENALTIES, SHARED_PENALTIES)


@pytest.fixture(scope="module")
def shared(kernels: tuple[np.ndarray, np.ndarray], effects: np.ndarray) -> Shared:
    return fit_shared(kernels[0], effects)


@pytest.fixture(scope="module")
def view(kernels: tuple[np.ndarray, np.ndarray], shared: Shared) -> View:
    return view_of(*kernels, shared)


def close(found: np.ndarray, expected: np.ndarray, scale: float = 1.0) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9 * scale)


def test_left_out_lines_are_predicted_as_by_refits_without_them(kernels, effects) -> None:
    complete = effects[:, ~np.isnan(effects).any(axis=0)]
    penalty = PENALTIES[np.arange(complete.shape[1]) % len(PENALTIES)]
    found = leave_one_out_predictions(spectrum_of(kernels[0]), complete, penalty)
    for t, y in enumerate(complete.T):
        close(found[:, t], left_out_slow(kernels[0], y, penalty[t]), np.abs(y).max())


def test_a_tiled_product_is_the_product_and_a_column_has_its_bits_in_any_company() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((37, 53)), rng.standard_normal((53, 301))
    whole = tiled_product(left, right)
    np.testing.assert_allclose(whole, left @ right, rtol=1e-12, atol=1e-12)
    for columns in ([0], [300], [5, 140, 250]):
        assert np.array_equal(tiled_product(left, right[:, columns]), whole[:, columns])


def test_components_are_those_of_svd_and_are_predicted_with_penalties_of_their_own(
    kernels, shared, slow
) -> None:
    close(shared.skill, slow["skill"])
    assert 3 < len(shared.skill) < TARGETS - 1  # of equal targets one component is left
    signs = np.sign((shared.components * slow["components"]).sum(axis=0))
    close(shared.components, slow["components"] * signs)
    close(shared.loadings, slow["loadings"] * signs)
    for k, (intercept, dual) in enumerate(slow["component_fits"]):
        predicted = shared.component_intercept[k] + kernels[1] @ shared.component_dual[:, k]
        close(predicted, signs[k] * (intercept + kernels[1] @ dual))


def test_the_second_kernel_compares_lines_by_predictions_of_refits(kernels, shared, slow) -> None:
    close(shared.second, second_kernel_slow(slow))
    new = kernels[1] @ shared.onto_second + shared.second_offset
    close(new, second_kernel_slow(slow, kernels[1]))


@pytest.mark.parametrize("target", [0, *MISSES, RARE, LEVELS, 8, "unmeasured", "constant"])
def test_each_stage_predicts_as_its_slow_version(kernels, effects, view, slow, target) -> None:
    """Also of targets that did not teach: one measured on half of the lines, a constant one."""
    if target == "unmeasured":
        y = np.where(np.arange(LINES) % 2, effects[:, 1], np.nan)
    else:
        y = np.full(LINES, 0.1) if target == "constant" else effects[:, target]
    present = ~np.isnan(y)
    fits = fit_stages(view, np.where(present, y, 0.0)[:, None], present)
    expected = stages_slow(*kernels, slow, y, PENALTIES, SHARED_PENALTIES)
    close(fits.predict(kernels[1])[:, :, 0], expected, np.nanmax(np.abs(y)))
    assert np.isnan(fits.penalty[1]).all()
    assert (fits.dual[0, ~present] == 0).all()


def test_a_mix_of_stages_is_one_intercept_and_one_dual(kernels, effects, view) -> None:
    fits = fit_stages(view, effects[:, :2], np.ones(LINES, dtype=bool))
    weights = np.array([[0.2, 1.0], [0.5, 0.0], [0.3, 0.0]])
    intercept, dual = fits.mixed(weights)
    expected = (weights[:, None] * fits.predict(kernels[1])).sum(axis=0)
    close(intercept + kernels[1] @ dual, expected)


def test_a_line_is_predicted_by_the_inner_fold_that_left_it_out(kernels, effects) -> None:
    """Teaching too is without it; one target varies on the lines of one inner fold alone."""
    within, targets = kernels[0], [0, MISSES[0], RARE]
    parts = np.arange(LINES) % 3
    found = np.zeros((3, LINES, len(targets)))
    expected = found.copy()
    for part in range(3):
        train, held = np.flatnonzero(parts != part), np.flatnonzero(parts == part)
        inside, new = within[np.ix_(train, train)], within[np.ix_(held, train)]
        taught = effects[train][:, np.nanstd(effects[train], axis=0) > 0]
        inner = [InnerFold(train, held, view_of(inside, new, fit_shared(inside, taught)))]
        slow = shared_slow(inside, taught, PENALTIES, SHARED_PENALTIES)
        for column, target in enumerate(targets):
            y = effects[:, target]
            there = ~np.isnan(y)
            made = nested_predictions(inner, np.where(there, y, 0.0)[:, None], there)
            assert (made[:, train] == 0).all()  # this inner fold says nothing of the lines it learns from
            found[:, held, column] = made[:, held, 0]
            expected[:, held, column] = stages_slow(inside, new, slow, y[train], PENALTIES, SHARED_PENALTIES)
    close(found, expected)


@pytest.mark.parametrize("targets", [1, 2])
def test_one_or_two_teaching_targets_teach_what_they_can(kernels, effects, targets: int) -> None:
    shared = fit_shared(kernels[0], effects[:, :targets])
    slow = shared_slow(kernels[0], effects[:, :targets], PENALTIES, SHARED_PENALTIES)
    close(shared.second, second_kernel_slow(slow))
    fits = fit_stages(view_of(*kernels, shared), effects[:, [0]], np.ones(LINES, dtype=bool))
    expected = stages_slow(*kernels, slow, effects[:, 0], PENALTIES, SHARED_PENALTIES)
    close(fits.predict(kernels[1])[:, :, 0], expected)
    columns, weights = neighbours(shared, 10)
    assert columns.shape == weights.shape == (targets, targets - 1)


def test_without_teaching_targets_nothing_is_borrowed(kernels, effects) -> None:
    shared = fit_shared(kernels[0], effects[:, :0])
    fits = fit_stages(view_of(*kernels, shared), effects[:, [0]], np.ones(LINES, dtype=bool))
    own, borrowed, second = fits.predict(kernels[1])[:, :, 0]
    close(borrowed, effects[:, 0].mean())
    close(second, effects[:, 0].mean())
    assert np.ptp(own) > 0.1  # it still has its own
    columns, weights = neighbours(shared, 10)
    assert columns.shape == weights.shape == (0, 0)


def test_neighbours_are_those_a_prediction_takes_most_from(shared, slow) -> None:
    columns, weights = neighbours(shared, 5)
    for target in range(TARGETS - 1):
        expected, size = neighbours_slow(slow, target, 5)
        assert columns[target].tolist() == expected
        close(weights[target], size)
        assert target not in columns[target]
    everyone, _ = neighbours(shared, 99)
    assert np.array_equal(np.sort(everyone[3]), np.delete(np.arange(TARGETS - 1), 3))


def test_neighbours_are_found_in_a_module_and_not_outside() -> None:
    """Four targets follow one factor that the kernel knows, four are noise."""
    rng = np.random.default_rng(3)
    factor = rng.standard_normal(200)
    together = factor[:, None] + 0.1 * rng.standard_normal((200, 4))
    kernel = np.exp(-np.abs(factor[:, None] - factor))
    shared = fit_shared(kernel, np.hstack([together, rng.standard_normal((200, 4))]))
    columns, weights = neighbours(shared, 3)
    assert np.sort(columns[:4]).tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert weights[:4].min() > 3 * np.abs(weights[4:]).max() > 0
