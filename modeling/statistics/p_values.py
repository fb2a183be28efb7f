"""Two-sided p-values of the three tests, exactly, and as tables that a kernel can read without scipy.

A test's *magnitude* is what its p-value falls with: |r| for both correlations, the square root of chi-squared
(in that scale the logarithm of p is smooth from 0 on, for every number of degrees of freedom).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from jaxtyping import Float64
from scipy import special

LOG_P_TOLERANCE = 1e-10  # of the interpolated logarithm of p, so of p itself, relatively
SMALLEST_P = 1e-280  # below it p soon underflows and its logarithm is not tabulated
FEWEST_KNOTS, MOST_KNOTS = 1024, 1 << 17

Correlation = Callable[[Float64[np.ndarray, " k"], int], Float64[np.ndarray, " k"]]
Function = Callable[[Float64[np.ndarray, " k"]], Float64[np.ndarray, " k"]]


def correlation_p(magnitude: Float64[np.ndarray, " k"], n_lines: int) -> Float64[np.ndarray, " k"]:
    """Two-sided p of |r| or |rho| over `n_lines` pairs, as `scipy.stats.spearmanr`.

    Under independence (r + 1) / 2 has the beta distribution with a = b = n / 2 - 1.
    """
    shape = n_lines / 2 - 1
    tail = (1.0 - np.minimum(magnitude, 1.0)) / 2
    return np.minimum(2.0 * special.betainc(shape, shape, tail), 1.0)


def pearson_p(magnitude: Float64[np.ndarray, " k"], n_lines: int) -> Float64[np.ndarray, " k"]:
    """`correlation_p` with the rounding of `scipy.stats.pearsonr`, which counts from r = -1.

    So it loses digits of p near r = 1, up to whole percents: kept, because scipy's p is what is promised.
    """
    shape = n_lines / 2 - 1
    return np.minimum(2.0 * special.betaincc(shape, shape, (np.minimum(magnitude, 1.0) + 1.0) / 2), 1.0)


def chi_squared_p(magnitude: Float64[np.ndarray, " k"], freedom: int) -> Float64[np.ndarray, " k"]:
    """Upper tail of chi-squared = magnitude^2, as `scipy.stats.chi2.sf`; 1 without degrees of freedom."""
    if freedom == 0:
        return np.ones_like(magnitude)
    return special.chdtrc(freedom, np.square(magnitude))


@dataclass(frozen=True, eq=False)  # the same only if it is the same: tables are keys of caches
class TestTable:
    """All that step-up control of one test over `tested` genes needs.

    Attributes:
        critical: the magnitudes at which p equals fdr * j / tested, j = 1..tested (so decreasing).
        log_p: logarithm of p at knots 0, step, 2 step, ...
        slope: its derivative times step, at the knots.
        step: distance of the knots.
        log_rank: logarithm of j at index j (minus infinity at 0).
        exact: p at any magnitude.
    """

    critical: Float64[np.ndarray, " tested"]
    log_p: Float64[np.ndarray, " knots"]
    slope: Float64[np.ndarray, " knots"]
    step: float
    log_rank: Float64[np.ndarray, " ranks"]
    exact: Function

    @property
    def tested(self) -> int:
        """Number of genes with a p-value."""
        return len(self.critical)

    @property
    def limit(self) -> float:
        """Largest magnitude at which log p is tabulated."""
        return self.step * (len(self.log_p) - 1)


@lru_cache(maxsize=16)
def correlation_table(n_lines: int, tested: int, fdr: float, exact: Correlation = correlation_p) -> TestTable:
    """Table of Pearson's (exact: `pearson_p`) or Spearman's test on `n_lines` cell lines."""
    shape = n_lines / 2 - 1
    critical = 1.0 - 2.0 * special.betaincinv(shape, shape, _steps(tested, fdr) / 2)

    def log_density(magnitude: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
        return (shape - 1) * np.log1p(-np.square(magnitude)) - special.betaln(0.5, shape) + np.log(2.0)

    # p is about (1 - r^2)^shape far out, which says how far it stays above the smallest p tabulated.
    reach = float(np.sqrt(-np.expm1(np.log(SMALLEST_P) / shape)))
    return _table(critical, lambda magnitude: exact(magnitude, n_lines), log_density, min(reach, 0.95))


@lru_cache(maxsize=32)
def chi_squared_table(freedom: int, tested: int, fdr: float) -> TestTable:
    """Table of the chi-squared test with 0 to 5 degrees of freedom; with 0 nothing is ever significant."""
    if freedom == 0:
        level = np.zeros(2)
        exact = partial(chi_squared_p, freedom=0)
        return TestTable(np.full(tested, np.inf), level, level, 1.0, _log_ranks(tested), exact)
    critical = np.sqrt(special.chdtri(freedom, _steps(tested, fdr)))
    exact = partial(chi_squared_p, freedom=freedom)
    scale = (freedom / 2 - 1) * np.log(2.0) + special.gammaln(freedom / 2)

    def log_density(magnitude: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
        return special.xlogy(freedom - 1, magnitude) - np.square(magnitude) / 2 - scale

    return _table(critical, exact, log_density, float(np.sqrt(special.chdtri(freedom, SMALLEST_P))))


def _steps(tested: int, fdr: float) -> Float64[np.ndarray, " tested"]:
    return fdr * np.arange(1, tested + 1) / max(tested, 1)


def _table(critical: np.ndarray, exact: Function, log_density: Function, reach: float) -> TestTable:
    """Tabulate log p as a cubic Hermite spline, with knots doubled until it holds `LOG_P_TOLERANCE`.

    The error of such a spline is largest midway between knots, where it is measured.
    """
    knots = FEWEST_KNOTS
    while True:
        at = np.linspace(0.0, reach, knots + 1)
        log_p = np.log(exact(at))
        slope = -np.exp(log_density(at) - log_p) * (reach / knots)
        middle = (log_p[:-1] + log_p[1:]) / 2 + (slope[:-1] - slope[1:]) / 8
        error = np.abs(middle - np.log(exact((at[:-1] + at[1:]) / 2))).max()
        if error <= LOG_P_TOLERANCE:
            break
        if knots == MOST_KNOTS:
            raise ValueError(
                f"log p is too rough to tabulate: error {error:.1e} with {knots} knots up to {reach}"
            )
        knots *= 2
    return TestTable(critical, log_p, slope, reach / knots, _log_ranks(len(critical)), exact)


def _log_ranks(tested: int) -> Float64[np.ndarray, " ranks"]:
    with np.errstate(divide="ignore"):
        return np.log(np.arange(tested + 1))
