"""What predictions must beat: the lineage's mean, and the target's own expression."""

import numpy as np
from jaxtyping import Float, Int64

from modeling.statistics.metrics import varies

UNKNOWN_LINEAGE = -1


class LineageMeans:
    """Lineages of training and test lines: what they predict of any effect measured on the training lines.

    Lineages are numbers from 0 up. One that is unknown (`UNKNOWN_LINEAGE`) or has no training line (a lineage
    held out: this baseline then knows nothing, and its r is 0) gets the mean of all training lines.
    """

    def __init__(
        self, lineage_train: Int64[np.ndarray, " train_lines"], lineage_test: Int64[np.ndarray, " test_lines"]
    ) -> None:
        # One place more than the largest number: unknown lineages are counted there and then overwritten.
        self._places = int(max(lineage_train.max(initial=0), lineage_test.max(initial=0))) + 2
        self._train, self._test = lineage_train % self._places, lineage_test
        self._counts = np.bincount(self._train, minlength=self._places)

    def predict(self, effect_train: Float[np.ndarray, " train_lines"]) -> Float[np.ndarray, " test_lines"]:
        """Each test line's prediction is the training mean of its lineage.

        Raises ValueError where there is no training line or the lengths differ.
        """
        effect = np.asarray(effect_train, dtype=np.float64)
        if effect.size == 0 or effect.size != len(self._train):
            raise ValueError(
                f"{effect.size} training effects but {len(self._train)} lineages; expected one each"
            )
        sums = np.bincount(self._train, weights=effect, minlength=self._places)
        mean = effect.mean()
        means = np.full(self._places, mean)
        np.divide(sums, self._counts, out=means, where=self._counts > 0)
        means[UNKNOWN_LINEAGE] = mean
        return means[self._test]


def lineage_only(
    effect_train: Float[np.ndarray, " train_lines"],
    lineage_train: Int64[np.ndarray, " train_lines"],
    lineage_test: Int64[np.ndarray, " test_lines"],
) -> Float[np.ndarray, " test_lines"]:
    """As `LineageMeans` predicts."""
    return LineageMeans(lineage_train, lineage_test).predict(effect_train)


def own_expression(
    x_train: Float[np.ndarray, " train_lines"],
    y_train: Float[np.ndarray, " train_lines"],
    x_test: Float[np.ndarray, " test_lines"],
) -> Float[np.ndarray, " test_lines"]:
    """Least squares on one feature, the target's own expression (as `scipy.stats.linregress`).

    Where the expression does not vary over the training lines, the prediction is the training mean.
    """
    x, y = np.asarray(x_train, dtype=np.float64), np.asarray(y_train, dtype=np.float64)
    new = np.asarray(x_test, dtype=np.float64)
    x_mean, y_mean = x.mean(), y.mean()
    if not varies(x):
        return np.full(new.shape, y_mean)
    deviation = x - x_mean
    slope = deviation @ (y - y_mean) / (deviation @ deviation)
    return y_mean + slope * (new - x_mean)
