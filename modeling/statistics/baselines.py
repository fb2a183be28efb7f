"""What predictions must beat: the lineage's mean, and the target's own expression.

Of targets measured on the same lines at once, a row each; a row's result has the same bits in any company.
"""

import numpy as np
from jaxtyping import Float, Float64, Int64

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

    def predict(
        self, effect_train: Float[np.ndarray, "targets train_lines"]
    ) -> Float64[np.ndarray, "targets test_lines"]:
        """Each test line's prediction is the training mean of its lineage.

        Raises ValueError where there is no training line or the lengths differ.
        """
        effect = np.ascontiguousarray(effect_train, dtype=np.float64)
        targets, lines = effect.shape
        if lines == 0 or lines != len(self._train):
            raise ValueError(f"{lines} training effects but {len(self._train)} lineages; expected one each")
        first = self._places * np.arange(targets)[:, None]  # a target's places follow those of the one before
        sums = np.bincount(
            (first + self._train).ravel(), weights=effect.ravel(), minlength=targets * self._places
        ).reshape(targets, self._places)
        mean = effect.mean(axis=1)
        means = np.repeat(mean[:, None], self._places, axis=1)
        np.divide(sums, self._counts, out=means, where=self._counts > 0)
        means[:, UNKNOWN_LINEAGE] = mean
        return means[:, self._test]


def own_expression(
    x_train: Float[np.ndarray, "targets train_lines"],
    y_train: Float[np.ndarray, "targets train_lines"],
    x_test: Float[np.ndarray, "targets test_lines"],
) -> Float64[np.ndarray, "targets test_lines"]:
    """Least squares on one feature, the target's own expression (as `scipy.stats.linregress`).

    Where the expression does not vary over the training lines, the prediction is the training mean.
    """
    x, y, new = (np.ascontiguousarray(each, dtype=np.float64) for each in (x_train, y_train, x_test))
    x_mean, y_mean = x.mean(axis=1)[:, None], y.mean(axis=1)[:, None]
    deviation = x - x_mean
    with np.errstate(divide="ignore", invalid="ignore"):  # of expression that does not vary
        slope = np.vecdot(deviation, y - y_mean) / np.vecdot(deviation, deviation)
        predicted = y_mean + slope[:, None] * (new - x_mean)
    return np.where(varies(x)[:, None], predicted, y_mean)
