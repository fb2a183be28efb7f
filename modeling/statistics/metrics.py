"""How good predictions are, one target and fold at a time. `pooling` scores a target over all its folds."""

import math
from collections.abc import Sequence, Set
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64

Values = Float[np.ndarray, " lines"]
# A thousand roundings of float64, yet far below any measured difference.
CONSTANT_TOLERANCE = 1e-12


def varies(values: Values, scale: float = 0.0) -> bool:
    """Whether values differ by more than rounding: range > 1e-12 × the largest magnitude. False for none.

    `scale` is the size of what the values were computed from, where that is larger than they are: a sum that
    should be 0 is a few roundings of its terms.
    """
    return _Values(values).vary(scale) if values.size else False


class Measured:
    """Measured values of one target, which several predictions are compared with."""

    def __init__(self, values: Values) -> None:
        self._values = _Values(_vector(values))
        self._range = self._values.high - self._values.low
        is_usable = self._values.are_finite and self._values.vary()
        self._scaled = _scaled(self._values) if is_usable else None

    def pearson(self, predicted: Values) -> float:
        """Pearson's r; nan where the measured values are constant, 0 where only the prediction is.

        Both are in one unit: predictions whose range is within 1e-12 of the measured values' are constant. A
        NaN or infinite value on either side makes the result nan: nothing is skipped here.
        """
        y = self._alike(predicted)
        if self._scaled is None or not y.are_finite:
            return math.nan
        return _correlation(self._scaled, _scaled(y)) if y.vary(self._range) else 0.0

    def spearman(self, predicted: Values) -> float:
        """Spearman's ρ, average ranks for ties (as `scipy.stats.spearmanr`); nan and 0 as in `pearson`."""
        y = self._alike(predicted)
        if self._scaled is None or not y.are_finite:
            return math.nan
        return _correlation(_ranked(self._values), _ranked(y)) if y.vary(self._range) else 0.0

    def rmse(self, predicted: Values) -> float:
        """Root of the mean squared error, in the effect's unit; nan for no lines."""
        errors = self._values.values - self._alike(predicted).values
        return math.sqrt(_mean(errors**2)) if errors.size else math.nan

    def _alike(self, predicted: Values) -> "_Values":
        y = _vector(predicted)
        if self._values.values.shape != y.shape:
            raise ValueError(
                f"measured and predicted must be equally long vectors, got {self._values.values.shape} and "
                f"{y.shape}"
            )
        return _Values(y)


def pearson(measured: Values, predicted: Values) -> float:
    """As `Measured.pearson`."""
    return Measured(measured).pearson(predicted)


def spearman(measured: Values, predicted: Values) -> float:
    """As `Measured.spearman`."""
    return Measured(measured).spearman(predicted)


def rmse(measured: Values, predicted: Values) -> float:
    """As `Measured.rmse`."""
    return Measured(measured).rmse(predicted)


def average_ranks(values: Float[np.ndarray, " values"]) -> Float64[np.ndarray, " values"]:
    """Ranks from 1; ties share their mean. `scipy.stats.rankdata` of finite values, without its import."""
    order = np.argsort(values)
    ordered = values[order]
    is_new = np.ones(len(values), dtype=bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    begins = np.flatnonzero(is_new)
    ranks = np.empty(len(values))
    if len(begins) == len(values):
        ranks[order] = np.arange(1.0, len(values) + 1)
        return ranks
    ties = np.diff(begins, append=len(values))
    ranks[order] = np.repeat(begins + (ties + 1) / 2, ties)
    return ranks


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


def _vector(values: Values) -> Values:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1:
        raise ValueError(f"measured and predicted must be equally long vectors, got {x.shape}")
    return x


def _mean(values: Values) -> float:
    """As `values.mean()`, to the bit, in half the time that short vectors take."""
    return float(np.add.reduce(values)) / len(values)


class _Values:
    """A vector, its lowest and its highest value: NaN if there is one among them, or none at all."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.low = float(np.minimum.reduce(values)) if values.size else math.nan
        self.high = float(np.maximum.reduce(values)) if values.size else math.nan

    @property
    def are_finite(self) -> bool:
        """Whether all values are."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def vary(self, scale: float = 0.0) -> bool:
        """As `varies`."""
        return self.high - self.low > CONSTANT_TOLERANCE * max(abs(self.low), abs(self.high), scale)


class _Scaled(NamedTuple):
    """Values less their mean, over the largest of them, so that their sum of `squares` cannot overflow."""

    values: Values
    squares: float


def _scaled(of: _Values) -> _Scaled:
    mean = _mean(of.values)
    values = (of.values - mean) / max(of.high - mean, mean - of.low)
    return _Scaled(values, float(values @ values))


def _ranked(of: _Values) -> _Scaled:
    return _scaled(_Values(average_ranks(of.values)))


def _correlation(x: _Scaled, y: _Scaled) -> float:
    """Pearson's r of two vectors that vary."""
    return min(1.0, max(-1.0, float(x.values @ y.values) / math.sqrt(x.squares * y.squares)))
