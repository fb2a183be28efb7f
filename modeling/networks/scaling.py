"""Expression and dependency of whole cell lines as networks take them, and how well they are given back."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from modeling.statistics.metrics import CONSTANT_TOLERANCE

MOST_ZEROS = 0.8  # of a gene's training lines; a gene with more says little and is left out


@dataclass(frozen=True, eq=False)
class GeneScaling:
    """Which genes enter, and what makes z-scores of them: all of the training lines.

    Source: Itzhacky and Sharan 2021 (genes with more than 80% zeros dropped, z-scores).
    """

    genes: Int64[np.ndarray, " kept"]
    mean: Float32[np.ndarray, " kept"]
    scale: Float32[np.ndarray, " kept"]

    def of(self, expression: Float[np.ndarray, "lines genes"]) -> Float32[np.ndarray, "lines kept"]:
        """The z-scores of any lines."""
        return (expression[:, self.genes].astype(np.float32) - self.mean) / self.scale


@dataclass(frozen=True, eq=False)
class EffectScaling:
    """Each target's mean over the training lines that have it, and one scale for all targets.

    The scale is the root of the mean square of what is left once the means are taken off: it keeps the
    targets' weights in a squared error as they are.
    """

    mean: Float32[np.ndarray, " targets"]
    scale: float

    def of(self, effect: Float[np.ndarray, "lines targets"]) -> Float32[np.ndarray, "lines targets"]:
        """Centred and scaled effects of any lines; a gap becomes 0, the training mean."""
        centred = (effect.astype(np.float32) - self.mean) / np.float32(self.scale)
        return np.where(np.isnan(centred), np.float32(0), centred)

    def effect(self, scaled: Float32[np.ndarray, "lines targets"]) -> Float32[np.ndarray, "lines targets"]:
        """Back to effects."""
        return scaled * np.float32(self.scale) + self.mean


def gene_scaling(expression: Float[np.ndarray, "lines genes"]) -> GeneScaling:
    """From the training lines. Genes that are 0 in more than 80% of them, or constant, are left out."""
    values = expression.astype(np.float64)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    kept = (values == 0).mean(axis=0) <= MOST_ZEROS
    kept &= np.ptp(values, axis=0) > CONSTANT_TOLERANCE * np.abs(values).max(axis=0)
    genes = np.flatnonzero(kept)
    return GeneScaling(genes, mean[genes].astype(np.float32), spread[genes].astype(np.float32))


def effect_scaling(effect: Float[np.ndarray, "lines targets"]) -> EffectScaling:
    """From the training lines; NaN where not measured. A target without any measured line has mean 0.

    The scale is 1 where no target varies.
    """
    values = effect.astype(np.float64)
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    left = np.where(known, values - mean, 0.0)
    scale = float(np.sqrt((left**2).sum() / max(int(count.sum()), 1)))
    rounding = CONSTANT_TOLERANCE * float(np.abs(values[known]).max(initial=0.0))
    return EffectScaling(mean.astype(np.float32), scale if scale > rounding else 1.0)


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
