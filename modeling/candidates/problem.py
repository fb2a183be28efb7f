"""One target's training data, and what several candidates need of it, computed once."""

from dataclasses import dataclass
from functools import cached_property
from typing import no_type_check

import numpy as np
from jaxtyping import Float64, Int64

from modeling.numba_cache import njit

# Squares of larger values, summed, could overflow and make a feature look constant.
LARGEST = 1e100
# Least eigenvalue of the features' products, over the largest, that eigenvectors are taken from: it leaves
# singular vectors ten digits.
WELL_CONDITIONED = 1e-6


@dataclass(frozen=True)
class Standardised:
    """Features less their training mean, over their training standard deviation (ddof 0).

    A constant feature has scale 1 and standardised values of exactly 0.
    """

    values: Float64[np.ndarray, "lines features"]
    mean: Float64[np.ndarray, " features"]
    scale: Float64[np.ndarray, " features"]


@dataclass(frozen=True)
class ThinSVD:
    """`values = left * singular @ right` of the standardised features; rank = min(lines, features)."""

    left: Float64[np.ndarray, "lines rank"]
    singular: Float64[np.ndarray, " rank"]
    right: Float64[np.ndarray, "rank features"]


@dataclass(frozen=True, eq=False)
class Problem:
    """Learn `effect` (lines) from `features` (lines x modifiers, raw log2(TPM+1)), on training lines alone.

    `seed` decides everything random in the fit, except what the problems of one fold share (`deep`'s orders
    and dropout masks), which `fold_seed` decides. `own` is the column of the target's own expression, -1
    where it is not among the features. Arrays are taken as contiguous float64, so that the memory they came
    in cannot change a result. Raises ValueError where the shapes do not fit each other.
    """

    features: Float64[np.ndarray, "lines features"]
    effect: Float64[np.ndarray, " lines"]
    seed: int
    fold_seed: int = 0
    own: int = -1

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", np.ascontiguousarray(self.features, dtype=np.float64))
        object.__setattr__(self, "effect", np.ascontiguousarray(self.effect, dtype=np.float64))
        if self.features.ndim != 2 or self.effect.shape != self.features.shape[:1]:
            raise ValueError(
                f"features must be lines x features and effect one value a line, "
                f"got {self.features.shape} and {self.effect.shape}"
            )

    @property
    def n_lines(self) -> int:
        """Number of training lines."""
        return self.features.shape[0]

    @property
    def n_features(self) -> int:
        """Number of features (modifiers)."""
        return self.features.shape[1]

    def take(self, lines: Int64[np.ndarray, " some_lines"]) -> "Problem":
        """The same problem on some of its lines, with the same seeds."""
        return Problem(self.features[lines], self.effect[lines], self.seed, self.fold_seed, self.own)

    @cached_property
    def trouble(self) -> str:
        """Why no candidate can be fitted; empty if nothing is known to be wrong."""
        if self.n_lines < 2 or self.n_features < 1:
            return f"{self.n_lines} lines and {self.n_features} features; at least 2 and 1 are needed"
        for what, values in (("the effect", self.effect), ("a feature", self.features)):
            # Written so that NaN fails it too.
            if not np.abs(values).max() <= LARGEST:
                return f"{what} has missing, infinite or huge (over {LARGEST:g}) values on the training lines"
        return ""

    @cached_property
    def standardised(self) -> Standardised:
        """Features as ols, ridge and lasso take them."""
        return Standardised(*_standardise(self.features))

    @cached_property
    def effect_mean(self) -> float:
        """Mean of the effect over the training lines."""
        return float(self.effect.mean())

    @cached_property
    def effect_centred(self) -> Float64[np.ndarray, " lines"]:
        """The effect less its mean."""
        return self.effect - self.effect_mean

    @cached_property
    def gram(self) -> Float64[np.ndarray, "features features"]:
        """Products of the standardised features with each other, summed over lines."""
        x = self.standardised.values
        return x.T @ x

    @cached_property
    def products(self) -> Float64[np.ndarray, " features"]:
        """Products of the standardised features with the centred effect, summed over lines."""
        return self.standardised.values.T @ self.effect_centred

    @cached_property
    def svd(self) -> ThinSVD:
        """Thin singular value decomposition of the standardised features.

        By the eigenvectors of their products, which is faster, unless the features nearly depend on each
        other: products square what sets them apart.
        """
        x = self.standardised.values
        if self.n_features < self.n_lines:
            values, vectors = np.linalg.eigh(self.gram)
            if values[0] > WELL_CONDITIONED * values[-1]:
                values, vectors = values[::-1], vectors[:, ::-1]
                singular = np.sqrt(values)
                return ThinSVD(x @ (vectors / singular), singular, vectors.T)
        return ThinSVD(*np.linalg.svd(x, full_matrices=False))


@njit
@no_type_check
def _standardise(features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, mean and scale of `Standardised`, line by line, as memory has them."""
    n, p = features.shape
    values, mean, variance = np.empty((n, p)), np.zeros(p), np.zeros(p)
    for i in range(n):
        for j in range(p):
            mean[j] += features[i, j]
    mean /= n
    for i in range(n):
        for j in range(p):
            values[i, j] = features[i, j] - mean[j]
            variance[j] += values[i, j] * values[i, j]
    variance /= n
    scale, kept = np.sqrt(variance), np.ones(p)
    for j in range(p):
        # Such a variance is rounding and no more: scikit-learn's StandardScaler asks the same.
        rounding = np.finfo(np.float64).eps * n
        if variance[j] <= rounding * variance[j] + (rounding * mean[j]) ** 2:
            scale[j], kept[j] = 1.0, 0.0
    for i in range(n):
        for j in range(p):
            values[i, j] = values[i, j] * kept[j] / scale[j]
    return values, mean, scale
