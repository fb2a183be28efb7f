"""How large an effect is in each group of cell lines (a lineage), and how well it is predicted within it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64

from modeling.statistics.metrics import CONSTANT_TOLERANCE
from modeling.statistics.pooling import pooled_many, runs_of

Rows = Float[np.ndarray, " rows"]
PerGroup = Float[np.ndarray, " groups"]
ROUNDING = 1e-9  # of a sum of squares: what leaving a row out may leave of it by rounding


@dataclass(frozen=True, eq=False)
class GroupScores:
    """Scores of groups of rows, column by column; `groups` holds their codes, ascending.

    `mean` and `sd` (n − 1; NaN of one row) are of the measured values. `r` with its interval and one-sided p
    is that of `pooling.pooled_many`, but NaN under 3 rows, where it would be ±1, and where the measured
    values do not vary (there only the folds' means would); p is NaN with it. `r_least` is the lowest r with
    one row left out (0 where then the measured values, or the predictions less the folds' means, do not vary;
    NaN under 4 rows): near `r`, unless a single row makes it.
    `rmse` is of the predictions, `rmse_baseline` of the baseline's.
    """

    groups: Int64[np.ndarray, " groups"]
    n: Int[np.ndarray, " groups"]
    mean: PerGroup
    sd: PerGroup
    r: PerGroup
    r_least: PerGroup
    low: PerGroup
    high: PerGroup
    p: PerGroup
    rmse: PerGroup
    rmse_baseline: PerGroup


def within_groups(
    codes: Int[np.ndarray, " rows"], measured: Rows, predicted: Rows, baseline: Rows, fold_mean: Rows
) -> GroupScores:
    """Scores within each group of rows; `codes` names each row's group and must not decrease.

    Rows without a measured value, a prediction or a fold's mean (NaN) do not count, nor does a group without
    others. A missing baseline makes the group's `rmse_baseline` NaN.
    """
    counted = ~(np.isnan(measured) | np.isnan(predicted) | np.isnan(fold_mean))
    codes, y, x, base, centre = (
        column[counted] for column in (codes, measured, predicted, baseline, fold_mean)
    )
    pooled = pooled_many(codes, y, x, centre)
    groups, starts, sizes = runs_of(codes)
    if not len(groups):
        none = np.empty(0)
        return GroupScores(groups.astype(np.int64), sizes, *(none,) * 9)
    mean = np.add.reduceat(y, starts) / sizes
    sd = _spread(y, mean, starts, sizes)
    known = (sizes >= 3) & (sd > 0) & ~np.isnan(pooled.r)
    least = np.where(sizes >= 4, _least_without_one(y, x, centre, starts, sizes), np.nan)
    r, least, low, high, p = (
        np.where(known, column, np.nan) for column in (pooled.r, least, pooled.low, pooled.high, pooled.p)
    )
    return GroupScores(
        groups.astype(np.int64),
        sizes,
        mean,
        sd,
        *(r, least, low, high, p),
        _root_mean_square(y - x, starts, sizes),
        _root_mean_square(y - base, starts, sizes),
    )


def _spread(values: Rows, mean: PerGroup, starts: np.ndarray, sizes: np.ndarray) -> PerGroup:
    """Standard deviation; exactly 0 where only rounding differs, NaN of one row."""
    deviation = values - np.repeat(mean, sizes)
    squares = np.add.reduceat(deviation**2, starts)
    sd = np.sqrt(np.divide(squares, sizes - 1, out=np.full(len(sizes), np.nan), where=sizes > 1))
    largest = np.maximum.reduceat(np.abs(values), starts)
    return np.where(sd <= CONSTANT_TOLERANCE * largest, 0.0, sd)


def _root_mean_square(errors: Rows, starts: np.ndarray, sizes: np.ndarray) -> PerGroup:
    return np.sqrt(np.add.reduceat(errors**2, starts) / sizes)


def _least_without_one(y: Rows, x: Rows, centre: Rows, starts: np.ndarray, sizes: np.ndarray) -> PerGroup:
    """The lowest r of each group that leaving one of its rows out gives, from sums over the others.

    Both sides lose the same fold's mean, which alone makes an r where the other rows measure the same: so
    the measured values themselves must vary without the row, too.
    """
    count = np.repeat(sizes, sizes).astype(np.float64)
    raw, a, b = (
        v - np.repeat(np.add.reduceat(v, starts) / sizes, sizes) for v in (y, y - centre, x - centre)
    )
    share = np.divide(count, count - 1, out=np.zeros_like(count), where=count > 1)

    def left(first: Rows, second: Rows) -> Rows:
        product = first * second
        return np.repeat(np.add.reduceat(product, starts), sizes) - share * product

    def varies(values: Rows) -> np.ndarray:
        whole = np.repeat(np.add.reduceat(values**2, starts), sizes)
        return left(values, values) > ROUNDING * whole

    vary = varies(raw) & varies(a) & varies(b)
    squares = np.where(vary, left(a, a) * left(b, b), 1.0)
    r = np.divide(left(a, b), np.sqrt(squares), out=np.zeros_like(squares), where=vary)
    return np.clip(np.minimum.reduceat(r, starts), -1.0, 1.0)
