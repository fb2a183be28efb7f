"""One group of samples against others, many columns at once: Welch's t test, and how large a difference."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import stdtr

FEWEST = 3  # samples of a side with a value; the spread of two is no measure

PerColumn = Float[np.ndarray, " columns"]


@dataclass(frozen=True, eq=False)
class GroupTest:
    """Per column: of both sides how many values and their mean; the difference (first less second).

    `effect_size` is the difference over the pooled standard deviation (Cohen's d); `t` and `p` are Welch's,
    two-sided. The three are NaN with under `FEWEST` values on a side, and where neither side varies.
    """

    n: Int[np.ndarray, " columns"]
    n_against: Int[np.ndarray, " columns"]
    mean: PerColumn
    mean_against: PerColumn
    difference: PerColumn
    effect_size: PerColumn
    t: PerColumn
    p: PerColumn


def compare_groups(
    values: Float[np.ndarray, "samples columns"], against: Float[np.ndarray, "others columns"]
) -> GroupTest:
    """Test every column of `values` against the same one of `against`; missing values (NaN) do not count.

    The columns are tested alone. As `scipy.stats.ttest_ind(equal_var=False, nan_policy="omit")`.
    """
    (n, mean, ss), (m, other, tt) = _moments(values), _moments(against)
    difference = mean - other
    enough: Bool[np.ndarray, " columns"] = (n >= FEWEST) & (m >= FEWEST) & (ss + tt > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = ss / (n - 1) / n, tt / (m - 1) / m
        t = difference / np.sqrt(a + b)
        df = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1))
        effect_size = difference / np.sqrt((ss + tt) / (n + m - 2))
        p = 2 * stdtr(df, -np.abs(t))
    nothing = np.nan
    return GroupTest(
        n, m, mean, other, difference,
        np.where(enough, effect_size, nothing), np.where(enough, t, nothing), np.where(enough, p, nothing),
    )  # fmt: skip


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per column the number of values, their mean (NaN without any) and the sum of squares about it.

    Equal values have a sum of exactly 0: no rounding passes for spread.
    """
    values = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    filled = np.where(known, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=0) / n
    squares = np.where(known, (values - mean) ** 2, 0.0).sum(axis=0)
    least = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    most = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    return n, mean, np.where(least < most, squares, 0.0)
