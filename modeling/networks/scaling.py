"""Expression and dependency of whole cell lines as networks take them, scaled by the training lines alone."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64

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
