"""Conformal intervals by bins of the prediction: as defined, and as often right as they say."""

import math

import numpy as np
import pytest

from modeling.statistics.conformal import FEWEST_LINES, Bands, bands_of, cuts_of, fewest_lines


def slow_half_width(
    predicted: np.ndarray, measured: np.ndarray, level: float, cuts: list[float], new: float
) -> float:
    """The ceil((n + 1) level)-th smallest error of the lines in the new prediction's bin, in plain loops.

    Where four lines or more share a prediction on average, at least the same of the distances to the new one;
    and never less than a twentieth of the root mean square error of all lines.
    """

    def bin_of(value: float) -> int:
        return sum(value >= cut for cut in cuts)

    mine = [(p, y) for p, y in zip(predicted, measured, strict=True) if bin_of(p) == bin_of(new)]
    place = math.ceil(round((len(mine) + 1) * level, 9))
    if place > len(mine):
        return math.nan
    half = sorted(abs(y - p) for p, y in mine)[place - 1]
    if len(mine) >= 4 * len({p for p, _ in mine}):
        half = max(half, sorted(abs(y - new) for _, y in mine)[place - 1])
    square = sum((y - p) ** 2 for p, y in zip(predicted, measured, strict=True)) / len(predicted)
    return float(max(half, math.sqrt(square) / 20))


def sorted_by(predicted: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(predicted, kind="stable")
    return predicted[order], measured[order]


CASES = {
    "smooth": lambda rng, n: rng.standard_normal(n),
    "few strong": lambda rng, n: np.where(rng.random(n) < 0.03, 2.0, 0.02) * rng.random(n),
    "levels": lambda rng, n: rng.integers(0, 3, n).astype(float),
    "five means": lambda rng, n: rng.integers(0, 5, n) / 100,
    "constant": lambda rng, n: np.full(n, 0.25),
    "mostly one value": lambda rng, n: np.where(rng.random(n) < 0.9, 0.0, rng.standard_normal(n)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("n", "level"), [(9, 0.9), (8, 0.9), (40, 0.5), (333, 0.9), (1000, 0.95)])
def test_half_widths_are_those_of_the_definition(case: str, n: int, level: float):
    rng = np.random.default_rng(n)
    predicted, measured = sorted_by(CASES[case](rng, n), np.round(rng.gamma(1.0, size=n), 1))
    bands = bands_of(predicted, measured, level)
    new = np.concatenate([predicted[:: max(1, n // 40)], [-9.0, 0.13, 9.0], bands.cuts])
    expected = [slow_half_width(predicted, measured, level, bands.cuts.tolist(), value) for value in new]
    np.testing.assert_allclose(bands.half_width(new), expected, rtol=1e-14)
    assert np.isnan(bands.half).all() == (n == 8)
    if n >= 40:
        assert bool(bands.steps) == (case not in ("smooth", "few strong"))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("level", [0.8, 0.9, 0.99])
def test_no_bin_is_small_and_both_ends_are_fine(case: str, level: float):
    predicted = np.sort(CASES[case](np.random.default_rng(1), 1000))
    fewest = fewest_lines(level)
    cuts = cuts_of(predicted, fewest)
    sizes = np.bincount(np.searchsorted(cuts, predicted, side="right"), minlength=len(cuts) + 1)
    assert sizes.min() >= fewest
    assert (np.diff(cuts) > 0).all()
    if case == "smooth" and level == 0.9:
        assert sizes.tolist() == [31, 31, 63, 125, 250, 250, 125, 63, 31, 31]


def test_bins_grow_with_what_the_level_needs():
    assert [fewest_lines(level) for level in (0.5, 0.9, 0.95, 0.99)] == [FEWEST_LINES, FEWEST_LINES, 38, 198]


def test_a_prediction_that_is_missing_has_no_interval():
    bands = Bands(np.array([0.0]), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(bands.half_width(np.array([-1.0, 0.0, np.nan])), [1.0, 2.0, np.nan])


def drawn(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """As FLT3's: most lines near 0 and sure, three in a hundred predicted strong and far from sure."""
    strong = rng.random(n) < 0.03
    predicted = np.where(strong, 1.0 + 0.3 * rng.standard_normal(n), 0.02 * rng.standard_normal(n))
    return predicted, predicted + np.where(strong, 0.8, 0.05) * rng.standard_normal(n)


def test_intervals_hold_the_truth_as_often_as_they_say_also_for_the_few_strong_ones():
    rng = np.random.default_rng(0)
    held, held_strong, plain_strong, widths = [], [], [], []
    for _ in range(300):
        predicted, measured = drawn(rng, 800)
        new, truth = drawn(rng, 400)
        errors = np.abs(measured - predicted)
        half = bands_of(*sorted_by(predicted, measured), 0.9).half_width(new)
        hit = np.abs(truth - new) <= half
        held.append(hit.mean())
        held_strong += hit[new > 0.5].tolist()
        plain_strong += (np.abs(truth - new) <= np.quantile(errors, 0.9))[new > 0.5].tolist()
        widths.append([half[new > 0.5].mean(), half[new < 0.5].mean()])
    assert np.mean(held) == pytest.approx(0.9, abs=0.01)
    assert 0.86 < np.mean(held_strong) < 0.96
    assert np.mean(plain_strong) < 0.4  # what one width for all lines would do to them
    strong, weak = np.mean(widths, axis=0)
    assert strong > 10 * weak > 0


def test_a_final_step_a_hair_above_its_folds_does_not_lose_all_lines_of_one_level():
    rng = np.random.default_rng(3)
    measured = (np.arange(400) % 20 == 0).astype(float)  # 5 % at 1
    predicted = np.sort(rng.choice([0.04, 0.05, 0.06], 400))
    half = bands_of(predicted, measured, 0.9).half_width(np.array([0.055, 0.065]))
    np.testing.assert_allclose(half, [0.055, 0.065])  # the bin of 0.05, then that of 0.06


def test_no_interval_is_next_to_nothing_where_nearly_all_lines_are_at_zero():
    rng = np.random.default_rng(4)
    measured = np.where(np.arange(900) % 100 == 0, 2.0, 0.0)  # as FLT3's levels: nine lines depend on it
    predicted, measured = sorted_by(0.9 * measured + 1e-6 * rng.standard_normal(900), measured)
    bands = bands_of(predicted, measured, 0.9)
    rmse = np.sqrt(np.mean((measured - predicted) ** 2))
    assert bands.half.min() == pytest.approx(rmse / 20)
    assert bands_of(measured, measured, 0.9).half.max() == 0  # never wrong: nothing to be unsure of
