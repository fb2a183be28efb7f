"""Against scikit-learn's KernelRidge and against explicit refits without each line in turn."""

import numpy as np
import pytest

from modeling.kernels.distances import scaling_of, standardised
from modeling.kernels.kernels import AnyKernel, Laplacian, Linear
from modeling.kernels.ridge import TILE_TARGETS, fit_ridge, leave_one_out_errors, spectrum_of
from tests.reference.hard_data import hard_problems
from tests.reference.kernel_ridge import centre, fit_slow, kernel_slow, leave_one_out_slow, standardise_slow

KINDS: dict[str, AnyKernel] = {"ridge": Linear(), "kernel": Laplacian(0.5, 0.7)}
PENALTIES = 10.0 ** np.array([1.5, 0.0, -2.0])


def problem(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expression of training and of other lines, and three targets: the problem's, itself tied, constant."""
    x, y = hard_problems()[name]
    x, y = x[:60].astype(np.float32), y[:60]
    train = len(x) * 3 // 4
    effects = np.column_stack([y[:train], np.round(y[:train] / y.std()), np.full(train, 0.3)])
    return x[:train], x[train:], effects


def kernels(kind: str, train: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kernel, scaling = KINDS[kind], scaling_of(train)
    z, new = standardised(train, scaling), standardised(rest, scaling)
    counted = int(scaling.varies.sum())
    return kernel.of(kernel.between(z, None, counted)), kernel.of(kernel.between(new, z, counted))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(hard_problems()))
def test_kernel_errors_and_predictions_equal_the_slow_ones(kind: str, name: str):
    train, rest, effects = problem(name)
    within, new = kernels(kind, train, rest)
    z, z_new = standardise_slow(train, train), standardise_slow(train, rest)
    varying = int((np.ptp(z, axis=0) > 0).sum())
    slow = kernel_slow(kind, z, z, varying, c=0.5, p=0.7)
    np.testing.assert_allclose(within, slow, rtol=2e-6, atol=2e-6)
    slow_new = kernel_slow(kind, z_new, z, varying, c=0.5, p=0.7)
    np.testing.assert_allclose(new, slow_new, rtol=2e-6, atol=2e-6)
    spectrum = spectrum_of(within)
    errors = leave_one_out_errors(spectrum, effects, PENALTIES)
    for target, effect in enumerate(effects.T):
        exact = 1e-9 * float(np.ptp(effect)) + 1e-14 * float(np.abs(effect).max())
        for row, penalty in enumerate(PENALTIES):
            residuals = leave_one_out_slow(within, effect, penalty)
            assert np.sqrt(errors[row, target]) == pytest.approx(
                np.sqrt(np.mean(residuals**2)), rel=1e-8, abs=exact
            )
            fits = fit_ridge(spectrum, effects[:, [target]], np.array([penalty]))
            expected = fit_slow(within, effect, penalty, new)
            np.testing.assert_allclose(fits.predict(new)[:, 0], expected, rtol=1e-8, atol=10 * exact)


def test_the_penalty_with_the_smallest_error_is_taken_and_its_error_told():
    train, rest, effects = problem("many features")
    within, new = kernels("kernel", train, rest)
    errors = leave_one_out_errors(spectrum_of(within), effects, PENALTIES)
    fits = fit_ridge(spectrum_of(within), effects, PENALTIES)
    best = errors.argmin(axis=0)
    assert np.array_equal(fits.penalty, PENALTIES[best])
    assert np.array_equal(fits.loo_rmse, np.sqrt(errors.min(axis=0)))
    assert fits.penalty[2] == PENALTIES[0]  # nothing to fit: all errors are equal, the first is the largest
    expected = fit_slow(within, effects[:, 0], PENALTIES[best[0]], new)
    np.testing.assert_allclose(fits.predict(new)[:, 0], expected, rtol=1e-9)


def test_the_spectrum_is_that_of_the_centred_kernel_scaled_to_mean_one():
    within, _ = kernels("kernel", *problem("many features")[:2])
    spectrum = spectrum_of(within)
    rebuilt = (spectrum.vectors * spectrum.values) @ spectrum.vectors.T * spectrum.scale
    np.testing.assert_allclose(rebuilt, centre(within, within), atol=1e-13)
    assert spectrum.values.sum() == pytest.approx(len(within))
    np.testing.assert_allclose(spectrum.vectors.sum(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(spectrum.vectors.T @ spectrum.vectors, np.eye(len(within) - 1), atol=1e-13)


def test_dual_coefficients_sum_to_zero_so_that_a_constant_in_the_kernel_changes_nothing():
    train, rest, effects = problem("ordinary")
    within, new = kernels("ridge", train, rest)
    fits = fit_ridge(spectrum_of(within), effects, PENALTIES)
    np.testing.assert_allclose(fits.dual.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(fits.predict(new + 5.0), fits.predict(new), atol=1e-10)


def test_where_all_lines_are_alike_the_prediction_is_the_mean():
    effects = np.random.default_rng(0).standard_normal((30, 2))
    fits = fit_ridge(spectrum_of(np.ones((30, 30))), effects, PENALTIES)
    np.testing.assert_allclose(
        fits.predict(np.ones((4, 30))), np.tile(effects.mean(axis=0), (4, 1)), atol=1e-12
    )


@pytest.mark.parametrize("n", [30, 97])
def test_a_target_has_the_same_bits_alone_and_anywhere_in_a_block(n: int):
    rng = np.random.default_rng(n)
    z = rng.standard_normal((n, 200)).astype(np.float32)
    kernel = Laplacian(0.5, 0.7)
    within, new = kernel.of(kernel.between(z)), kernel.of(kernel.between(z[:9] + 1, z))
    effects = rng.standard_normal((n, 2 * TILE_TARGETS + 45))
    spectrum = spectrum_of(within)
    together = fit_ridge(spectrum, effects, PENALTIES)
    predictions = together.predict(new)
    for target in (0, 1, 7, 63, TILE_TARGETS - 1, TILE_TARGETS, 2 * TILE_TARGETS + 44):
        alone = fit_ridge(spectrum, effects[:, [target]], PENALTIES)
        for name in ("intercept", "penalty", "loo_rmse"):
            assert getattr(alone, name)[0] == getattr(together, name)[target], (name, target)
        assert np.array_equal(alone.dual[:, 0], together.dual[:, target])
        assert np.array_equal(alone.predict(new)[:, 0], predictions[:, target])
    backwards = fit_ridge(spectrum, effects[:, ::-1], PENALTIES)
    assert np.array_equal(backwards.dual[:, ::-1], together.dual)


@pytest.mark.parametrize("kernel", [np.ones((1, 1)), np.full((3, 3), np.nan)])
def test_a_kernel_that_cannot_be_decomposed_is_refused(kernel: np.ndarray):
    with pytest.raises(ValueError, match="expected lines x lines"):
        spectrum_of(kernel)
