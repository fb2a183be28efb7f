"""What a prediction must beat: the lineage's mean, and the target's own expression."""

import numpy as np
from jaxtyping import Float, Int64

from modeling.statistics.metrics import varies

UNKNOWN_LINEAGE = -1


def lineage_only(
    effect_train: Float[np.ndarray, " train_lines"],
    lineage_train: Int64[np.ndarray, " train_lines"],
    lineage_test: Int64[np.ndarray, " test_lines"],
) -> Float[np.ndarray, " test_lines"]:
    """Each test line's prediction is the training mean of its lineage.

    Lineages are numbers from 0 up. One that is unknown (`UNKNOWN_LINEAGE`) or has no training line (a lineage
    held out: this baseline then knows nothing, and its r is 0) gets the mean of all training lines. Raises
    ValueError where there is no training line or the lengths differ.
    """
    effect = np.asarray(effect_train, dtype=np.float64)
    if effect.size == 0 or effect.size != len(lineage_train):
        raise ValueError(
            f"{effect.size} training effects but {len(lineage_train)} lineages; expected one each"
        )
    # One place more than the largest number: unknown lineages are counted there and then overwritten.
    places = int(max(lineage_train.max(), lineage_test.max(initial=0))) + 2
    counts = np.bincount(lineage_train % places, minlength=places)
    sums = np.bincount(lineage_train % places, weights=effect, minlength=places)
    means = np.full(places, effect.mean())
    np.divide(sums, counts, out=means, where=counts > 0)
    means[UNKNOWN_LINEAGE] = effect.mean()
    return means[lineage_test]


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
