import numpy as np
import pytest

from modeling.kernels.distances import mean_distances
from modeling.kernels.kernels import (
    FEWEST_TARGETS,
    GRID,
    MOST_TARGETS,
    POWERS,
    Laplacian,
    Linear,
    choose_laplacian,
)
from modeling.kernels.ridge import smallest_errors, spectrum_of
from tests.reference.kernel_ridge import leave_one_out_slow


def planted(lines: int, targets: int, c: float, p: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances, and targets drawn from the Gaussian process of the Laplacian with little noise."""
    rng = np.random.default_rng(seed)
    distances = mean_distances(rng.standard_normal((lines, 3)).astype(np.float32))
    root = np.linalg.cholesky(Laplacian(c, p).of(distances) + 1e-6 * np.eye(lines))
    noise = 0.05 * rng.standard_normal((lines, targets))
    return distances, root @ rng.standard_normal((lines, targets)) + noise


@pytest.mark.parametrize(("c", "p"), [(0.125, 1.0), (1.0, 1.0), (0.25, 0.5)])
def test_a_kernel_near_the_one_that_made_the_effects_is_found(c: float, p: float):
    distances, effects = planted(120, 200, c, p, seed=1)
    chosen = choose_laplacian(distances, effects)
    assert chosen in GRID
    assert abs(POWERS.index(chosen.p) - POWERS.index(p)) <= 1
    assert c / 2 <= chosen.c <= 2 * c


def test_the_choice_is_that_of_refits_without_each_line():
    distances, effects = planted(30, FEWEST_TARGETS, 0.5, 1.0, seed=2)
    grid = (Laplacian(0.125, 0.5), Laplacian(0.5, 1.0), Laplacian(1.0, 0.7))

    def error(kernel: Laplacian) -> float:
        within = kernel.of(distances)
        each = [np.mean(leave_one_out_slow(within, effects, a) ** 2, axis=0) for a in kernel.penalties]
        return float(np.mean(np.min(each, axis=0) / effects.var(axis=0)))

    assert choose_laplacian(distances, effects, grid) == min(grid, key=error)


def by_all_errors(distances: np.ndarray, effects: np.ndarray, grid: tuple[Laplacian, ...]) -> Laplacian:
    """The first kernel with the smallest errors, every one of them computed."""
    errors = [smallest_errors(spectrum_of(k.of(distances)), effects, k.penalties) for k in grid]
    return grid[int(np.argmin(np.mean(errors / effects.var(axis=0), axis=1)))]


@pytest.mark.parametrize("noise", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("seed", range(4))
def test_bounds_leave_the_choice_that_all_errors_make(noise: float, seed: int):
    distances, effects = planted(90, 40, 0.25, 0.7, seed)
    effects = effects + noise * np.random.default_rng(seed).standard_normal(effects.shape)
    assert choose_laplacian(distances, effects) == by_all_errors(distances, effects, GRID)


def test_kernels_that_bounds_cannot_tell_apart_are_told_apart():
    distances, effects = planted(90, 40, 0.25, 0.7, seed=6)
    scales = 0.25 * (1 + 1e-9 * np.array([4.0, 2.0, 0.0, 1.0, 3.0]))
    for order in range(5):
        grid = tuple(Laplacian(float(c), 0.7) for c in np.roll(scales, order))
        assert choose_laplacian(distances, effects, grid) == by_all_errors(distances, effects, grid)


def test_of_equal_kernels_the_first_is_chosen():
    distances, effects = planted(60, 40, 0.25, 0.7, seed=7)
    grid = Laplacian(1.0, 0.5), Laplacian(0.25, 0.7), Laplacian(0.25, 0.7)
    assert choose_laplacian(distances, effects, grid) is grid[1]


def test_few_targets_choose_nothing_and_many_are_thinned_evenly():
    distances, effects = planted(40, FEWEST_TARGETS - 1, 1.0, 1.0, seed=3)
    assert choose_laplacian(distances, effects) == Laplacian()
    _, many = planted(40, 3, 1.0, 1.0, seed=4)
    many = np.tile(many, MOST_TARGETS)
    assert choose_laplacian(distances, many) in GRID


def test_a_targets_scale_does_not_weigh():
    distances, effects = planted(60, 40, 0.25, 1.0, seed=5)
    scaled = effects * 10.0 ** np.arange(-20, 20)
    assert choose_laplacian(distances, scaled) == choose_laplacian(distances, effects)


def test_every_kernel_of_the_grid_is_positive_semidefinite():
    z = np.random.default_rng(0).standard_normal((80, 5)).astype(np.float32)
    for kernel in (*GRID, Linear()):
        values = np.linalg.eigvalsh(kernel.of(kernel.between(z)))
        assert values[0] > -1e-10, kernel


def test_parameters_are_what_a_row_shows():
    assert Laplacian(0.5, 1.0).parameters() == {"c": 0.5, "p": 1.0}
    assert Linear().parameters() == {}
    assert Laplacian() == Laplacian(0.25, 0.7)
    assert list(Laplacian().penalties) == sorted(Laplacian().penalties, reverse=True)
