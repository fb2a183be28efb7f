"""Samples of another scale, judged together: against loops, and what must not count."""

import statistics

import numpy as np
import pytest

from modeling.likeness.lines import lines_of
from modeling.likeness.statistics import Comparison, compare, compare_left_out
from modeling.likeness.together import FEWEST, FEWEST_NEAREST, STATISTICS, off_scale
from tests.modeling.likeness.test_likeness import invented


def slow_off_scale(samples: Comparison, lines: Comparison, fits: list[bool]) -> dict[str, float]:
    """Name and median of each statistic that is off, one sample after the other."""
    found = {}
    for name in STATISTICS if len(fits) >= FEWEST else ():
        of_lines, values = getattr(lines, name), getattr(samples, name)
        low, high = np.quantile(of_lines, 0.025), np.quantile(of_lines, 0.975)
        usual = max(np.quantile(of_lines, 0.75) - np.quantile(of_lines, 0.25), 0.02)
        for asked in ([i for i, one in enumerate(fits) if one], list(range(len(fits)))):
            groups: dict[int, list[float]] = {}
            for i in asked:
                groups.setdefault(int(samples.nearest[i]), []).append(float(values[i]))
            if len(groups) < FEWEST_NEAREST:
                continue
            mine = [float(values[i]) for i in asked]
            if len(asked) == len(fits) != sum(fits) and np.quantile(mine, 0.75) - np.quantile(mine, 0.25) > (
                2 * usual
            ):
                continue
            middle = statistics.median(statistics.median(group) for group in groups.values())
            if middle > high or (middle < low and name != "absent"):
                found[name] = middle
                break
    return found


@pytest.fixture(scope="module")
def compared() -> tuple[np.ndarray, object, Comparison]:
    values = invented(3, lines=220)
    lines = lines_of(values[:180])
    return values[180:], lines, compare_left_out(lines)


@pytest.mark.parametrize("seed", range(12))
def test_the_verdict_is_that_of_loops(compared: tuple, seed: int):
    good, lines, of_lines = compared
    rng = np.random.default_rng(seed)
    count = int(rng.integers(5, len(good)))
    scale, shift = rng.choice([1, 0.97, 0.9, 1.1]), rng.choice([0, 0.2, -0.3])
    samples = compare(np.maximum(good[:count] * scale + shift, 0).astype(np.float32), lines)
    fits = rng.random(count) < rng.choice([0.1, 0.5, 1.0])
    found = {one.name: one.middle for one in off_scale(samples, of_lines, fits)}
    assert found == pytest.approx(slow_off_scale(samples, of_lines, fits.tolist()))


def test_what_is_said_depends_neither_on_order_nor_on_copies(compared: tuple):
    good, lines, of_lines = compared
    every = np.ones(len(good), dtype=bool)
    lower = (good * 0.9).astype(np.float32)
    found = off_scale(compare(lower, lines), of_lines, every)
    assert "spread" in [one.name for one in found]
    assert off_scale(compare(lower[::-1].copy(), lines), of_lines, every) == found
    assert off_scale(compare(good, lines), of_lines, every) == ()
    copies = np.vstack([good, np.repeat(lower[:1], 3 * len(good), axis=0)])
    assert off_scale(compare(copies, lines), of_lines, np.ones(len(copies), dtype=bool)) == ()
    assert off_scale(compare(lower[: FEWEST - 1], lines), of_lines, every[: FEWEST - 1]) == ()
