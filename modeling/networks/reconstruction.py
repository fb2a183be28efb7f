"""How well values of many lines and genes are given back: means of r over lines and over genes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from modeling.statistics.metrics import CONSTANT_TOLERANCE

Values = Float[np.ndarray, "lines genes"]
FEWEST = 3  # a correlation of two says nothing


@dataclass(frozen=True)
class Reconstruction:
    """Means of Pearson r. NaN where no line or gene has one.

    `lines_uncentred`: over lines, of r over genes as they are, which the mean profile inflates (the paper's
    way). `lines`: the same less each gene's training mean. `genes`: over genes, of r over lines.
    """

    lines_uncentred: float
    lines: float
    genes: float


def reconstruction(
    measured: Values,
    given_back: Values,
    gene_mean: Float[np.ndarray, " genes"],
    counted: Bool[np.ndarray, "lines genes"] | None = None,
) -> Reconstruction:
    """Compare values with what a network gives back, in the same units, where they are `counted`.

    A line or gene counts with at least three values that vary; its r is 0 where only what is given back does
    not.
    """
    x, y = measured.astype(np.float64), given_back.astype(np.float64)
    known = np.ones(x.shape, dtype=bool) if counted is None else counted
    a, b = x - gene_mean, y - gene_mean
    return Reconstruction(_mean_r(x, y, known), _mean_r(a, b, known), _mean_r(a.T, b.T, known.T))


def _mean_r(x: Values, y: Values, known: Bool[np.ndarray, "lines genes"]) -> float:
    r = row_correlations(x, y, known)
    return float(np.nanmean(r)) if (~np.isnan(r)).any() else float("nan")


def row_correlations(
    x: Float[np.ndarray, "rows values"],
    y: Float[np.ndarray, "rows values"],
    known: Bool[np.ndarray, "rows values"],
) -> Float[np.ndarray, " rows"]:
    """Pearson r of each row of x with that of y over what is known.

    NaN under three values or where x does not vary, 0 where only y does not.
    """
    count = known.sum(axis=1)
    (a, a_varies), (b, b_varies) = (_centred(values, known, count) for values in (x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    r = np.where(b_varies, np.clip(r, -1.0, 1.0), 0.0)
    return np.where(a_varies & (count >= FEWEST), r, np.nan)


def _centred(
    values: Float[np.ndarray, "rows values"], known: Bool[np.ndarray, "rows values"], count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values less their row's mean, 0 where not known; which rows vary by more than rounding."""
    high = np.where(known, values, -np.inf).max(axis=1, initial=-np.inf)
    low = np.where(known, values, np.inf).min(axis=1, initial=np.inf)
    with np.errstate(invalid="ignore"):
        varies = high - low > CONSTANT_TOLERANCE * np.maximum(np.abs(high), np.abs(low))
    mean = np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    return np.where(known, values - mean[:, None], 0.0), varies
