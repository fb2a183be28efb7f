"""How good predictions are, one fold at a time. `pooling` scores a target over all its folds.

Targets measured on the same lines are compared together, a row each. A row's result has the same bits in any
company: sums and products go along rows, never across.
"""

import math
from collections.abc import Sequence, Set
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64

Values = Float[np.ndarray, " lines"]
Matrix = Float[np.ndarray, "targets lines"]
PerTarget = Float64[np.ndarray, " targets"]
# A thousand roundings of float64, yet far below any measured difference.
CONSTANT_TOLERANCE = 1e-12


def varies(values: Matrix) -> Bool[np.ndarray, " targets"]:
    """Whether each row's values differ by more than rounding: range > 1e-12 × the largest magnitude."""
    return _Rows(np.asarray(values, dtype=np.float64)).vary()


class Measured:
    """Measured values of targets, a row each, which several predictions are compared with."""

    def __init__(self, values: Matrix) -> None:
        self._rows = _Rows(_matrix(values))
        self._range = self._rows.high - self._rows.low
        self._usable = self._rows.are_finite & self._rows.vary()

    def pearson(self, predicted: Matrix) -> PerTarget:
        """Pearson's r; nan where the measured values are constant, 0 where only the prediction is.

        Both are in one unit: predictions whose range is within 1e-12 of the measured values' are constant. A
        NaN or infinite value on either side makes the result nan: nothing is skipped here.
        """
        y = self._alike(predicted)
        if not y.are_finite.any():  # a baseline that knows nothing
            return np.full(len(y.values), np.nan)
        return self._correlation(y, self._scaled, y.scaled())

    def spearman(self, predicted: Matrix) -> PerTarget:
        """Spearman's ρ, average ranks for ties (as `scipy.stats.spearmanr`); nan and 0 as in `pearson`."""
        y = self._alike(predicted)
        return self._correlation(y, self._ranked, y.ranked())

    def rmse(self, predicted: Matrix) -> PerTarget:
        """Root of the mean squared error, in the effect's unit; nan for no lines."""
        errors = self._rows.values - self._alike(predicted).values
        return np.sqrt(_means(errors**2))

    @cached_property
    def _scaled(self) -> "_Scaled":
        return self._rows.scaled()

    @cached_property
    def _ranked(self) -> "_Scaled":
        return self._rows.ranked()

    def _correlation(self, y: "_Rows", a: "_Scaled", b: "_Scaled") -> PerTarget:
        with np.errstate(divide="ignore", invalid="ignore"):  # of rows that are constant or not finite
            r = np.clip(np.vecdot(a.values, b.values) / np.sqrt(a.squares * b.squares), -1.0, 1.0)
        known = self._usable & y.are_finite
        return np.where(known, np.where(y.vary(self._range), r, 0.0), np.nan)

    def _alike(self, predicted: Matrix) -> "_Rows":
        y = _matrix(predicted)
        if self._rows.values.shape != y.shape:
            raise ValueError(
                f"measured and predicted must be equally long, got {self._rows.values.shape} and {y.shape}"
            )
        return _Rows(y)


def pearson(measured: Values, predicted: Values) -> float:
    """As `Measured.pearson`, of one target."""
    return float(Measured(measured[None]).pearson(predicted[None])[0])


def spearman(measured: Values, predicted: Values) -> float:
    """As `Measured.spearman`, of one target."""
    return float(Measured(measured[None]).spearman(predicted[None])[0])


def rmse(measured: Values, predicted: Values) -> float:
    """As `Measured.rmse`, of one target; in a quarter of the time."""
    if measured.shape != predicted.shape:
        raise ValueError(
            f"measured and predicted must be equally long, got {measured.shape} and {predicted.shape}"
        )
    errors = np.asarray(measured, dtype=np.float64) - predicted
    return math.sqrt(float(np.add.reduce(errors**2)) / len(errors)) if errors.size else math.nan


def average_ranks(values: Float[np.ndarray, "*rows values"]) -> Float64[np.ndarray, "*rows values"]:
    """Ranks from 1; ties share their mean. `scipy.stats.rankdata` of finite values, without its import.

    Of a matrix, each row by itself.
    """
    n = values.shape[-1]
    if not n:
        return np.empty(values.shape)
    order = np.argsort(values.reshape(-1, n), axis=1)
    order = (order + n * np.arange(len(order))[:, None]).ravel()  # rows end to end
    ordered = values.ravel()[order]
    is_new = np.ones(values.size, dtype=bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    is_new[::n] = True  # no tie crosses rows
    ranks = np.empty(values.size)
    if is_new.all():
        ranks[order] = np.tile(np.arange(1.0, n + 1), values.size // n)
    else:
        begins = np.flatnonzero(is_new)
        ties = np.diff(begins, append=values.size)
        ranks[order] = np.repeat(begins % n + (ties + 1) / 2, ties)
    return ranks.reshape(values.shape)


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


def _matrix(values: Matrix) -> Matrix:
    x = np.ascontiguousarray(values, dtype=np.float64)  # in this order sums along a row are those of a vector
    if x.ndim != 2:
        raise ValueError(f"measured and predicted must be rows of targets, got the shape {x.shape}")
    return x


def _means(values: Matrix) -> PerTarget:
    """Of each row, to the bit that of the row alone; NaN of no lines."""
    lines = values.shape[1]
    return np.add.reduce(values, axis=1) / lines if lines else np.full(len(values), np.nan)


class _Rows:
    """Rows, the lowest and the highest value of each: NaN if there is one among them, or none at all."""

    def __init__(self, values: Matrix) -> None:
        self.values = values
        if values.shape[1]:
            self.low, self.high = values.min(axis=1), values.max(axis=1)
        else:
            self.low = self.high = np.full(len(values), np.nan)

    @property
    def are_finite(self) -> Bool[np.ndarray, " targets"]:
        """Whether all values of a row are."""
        return np.isfinite(self.low) & np.isfinite(self.high)

    def vary(self, scale: PerTarget | float = 0.0) -> Bool[np.ndarray, " targets"]:
        """As `varies`; `scale` is the size of what values were computed from, where larger than they are.

        A sum that should be 0 is a few roundings of its terms.
        """
        with np.errstate(invalid="ignore"):  # infinite values
            size = np.maximum(np.maximum(np.abs(self.low), np.abs(self.high)), scale)
            return self.high - self.low > CONSTANT_TOLERANCE * size

    def scaled(self) -> "_Scaled":
        """Values less their mean, over the largest of them; nonsense where constant or not finite."""
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = _means(self.values)
            values = self.values - mean[:, None]
            values /= np.maximum(self.high - mean, mean - self.low)[:, None]
            return _Scaled(values, np.vecdot(values, values))

    def ranked(self) -> "_Scaled":
        """As `scaled`, of the ranks."""
        return _Rows(average_ranks(self.values)).scaled()


class _Scaled(NamedTuple):
    """Rows of mean 0 whose largest value is 1, so that their sums of `squares` cannot overflow."""

    values: Matrix
    squares: PerTarget
