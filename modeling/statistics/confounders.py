"""What cannot be biology of a gene, as a predictor: sex, screen quality, growth, library and the like.

A ridge regression on few features, its penalty chosen by exact leave-one-out for each target, so that the
baseline is as strong as such features allow. What depends on the features alone is computed once for all
targets that are measured on the same lines.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # per line: times the number of training lines


@dataclass(frozen=True, eq=False)
class ConfounderDesign:
    """Standardised features of some training lines, decomposed: U diag(s) V'.

    `centre` and `scale` are those of the training lines. `hat` holds, for each penalty, the diagonal of the
    matrix that maps effects to fitted ones, the mean included.
    """

    centre: Float64[np.ndarray, " features"]
    scale: Float64[np.ndarray, " features"]
    left: Float64[np.ndarray, "lines rank"]
    singular: Float64[np.ndarray, " rank"]
    right: Float64[np.ndarray, "rank features"]
    hat: Float64[np.ndarray, "lines penalties"]

    def predict(
        self, effect: Float64[np.ndarray, "targets lines"], features: Float[np.ndarray, "new features"]
    ) -> Float64[np.ndarray, "targets new"]:
        """The effect of new lines, from that of the training lines, by each target's penalty of lowest error.

        A feature that a new line lacks counts as the training lines' mean. Equal errors: the larger penalty.
        A target's result has the same bits in any company: its products are made one by one.
        """
        effect = np.ascontiguousarray(effect)  # in this order the mean of a row is that of a vector
        mean = effect.mean(axis=1)[:, None]
        projected = np.matmul(self.left.T, (effect - mean)[:, :, None])
        fitted = np.matmul(self.left, projected * self._shrinkage)
        residual = ((effect - mean)[:, :, None] - fitted) / np.maximum(1.0 - self.hat, 1e-12)
        errors = (residual**2).sum(axis=1)
        best = len(PENALTIES) - 1 - errors[:, ::-1].argmin(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.where(self.singular > 0, self._shrinkage[:, best].T / self.singular, 0.0)
        weights = np.matmul(self.right.T, projected * inverse[:, :, None])
        return mean + np.matmul(_standardised(features, self.centre, self.scale), weights)[:, :, 0]

    @property
    def _shrinkage(self) -> Float64[np.ndarray, "rank penalties"]:
        squares = self.singular[:, None] ** 2
        return squares / (squares + len(self.left) * np.array(PENALTIES))


def confounder_design(features: Float[np.ndarray, "lines features"]) -> ConfounderDesign:
    """Decompose the features of training lines; NaN (not measured) counts as the mean of the others.

    A feature without a value or that does not vary predicts nothing. Raises ValueError without lines.
    """
    if not len(features):
        raise ValueError("no training line; at least one is needed")
    x = np.asarray(features, dtype=np.float64)
    known = ~np.isnan(x)
    centre = np.where(known, x, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    deviation = np.where(known, x - centre, 0.0)
    spread = np.sqrt((deviation**2).mean(axis=0))
    scale = np.where(spread > 1e-12 * np.maximum(np.abs(centre), 1.0), spread, np.inf)
    left, singular, right = np.linalg.svd(deviation / scale, full_matrices=False)
    made = ConfounderDesign(centre, scale, left, singular, right, np.empty((len(x), 0)))
    hat = 1.0 / len(x) + left**2 @ made._shrinkage
    return ConfounderDesign(centre, scale, left, singular, right, hat)


def _standardised(
    features: Float[np.ndarray, "lines features"],
    centre: Float64[np.ndarray, " features"],
    scale: Float64[np.ndarray, " features"],
) -> Float64[np.ndarray, "lines features"]:
    x = np.asarray(features, dtype=np.float64)
    return np.where(np.isnan(x), 0.0, x - centre) / scale
