"""How high r would be by chance if measured values were shuffled over the lines of one fold and lineage.

Such a shuffle keeps what a fold and a lineage say of a line and destroys the rest, so that an r above the
shuffled ones is not owed to either. Nothing is drawn: the mean, the variance and the third moment of r over
all shuffles have a closed form, because r is linear in the shuffled values and lines of different strata are
shuffled independently (Hoeffding 1951 for the moments; Mielke and Berry, *Permutation Methods*, 2007, for the
tail that three of them give).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaincc, gammaln, ndtr

from modeling.statistics.pooling import PerTarget, Rows, centred, ranges

LABEL_BITS = 20  # labels count as equal where they differ by less than a millionth of their range
LEAST_SKEWNESS = 1e-3  # below it the tail is a normal one to a part in a thousand

PerStratum = Float[np.ndarray, " strata"]


@dataclass(frozen=True, eq=False)
class ShuffledScores:
    """Of each target, column by column: r over all shuffles has this mean, standard deviation and skewness.

    `targets` holds the codes, ascending. `p`: how likely a shuffle reaches the r that was found (one-sided);
    1 where no shuffle changes it. All are NaN where r is: the measured values do not vary.
    """

    targets: Int[np.ndarray, " targets"]
    mean: PerTarget
    sd: PerTarget
    skewness: PerTarget
    p: PerTarget


@dataclass(frozen=True, eq=False)
class _Strata:
    """Lines that are shuffled among themselves: `order` puts rows of one stratum together, from `starts` on.

    `targets` is where each target's first stratum stands among the strata.
    """

    order: Int[np.ndarray, " rows"]
    starts: Int[np.ndarray, " strata"]
    sizes: Int[np.ndarray, " strata"]
    targets: Int[np.ndarray, " targets"]

    def sums(self, rows: Rows) -> PerStratum:
        """Sums over each stratum of rows in `order`."""
        return np.add.reduceat(rows, self.starts)

    def by_target(self, strata: PerStratum) -> PerTarget:
        """Sums over each target of what its strata have."""
        return np.add.reduceat(strata, self.targets)


def shuffled_many(
    codes: Int[np.ndarray, " rows"],
    folds: Int[np.ndarray, " rows"],
    labels: Rows,
    measured: Rows,
    predicted: Rows,
    fold_mean: Rows,
) -> ShuffledScores:
    """What shuffling makes of the pooled r of `pooled_many`, for all targets stacked in long arrays.

    Rows of one target, fold and label are shuffled among themselves. `codes` must not decrease (ValueError
    otherwise); labels are numbers, equal within a lineage (equal: within a millionth of their range in
    the target). Rows with a missing (NaN) value in the last three do not count; a missing label is a label.

    The tail is Pearson's type III with the first three moments where the skewness is positive, and the normal
    one, which is then the larger, where it is not. P is never below one over the number of ways in which the
    measured values can be shuffled, counted from the ties at a target's lowest and highest value.
    """
    codes = np.asarray(codes)
    if np.any(codes[1:] < codes[:-1]):
        raise ValueError("rows must be sorted by target: a code is smaller than the one before it")
    targets = np.unique(codes)
    out = np.full((4, targets.size), np.nan)
    counted = ~(np.isnan(measured) | np.isnan(predicted) | np.isnan(fold_mean))
    groups, starts, sizes = np.unique(codes[counted], return_index=True, return_counts=True)
    if groups.size:
        strata = _strata(codes[counted], folds[counted], labels[counted], starts, sizes)
        actual, mean = measured[counted], fold_mean[counted]
        x = _unit(actual, mean, starts, sizes, 0.0)
        y = _unit(predicted[counted], mean, starts, sizes, ranges(actual, starts))
        fewest = _fewest_p(measured[counted], strata, starts, sizes)
        out[:, np.searchsorted(targets, groups)] = _moments_and_p(x, y, strata, sizes, fewest)
    return ShuffledScores(targets, *out)


def upper_tail(z: PerTarget, skewness: PerTarget) -> PerTarget:
    """P of a value of at least z, by Pearson's type III with this skewness; the normal one for none or less.

    A type III variate of mean 0, variance 1 and skewness g is a gamma variate of shape k = 4/g², less k and
    divided by √k.
    """
    shape = 4.0 / np.maximum(skewness, LEAST_SKEWNESS) ** 2
    skewed = gammaincc(shape, np.maximum(shape + z * np.sqrt(shape), 0.0))
    return np.where(skewness > LEAST_SKEWNESS, skewed, ndtr(-z))


def _strata(
    codes: Int[np.ndarray, " rows"],
    folds: Int[np.ndarray, " rows"],
    labels: Rows,
    starts: Int[np.ndarray, " targets"],
    sizes: Int[np.ndarray, " targets"],
) -> _Strata:
    """One integer a row holds target, fold, label (in steps of its range) and place: the fastest to sort."""
    low, high = (edge.reduceat(labels, starts) for edge in (np.fmin, np.fmax))
    span = np.where(high > low, high - low, 1.0)
    step = (labels - np.repeat(low, sizes)) * np.repeat(((1 << LABEL_BITS) - 2) / span, sizes)
    unknown = (1 << LABEL_BITS) - 1
    key = (codes - codes[0]) * (folds.max() + 1) + folds
    key = (key << LABEL_BITS) + np.where(np.isnan(step), unknown, np.rint(step)).astype(np.int64)
    place_bits = len(key).bit_length()
    if int(key.max()).bit_length() + place_bits > 62:
        raise ValueError(f"{len(key)} rows at once are too many; give them in blocks of whole targets")
    key = np.sort((key << place_bits) + np.arange(len(key)))
    order, key = key & ((1 << place_bits) - 1), key >> place_bits
    first = np.flatnonzero(np.diff(key, prepend=-1))
    return _Strata(order, first, np.diff(first, append=len(key)), np.searchsorted(first, starts))


def _unit(
    values: Rows,
    fold_mean: Rows,
    starts: Int[np.ndarray, " targets"],
    sizes: Int[np.ndarray, " targets"],
    source: PerTarget | float,
) -> tuple[Rows, PerTarget]:
    """`centred`, and then of length 1 per target; noise 1 still says that a target does not vary."""
    scaled, noise = centred(values, fold_mean, starts, sizes, source)
    length = np.sqrt(np.add.reduceat(scaled**2, starts))
    length = np.where(noise < 1.0, length, 1.0)
    return scaled / np.repeat(length, sizes), np.where(noise < 1.0, noise / length, 1.0)


def _moments_and_p(
    x: tuple[Rows, PerTarget],
    y: tuple[Rows, PerTarget],
    strata: _Strata,
    sizes: Int[np.ndarray, " targets"],
    fewest: PerTarget,
) -> Float[np.ndarray, "4 targets"]:
    """Mean, sd, skewness and p; rows of x and y have length 1 a target, so that r is their product's sum."""
    per_target = np.diff(strata.targets, append=len(strata.starts))
    (a, a_mean), (b, b_mean) = (_within(*side, strata, per_target) for side in (x, y))
    n = strata.sizes
    a_squares, b_squares = a * a, b * b
    squares = strata.sums(a_squares) * strata.sums(b_squares)
    cubes = strata.sums(a_squares * a) * strata.sums(b_squares * b)
    variance = strata.by_target(squares / np.maximum(n - 1, 1))
    # No shuffle of two values is skewed; of one there is none.
    third = strata.by_target(np.where(n > 2, n * cubes / np.maximum((n - 1) * (n - 2), 1), 0.0))
    mean = strata.by_target(n * a_mean * b_mean)
    excess = strata.by_target(strata.sums(a * b))  # r less its mean over all shuffles
    moves = variance > 0
    sd = np.sqrt(np.where(moves, variance, 1.0))
    skewness = np.where(moves, third / sd**3, 0.0)
    p = np.where(moves, np.maximum(upper_tail(excess / sd, skewness), fewest), 1.0)
    found = np.stack([mean, np.where(moves, sd, 0.0), skewness, p])
    flat = y[1] >= 1.0  # as `pooled_many`: r is 0 where only the predictions do not vary
    found = np.where(flat, np.array([0.0, 0.0, 0.0, 1.0])[:, None], found)
    return np.where((x[1] >= 1.0) | (sizes < 2), np.nan, found)


