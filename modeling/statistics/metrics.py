"""How good predictions are, one target and fold at a time, and what they must beat: the baselines.

The baselines are the lineage's mean and the target's own expression. `pooling` scores a target over all its
folds."""

from collections.abc import Sequence, Set
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

Values = Float[np.ndarray, " lines"]
# A thousand roundings of float64, yet far below any measured difference.
CONSTANT_TOLERANCE = 1e-12


def varies(values: Values, scale: float = 0.0) -> bool:
    """Whether values differ by more than rounding: range > 1e-12 × the largest magnitude. False for none.

    `scale` is the size of what the values were computed from, where that is larger than they are: a sum that
    should be 0 is a few roundings of its terms.
    """
    if values.size == 0:
        return False
    low, high = float(values.min()), float(values.max())
    return high - low > CONSTANT_TOLERANCE * max(abs(low), abs(high), scale)


def pearson(measured: Values, predicted: Values) -> float:
    """Pearson's r; nan where the measured values are constant, 0 where only the prediction is.

    Both are in one unit: predictions whose range is within 1e-12 of the measured values' are constant. A NaN
    or infinite value on either side makes the result nan: nothing is skipped here.
    """
    x, y = _aligned(measured, predicted)
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or not varies(x):
        return float("nan")
    return _correlation(x, y) if varies(y, float(np.ptp(x))) else 0.0


def spearman(measured: Values, predicted: Values) -> float:
    """Spearman's ρ with average ranks for ties (as `scipy.stats.spearmanr`); nan and 0 as in `pearson`."""
    x, y = _aligned(measured, predicted)
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or not varies(x):
        return float("nan")
    return _correlation(average_ranks(x), average_ranks(y)) if varies(y, float(np.ptp(x))) else 0.0


def average_ranks(values: Float[np.ndarray, " values"]) -> Float64[np.ndarray, " values"]:
    """Ranks from 1; ties share their mean. `scipy.stats.rankdata` of finite values, without its import."""
    _, place, ties = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(ties) - (ties - 1) / 2)[place])


def rmse(measured: Values, predicted: Values) -> float:
    """Root of the mean squared error, in the effect's unit; nan for no lines."""
    x, y = _aligned(measured, predicted)
    return float(np.sqrt(np.mean((x - y) ** 2))) if x.size else float("nan")


def benjamini_hochberg(p: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """False-discovery-rate adjusted p-values, as statsmodels' `multipletests(p, method="fdr_bh")`.

    A test whose p is NaN was not made: it stays NaN and does not count among the tests. Raises
    ValueError for a p outside 0..1.
    """
    p = np.asarray(p, dtype=np.float64)
    made: Bool[np.ndarray, " tests"] = ~np.isnan(p)
    given = p[made]
    if given.size and (given.min() < 0 or given.max() > 1):
        raise ValueError(f"p-values must lie in 0..1, got {given.min()} to {given.max()}")
    order = np.argsort(given, kind="stable")
    raw = given[order] * given.size / np.arange(1, given.size + 1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    q = np.full(p.shape, np.nan)
    q[made] = adjusted
    return q


def mean_jaccard(sets: Sequence[Set[int]] | Sequence[Set[str]]) -> float:
    """Mean over all pairs of sets of |intersection| / |union|: how stable the folds' modifiers are.

    A pair of two empty sets says nothing and is skipped; nan where no pair is left.
    """
    pairs = [(len(a & b), len(a | b)) for a, b in combinations(sets, 2)]
    shares = [shared / union for shared, union in pairs if union]
    return float(np.mean(shares)) if shares else float("nan")


def _aligned(measured: Values, predicted: Values) -> tuple[Values, Values]:
    x, y = np.asarray(measured, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"measured and predicted must be equally long vectors, got {x.shape} and {y.shape}")
    return x, y


def _correlation(x: Values, y: Values) -> float:
    # Scaled to at most 1 first, so that squares neither overflow nor vanish.
    a, b = x - x.mean(), y - y.mean()
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    r = (a @ b) / np.sqrt((a @ a) * (b @ b))
    return float(min(1.0, max(-1.0, r)))


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
