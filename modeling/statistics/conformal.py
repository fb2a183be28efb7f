"""Intervals around predictions that hold the truth as often as they say: conformal, by bins of predictions.

Split conformal prediction (Vovk, Gammerman and Shafer 2005): if a new line is like the lines that were
predicted out of fold (exchangeable), the ceil((n + 1) level)-th smallest of n absolute errors is exceeded by
its own with probability at most 1 - level. Taken over all lines, that says nothing of the few with a strong
prediction, where errors are far larger. So the lines are put into bins by their prediction (Mondrian
conformal prediction), and each bin has its own quantile: the promise then holds in each bin.

Models of steps (a tree, or a mean alone) predict few different numbers, and a final model's step is not quite
one of its folds'. Where measured values repeat (dependency levels, mostly 0), all lines with that value are
then right or wrong together, by a hair. So in a bin of steps an interval also holds that many of the bin's
measured values: they, not their errors, are what a new line of the bin is like.

Where nine lines in ten of a bin are measured at 0 and predicted there, that quantile is next to nothing, and
a reader would take the prediction for exact. So no half width is below a twentieth of the target's root mean
square error. That only widens: the promise stands.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from jaxtyping import Float64, Int64

FEWEST_LINES = 20  # a bin
LINES_A_STEP = 4  # on average at least, where predictions count as steps
NARROWEST = 0.05  # half a width, of the root mean square error of all lines


@dataclass(frozen=True, eq=False)
class Bands:
    """Half the width of an interval, by prediction: `half[i]` from `cuts[i - 1]` on and below `cuts[i]`.

    NaN where too few lines were predicted out of fold for a finite interval. `steps` has the measured values,
    ascending, of the bins with a finite interval whose predictions are steps, and how many of them it holds.
    """

    cuts: Float64[np.ndarray, " cuts"]
    half: Float64[np.ndarray, " bins"]
    steps: Mapping[int, tuple[Float64[np.ndarray, " lines"], int]] = field(default_factory=dict)

    def half_width(self, predicted: Float64[np.ndarray, " lines"]) -> Float64[np.ndarray, " lines"]:
        """Of each prediction; NaN for NaN."""
        bins = np.searchsorted(self.cuts, predicted, side="right")
        half = self.half[bins]
        for i, (measured, count) in self.steps.items():
            mine = bins == i
            half[mine] = np.maximum(half[mine], distance_to(measured, count, predicted[mine]))
        return np.where(np.isnan(predicted), np.nan, half)


def bands_of(
    predicted: Float64[np.ndarray, " lines"], measured: Float64[np.ndarray, " lines"], level: float
) -> Bands:
    """Bands that hold the truth of a share `level` (0..1) of new lines at least, in every bin.

    `predicted` are one target's out-of-fold predictions, ascending, and `measured` the truth of each; nothing
    is missing.
    """
    errors = np.abs(measured - predicted)
    cuts = cuts_of(predicted, fewest_lines(level))
    bins = np.searchsorted(cuts, predicted, side="right")
    order = np.lexsort((errors, bins))
    ends = np.searchsorted(bins, np.arange(len(cuts) + 1), side="right")
    starts = np.concatenate([[0], ends[:-1]])
    places = conformal_place(ends - starts, level)
    half = np.full(len(ends), np.nan)
    enough = places <= ends - starts
    half[enough] = errors[order[(starts + places - 1)[enough]]]
    half = np.maximum(half, NARROWEST * np.sqrt(np.mean(errors**2)) if len(errors) else 0.0)
    steps = {
        int(i): (np.sort(measured[starts[i] : ends[i]]), int(places[i]))
        for i in np.flatnonzero(enough)
        if _are_steps(predicted[starts[i] : ends[i]])
    }
    return Bands(cuts, half, steps)


def distance_to(
    ordered: Float64[np.ndarray, " values"], count: int, at: Float64[np.ndarray, " places"]
) -> Float64[np.ndarray, " places"]:
    """How far from each place the `count`-th nearest of ascending values lies."""
    first, last = ordered[: len(ordered) - count + 1], ordered[count - 1 :]  # of each run of so many
    return np.maximum(at[:, None] - first, last - at[:, None]).min(axis=1)


def _are_steps(ascending: Float64[np.ndarray, " lines"]) -> bool:
    different = 1 + np.count_nonzero(np.diff(ascending))
    return bool(different * LINES_A_STEP <= len(ascending))


def fewest_lines(level: float) -> int:
    """Lines that a bin must have: twice those that a finite interval takes, and `FEWEST_LINES`."""
    return max(FEWEST_LINES, int(np.ceil(round(2 * level / (1 - level), 9))))


def conformal_place(n: Int64[np.ndarray, " bins"], level: float) -> Int64[np.ndarray, " bins"]:
    """Which of n sorted errors is the quantile, counted from 1; above n where there is none."""
    # Rounded first: 10 times 0.9 must not become ten because 0.9 is a little more in binary.
    return np.maximum(np.ceil(np.round((n + 1) * level, 9)).astype(np.int64), 1)


def cuts_of(predicted: Float64[np.ndarray, " lines"], fewest: int) -> Float64[np.ndarray, " cuts"]:
    """Where to cut ascending predictions into bins of at least `fewest` lines, finer toward both ends.

    At the median, then each half in the middle, then the outer quarters in the middle, and so on outward:
    strong predictions are few, and their errors differ from those of the rest. Equal ones share a bin.
    """
    values = predicted.tolist()  # for `bisect`: a genome's targets each ask a few dozen places
    n = len(values)
    if n < 2 * fewest:
        return np.empty(0)
    middle = values[n // 2]
    cuts = [middle] if _lines_between(values, -math.inf, middle) >= fewest else []
    for side in (-1, 1):
        inner, size = middle, n // 4
        while size >= fewest:
            cut = values[size if side < 0 else n - size]
            edges = (-math.inf, cut, inner) if side < 0 else (inner, cut, math.inf)
            if all(_lines_between(values, low, high) >= fewest for low, high in pairwise(edges)):
                cuts.append(cut)
                inner = cut
            size //= 2
    return np.array(sorted(cuts), dtype=np.float64)


def _lines_between(values: Sequence[float], low: float, high: float) -> int:
    """How many of ascending values lie from `low` on and below `high`."""
    return bisect_left(values, high) - bisect_left(values, low)