def _within(
    rows: Rows, noise: PerTarget, strata: _Strata, per_target: Int[np.ndarray, " targets"]
) -> tuple[Rows, PerStratum]:
    """Rows in the strata's order less their stratum's mean (0 where rounding alone varies), and the means."""
    rows = rows[strata.order]
    mean = strata.sums(rows) / strata.sizes
    spread = np.maximum.reduceat(rows, strata.starts) - np.minimum.reduceat(rows, strata.starts)
    varies = spread > np.repeat(noise, per_target)
    return np.where(np.repeat(varies, strata.sizes), rows - np.repeat(mean, strata.sizes), 0.0), mean


def _fewest_p(
    measured: Rows,
    strata: _Strata,
    starts: Int[np.ndarray, " targets"],
    sizes: Int[np.ndarray, " targets"],
) -> PerTarget:
    """One over a target's number of different shuffles, at most: the product over strata of n!/(low! high!).

    It bounds p where nearly all lines have one value, as of ordinal levels, and no tail can be trusted.
    """
    ways = gammaln(strata.sizes + 1.0)
    for edge in (np.minimum, np.maximum):
        ties = measured == np.repeat(edge.reduceat(measured, starts), sizes)
        ways -= gammaln(strata.sums(ties[strata.order].astype(np.float64)) + 1.0)
    return np.exp(-np.maximum(strata.by_target(ways), 0.0))
