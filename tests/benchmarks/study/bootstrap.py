"""Intervals by resampling cell lines: targets share lines, so resampling targets would be too narrow.

One draw gives every line a weight, the same in every fold, seed and method; r of each target in each fold is
recomputed from weighted moments. What is kept of a draw is the mean over targets, so methods that were run at
different times can be paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.study.measures import OutOfFold, mean_r, weighted_r

DRAWS = 1000
DRAWN_WITH = 5
AT_ONCE = 125  # draws; bounds the memory of draws x targets


def line_weights(lines: int, draws: int = DRAWS, seed: int = DRAWN_WITH) -> np.ndarray:
    """draws x lines: how often each line is drawn when as many lines are drawn with replacement."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(lines, np.full(lines, 1.0 / lines), size=draws).astype(np.float64)


def mean_r_of_draws(out: OutOfFold, weights: np.ndarray) -> np.ndarray:
    """For each draw, the mean over targets of the mean fold r."""
    known = [~np.isnan(block.measured) for block in out.blocks]
    means = []
    for start in range(0, len(weights), AT_ONCE):
        drawn = weights[start : start + AT_ONCE]
        per_fold = [
            weighted_r(block.measured, block.predicted, kept, drawn[:, block.lines])
            for block, kept in zip(out.blocks, known, strict=True)
        ]
        means.append(mean_r(per_fold).mean(axis=1))
    return np.concatenate(means)


@dataclass(frozen=True)
class Interval:
    """A difference, and the central 95 % of its draws."""

    difference: float
    low: float
    high: float


def paired(
    mine: Sequence[float],
    others: Sequence[float],
    my_draws: Sequence[np.ndarray],
    other_draws: Sequence[np.ndarray],
) -> Interval:
    """Difference of two methods' means, over seeds; one item of each argument a seed."""
    difference = float(np.mean(mine) - np.mean(others))
    drawn = np.mean(my_draws, axis=0) - np.mean(other_draws, axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    # The draws' own centre is a little off (a sample with doubles has fewer lines): spread around ours.
    shift = difference - float(np.mean(drawn))
    return Interval(difference, float(low) + shift, float(high) + shift)
