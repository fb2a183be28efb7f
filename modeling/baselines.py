"""What a forecast must beat: the lineage's mean, and the target's own expression."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from modeling.varying import varies

UNKNOWN_LINEAGE = ""


def lineage_only(
    effect_train: Float[np.ndarray, " train_lines"],
    lineage_train: Sequence[str],
    lineage_test: Sequence[str],
) -> Float[np.ndarray, " test_lines"]:
    """Each test line's prediction is the training mean of its lineage.

    A lineage that is unknown (empty) or has no training line gets the mean of all training lines. Raises
    ValueError where there is no training line or the lengths differ.
    """
    effect = np.asarray(effect_train, dtype=np.float64)
    if effect.size == 0 or effect.size != len(lineage_train):
        raise ValueError(
            f"{effect.size} training effects but {len(lineage_train)} lineages; expected one each"
        )
    # Python's dict beats np.unique on a few hundred strings.
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(lineage, len(numbers)) for lineage in lineage_train])
    means = np.bincount(codes, weights=effect) / np.bincount(codes)
    overall = float(effect.mean())
    known = {lineage: float(means[code]) for lineage, code in numbers.items() if lineage != UNKNOWN_LINEAGE}
    return np.array([known.get(lineage, overall) for lineage in lineage_test], dtype=np.float64)


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
