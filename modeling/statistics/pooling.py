"""One score per target over the out-of-fold predictions of all its folds.

The fold's training mean is subtracted from measured and predicted values alike: without that, predicting the
training mean on pure noise correlates at about −0.06 and looks significant, because a fold whose test lines
lie high has a training mean that lies low.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int64
from scipy.special import betainc, ndtri

from modeling.statistics.metrics import CONSTANT_TOLERANCE

Rows = Float[np.ndarray, " rows"]
PerTarget = Float[np.ndarray, " targets"]


@dataclass(frozen=True)
class PooledScore:
    """One target's pooled Pearson r, approximate 95% interval, one-sided p (r > 0), and rows counted.

    The interval (Fisher's z) and p take cell lines as independent; lines of one lineage are not, so both are
    somewhat too sure.
    """

    r: float
    low: float
    high: float
    p: float
    n: int


@dataclass(frozen=True, eq=False)
class PooledScores:
    """`PooledScore` of many targets, column by column; `targets` holds the codes, ascending."""

    targets: Int[np.ndarray, " targets"]
    r: PerTarget
    low: PerTarget
    high: PerTarget
    p: PerTarget
    n: Int[np.ndarray, " targets"]


def pooled(measured: Rows, predicted: Rows, fold_mean: Rows) -> PooledScore:
    """The pooled score of one target; see `pooled_many`, of which this is the case of one target."""
    scores = pooled_many(np.zeros(len(measured), dtype=np.int64), measured, predicted, fold_mean)
    if scores.n.size == 0:
        return PooledScore(np.nan, np.nan, np.nan, np.nan, 0)
    return PooledScore(
        *(column[0].item() for column in (scores.r, scores.low, scores.high, scores.p, scores.n))
    )


def pooled_many(
    codes: Int[np.ndarray, " rows"], measured: Rows, predicted: Rows, fold_mean: Rows
) -> PooledScores:
    """Pooled scores of all targets whose out-of-fold rows are stacked in long arrays.

    `codes` names each row's target and must not decrease (ValueError otherwise). `fold_mean` is the training
    mean of the row's fold. Rows with a missing (NaN) value in any of the three do not count, but their target
    still gets an entry.

    Where a target's predictions do not vary once the fold's mean is subtracted (range within 1e-12 of the
    largest raw magnitude, or of the measured values' range), r is 0, p is 1 and the interval that of r = 0.
    Where the measured values do not, all is NaN. Under 4 rows the interval is NaN; under 3, p is 1.
    """
    codes = np.asarray(codes)
    if np.any(codes[1:] < codes[:-1]):
        raise ValueError("rows must be sorted by target: a code is smaller than the one before it")
    targets, _, _ = runs_of(codes)
    x, y, mean = (np.asarray(column, dtype=np.float64) for column in (measured, predicted, fold_mean))
    counted = ~(np.isnan(x) | np.isnan(y) | np.isnan(mean))
    groups, starts, sizes = runs_of(codes[counted])
    place = np.searchsorted(targets, groups)
    r, n, flat = (
        np.full(targets.size, np.nan),
        np.zeros(targets.size, dtype=np.int64),
        np.zeros(targets.size, dtype=bool),
    )
    if starts.size:
        r[place], flat[place] = _grouped_correlation(x[counted], y[counted], mean[counted], starts, sizes)
        n[place] = sizes
    low, high = fisher_interval(r, n)
    return PooledScores(targets, r, low, high, np.where(flat, 1.0, p_greater(r, n)), n)


def runs_of(
    codes: Int[np.ndarray, " rows"],
) -> tuple[Int[np.ndarray, " runs"], Int64[np.ndarray, " runs"], Int64[np.ndarray, " runs"]]:
    """Of codes that do not decrease: each one that occurs, where it begins, and how often it is there."""
    begins = np.concatenate([np.ones(min(len(codes), 1), bool), codes[1:] != codes[:-1]])
    starts = np.flatnonzero(begins)
    return codes[starts], starts, np.diff(starts, append=len(codes))


def fisher_interval(r: PerTarget, n: Int[np.ndarray, " targets"]) -> tuple[PerTarget, PerTarget]:
    """Approximate 95% interval of Pearson's r by Fisher's z; NaN under 4 rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.where(n >= 4, ndtri(0.975) / np.sqrt(np.maximum(n - 3, 0)), np.nan)
        z = np.arctanh(r)
        return np.tanh(z - half), np.tanh(z + half)


def p_greater(r: PerTarget, n: Int[np.ndarray, " targets"]) -> PerTarget:
    """P of a correlation as high by chance, by the t distribution with n − 2 degrees of freedom.

    As `scipy.stats.pearsonr(..., alternative="greater")`, in the incomplete-beta form that keeps its
    digits in the far tail; 1 under 3 rows.
    """
    with np.errstate(invalid="ignore"):
        tail = 0.5 * betainc(np.maximum(n - 2, 1) / 2, 0.5, np.clip((1 - r) * (1 + r), 0, 1))
    return np.where(np.isnan(r), np.nan, np.where(n < 3, 1.0, np.where(r > 0, tail, 1 - tail)))


def _grouped_correlation(
    x: Rows, y: Rows, mean: Rows, starts: np.ndarray, sizes: np.ndarray
) -> tuple[PerTarget, Bool[np.ndarray, " targets"]]:
    """r of each stretch of rows, and whether it is 0 because its predictions do not vary."""
    measured, x_noise = centred(x, mean, starts, sizes)
    predicted, y_noise = centred(y, mean, starts, sizes, ranges(x, starts))
    x_varies, y_varies = (noise < 1.0 for noise in (x_noise, y_noise))
    product = np.add.reduceat(measured * predicted, starts)
    squares = np.add.reduceat(measured**2, starts) * np.add.reduceat(predicted**2, starts)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.clip(product / np.sqrt(squares), -1.0, 1.0)
    return np.where(x_varies, np.where(y_varies, r, 0.0), np.nan), x_varies & ~y_varies


def ranges(values: Rows, starts: Int[np.ndarray, " targets"]) -> PerTarget:
    """Largest less smallest value of each target, whose rows begin at `starts`."""
    return np.maximum.reduceat(values, starts) - np.minimum.reduceat(values, starts)


def centred(
    values: Rows,
    mean: Rows,
    starts: Int[np.ndarray, " targets"],
    sizes: Int[np.ndarray, " targets"],
    source: PerTarget | float = 0.0,
) -> tuple[Rows, PerTarget]:
    """Values less their fold's mean, centred and scaled to at most 1 per target; each target's noise.

    A target's rows begin at `starts`. Noise is the difference, after scaling, that rounding alone can make:
    1e-12 of the largest raw magnitude, or of what they were computed from (`source`) where that is larger.
    Where it reaches 1 the values do not vary.
    """
    largest = np.maximum.reduceat(np.maximum(np.abs(values), np.abs(mean)), starts)
    magnitude = np.maximum(largest, source)
    corrected = values - mean
    spread = ranges(corrected, starts)
    centre = np.add.reduceat(corrected, starts) / sizes
    scale = np.where(spread > 0, spread, 1.0)
    scaled = (corrected - np.repeat(centre, sizes)) / np.repeat(scale, sizes)
    varies = spread > CONSTANT_TOLERANCE * magnitude
    return scaled, np.where(varies, np.minimum(CONSTANT_TOLERANCE * magnitude / scale, 0.5), 1.0)
