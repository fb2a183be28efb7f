"""How unlike the training lines is too unlike: limits from each line's comparison with the others.

Each of the five statistics is put on a scale on which 1 is where one line in a hundred lies; a sixth number
is the Mahalanobis distance of all five together, which notices combinations (as low as the lowest line, but
as steep as the steepest). The largest of the six is a sample's strangeness. Its limit is the conformal
quantile over the lines, so that `FLAGGED` of new lines exceed it, whatever the statistics' distributions.
Low `nearest_r` and many genes that are `absent` have limits of their own, found in the same way.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64

from modeling.likeness.statistics import Comparison

STATISTICS = ("nearest_r", "outside", "level", "spread", "scatter", "together", "absent")
_SIDES = ((False, True), (True, False), (True, True), (True, True), (True, False))  # too high, too low
_FLOORS = np.array([0.02, 0.03, 0.02, 0.01, 0.05])  # of a scale: where lines hardly differ at all
_FLOOR_ABSENT = 0.03  # of the share of genes at 0
FLAGGED = 0.012  # of new lines, by strangeness
FLAGGED_BY_R = 0.01  # and by a low nearest_r alone: random values are best known by it
FLAGGED_BY_ABSENT = 0.003  # and by genes at 0 alone: they show what was shifted down and cut off there
_EXTREME, _CORE = 0.99, 0.9
_FEW = 8.0  # the limit is wider by 1 + this / lines: few lines do not show the extremes
FEWEST_LINES = 20  # fewer have no limits


@dataclass(frozen=True, eq=False)
class Limits:
    """`median`, `above`, `below` of each statistic; `centre`, `precision`, `reach` of all together.

    `strangest` is the largest strangeness that is not flagged; `lowest_r` the lowest nearest r, as arctanh;
    `usual_absent`, `most_absent` the median and the largest `absent` that is not flagged.
    """

    median: Float64[np.ndarray, " statistics"]
    above: Float64[np.ndarray, " statistics"]
    below: Float64[np.ndarray, " statistics"]
    centre: Float64[np.ndarray, " statistics"]
    precision: Float64[np.ndarray, "statistics statistics"]
    reach: float
    strangest: float
    lowest_r: float
    usual_absent: float
    most_absent: float

    def strangeness(self, compared: Comparison) -> Float64[np.ndarray, "samples seven"]:
        """On each of `STATISTICS`: 1 where one line in a hundred lies, but of `absent` where its limit is."""
        columns = compared.columns()
        absent = (compared.absent - self.usual_absent) / (self.most_absent - self.usual_absent)
        return np.column_stack([_alone(columns, self), _together(columns, self) / self.reach, absent])

    def exceeded(self, compared: Comparison) -> Bool[np.ndarray, "samples seven"]:
        """Which of `STATISTICS` are beyond the limits: any one flags a sample."""
        beyond = self.strangeness(compared) > self.strangest
        beyond[:, -1] = compared.absent > self.most_absent
        beyond[:, 0] |= compared.columns()[:, 0] < self.lowest_r
        return beyond


def limits_of(lines: Comparison) -> Limits:
    """The limits, from lines compared with all others each (`compare_left_out`); `FEWEST_LINES` at least."""
    columns = lines.columns()
    n = len(columns)
    median = np.median(columns, axis=0)
    above = np.maximum(np.quantile(columns, _EXTREME, axis=0) - median, _FLOORS)
    below = np.maximum(median - np.quantile(columns, 1 - _EXTREME, axis=0), _FLOORS)
    begun = Limits(median, above, below, median, np.eye(len(median)), 1.0, np.inf, -np.inf, 0.0, 1.0)
    largest = _alone(columns, begun).max(axis=1)
    core = columns[largest <= np.quantile(largest, _CORE)]
    spread = np.cov(core, rowvar=False) + np.diag((_FLOORS / 3) ** 2)
    begun = Limits(
        median, above, below, core.mean(axis=0), np.linalg.inv(spread), 1.0, np.inf, -np.inf, 0.0, 1.0
    )
    reach = float(np.quantile(_together(columns, begun), _EXTREME))
    strange = np.maximum(largest, _together(columns, begun) / reach)
    wider = 1 + _FEW / n
    strangest = wider * _conformal(strange, 1 - FLAGGED)
    middle = median[0]
    lowest_r = middle - wider * _conformal(middle - columns[:, 0], 1 - FLAGGED_BY_R)
    usual = float(np.median(lines.absent))
    most = usual + wider * max(_conformal(lines.absent - usual, 1 - FLAGGED_BY_ABSENT), _FLOOR_ABSENT)
    return replace(
        begun, reach=reach, strangest=strangest, lowest_r=lowest_r, usual_absent=usual, most_absent=most
    )


def _conformal(values: Float64[np.ndarray, " lines"], level: float) -> float:
    """The smallest value that a share `level` of new ones stay below; the largest of too few."""
    place = math.ceil(round((len(values) + 1) * level, 9))
    return float(np.sort(values)[min(place, len(values)) - 1])


def _alone(
    columns: Float64[np.ndarray, "samples five"], limits: Limits
) -> Float64[np.ndarray, "samples five"]:
    """Each statistic's distance from the lines' median, where it is on a side that counts; else 0."""
    away = columns - limits.median
    high = np.array([side[0] for side in _SIDES]), np.array([side[1] for side in _SIDES])
    up, down = away / limits.above * high[0], -away / limits.below * high[1]
    return np.maximum(np.maximum(up, down), 0.0)


def _together(
    columns: Float64[np.ndarray, "samples five"], limits: Limits
) -> Float64[np.ndarray, " samples"]:
    near = np.minimum(columns[:, :1], limits.median[0] + limits.above[0])  # very like a line is not strange
    away = np.hstack([near, columns[:, 1:]]) - limits.centre
    return np.sqrt(np.einsum("ij,jk,ik->i", away, limits.precision, away))
