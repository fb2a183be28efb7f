"""Whether samples are of another scale than the lines, judged together: one by one half of them may pass.

Lines differ in how high their values are, how far genes are apart and how many are at 0, so a single sample
may lie far out without being of another scale. The median of many may not.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from modeling.likeness.statistics import Comparison

STATISTICS = ("level", "spread", "absent")
FEWEST = 10  # samples
FEWEST_NEAREST = 5  # different nearest lines: replicates of one sample say what it says
RARE = 0.025  # of the lines, on either side
WIDEST = 2.0  # times the lines' interquartile range: what differs more is not of one scale
NARROWEST = 0.02  # interquartile range of lines that hardly differ


@dataclass(frozen=True)
class OffScale:
    """A statistic whose median over the samples, `middle`, is not between `low` and `high`, where 95 % of
    the lines are.
    """

    name: str
    middle: float
    low: float
    high: float


def off_scale(
    samples: Comparison, lines: Comparison, fits: Bool[np.ndarray, " samples"]
) -> tuple[OffScale, ...]:
    """The statistics that say so; none for few samples.

    Asked are the samples that fit by themselves, since the others may be of any kind. Where these are too few
    or say nothing, all are asked, as long as they differ no more than samples of one scale do.

    Args:
        lines: each line against all others (`compare_left_out`).
        fits: which samples are not flagged by themselves.
    """
    if len(fits) < FEWEST:
        return ()
    found = (_of(name, samples, getattr(lines, name), fits) for name in STATISTICS)
    return tuple(one for one in found if one is not None)


def _of(
    name: str,
    samples: Comparison,
    of_lines: Float64[np.ndarray, " lines"],
    fits: Bool[np.ndarray, " samples"],
) -> OffScale | None:
    values = getattr(samples, name)
    low, high = (float(end) for end in np.quantile(of_lines, [RARE, 1 - RARE]))
    widest = WIDEST * max(_range(of_lines), NARROWEST)
    for asked, most in ((fits, np.inf), (np.ones_like(fits), widest)):
        each = _of_nearest(values[asked], samples.nearest[asked])
        if len(each) < FEWEST_NEAREST or _range(values[asked]) > most:
            continue
        middle = float(np.median(each))
        if middle > high or (middle < low and name != "absent"):
            return OffScale(name, middle, low, high)
    return None


def _of_nearest(
    values: Float64[np.ndarray, " samples"], nearest: Int64[np.ndarray, " samples"]
) -> Float64[np.ndarray, " nearest"]:
    """The median of the samples that have the same nearest line, for each such line."""
    return np.array([np.median(values[nearest == line]) for line in np.unique(nearest)])


def _range(values: Float64[np.ndarray, " values"]) -> float:
    """Interquartile."""
    return float(np.subtract(*np.quantile(values, [0.75, 0.25])))
