"""How much better one prediction correlates with the measured values than another, and how sure that is.

Both correlations come from the same cell lines and share the measured values, so they are not independent:
Zou, Psychological Methods 2007 (12:399), section "overlapping correlations", gives an interval for their
difference from the two Fisher intervals and the correlation between the two predictions.
"""

import math

from scipy.special import ndtri

FEWEST = 10  # rows; below, the interval says nothing


def difference_interval(
    first: float, second: float, between: float, n: int, level: float = 0.95
) -> tuple[float, float]:
    """Interval of `first` less `second`, the correlations of two predictions with one measured vector.

    `between` is the correlation of the two predictions with each other, `n` the rows that all three come
    from. Approximate: rows are taken as independent. (nan, nan) under `FEWEST` rows or where one of the three
    is not a number.
    """
    if n < FEWEST or any(math.isnan(r) for r in (first, second, between)):
        return math.nan, math.nan
    low_1, high_1 = _fisher(first, n, level)
    low_2, high_2 = _fisher(second, n, level)
    shared = _correlation_of_correlations(first, second, between)
    difference = first - second

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a + b * b - 2 * shared * a * b))

    return (
        difference - reach(first - low_1, high_2 - second),
        difference + reach(high_1 - first, second - low_2),
    )


def _fisher(r: float, n: int, level: float) -> tuple[float, float]:
    half = float(ndtri(0.5 + level / 2)) / math.sqrt(n - 3)
    z = math.atanh(min(max(r, -1 + 1e-15), 1 - 1e-15))
    return math.tanh(z - half), math.tanh(z + half)


def _correlation_of_correlations(first: float, second: float, between: float) -> float:
    """Of the sampling errors of the two r (Pearson and Filon 1898, for r that share a variable)."""
    rest = (1 - first**2) * (1 - second**2)
    if rest <= 0:
        return 0.0
    inner = (between - first * second / 2) * (1 - first**2 - second**2 - between**2) + between**3
    return min(1.0, max(-1.0, inner / rest))
