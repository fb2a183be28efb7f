"""Whether predictions of one kind are better than their partners of another: paired tests, many at once.

Both tests are two-sided and take the pairs of one test as independent.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import stdtr, stdtrit

from modeling.statistics.metrics import CONSTANT_TOLERANCE, average_ranks

MOST_EXACT = 50  # pairs up to which the signed-rank p is exact; scipy's limit too

Pairs = Float64[np.ndarray, "tests pairs"]
PerTest = Float64[np.ndarray, " tests"]


@dataclass(frozen=True, eq=False)
class PairedTests:
    """One entry a test: pairs counted, their mean difference (first − second), t and its p, signed-rank p."""

    n: Int64[np.ndarray, " tests"]
    difference: PerTest
    t: PerTest
    t_p: PerTest
    wilcoxon_p: PerTest


def paired_tests(first: Pairs, second: Pairs) -> PairedTests:
    """Student's paired t-test and Wilcoxon's signed-rank test of each row; a pair with a NaN does not count.

    NaN: the mean of no pairs; both tests under two pairs; t where the differences do not vary; the
    signed-rank p where all are zero.
    """
    difference = differences(first, second)
    known = ~np.isnan(difference)
    n = known.sum(axis=1)
    mean = np.divide(
        np.where(known, difference, 0.0).sum(axis=1), n, out=np.full(len(n), np.nan), where=n > 0
    )
    t = _student(difference, n, mean)
    t_p = 2.0 * stdtr(np.maximum(n - 1, 1).astype(np.float64), -np.abs(t))
    return PairedTests(n, mean, t, t_p, np.where(n >= 2, signed_rank_p(difference), np.nan))


def differences(first: Pairs, second: Pairs) -> Pairs:
    """First − second; what differs by rounding alone (1e-12 of the larger) is exactly zero, NaN stays NaN."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    difference = a - b
    return np.where(np.abs(difference) <= CONSTANT_TOLERANCE * np.fmax(np.abs(a), np.abs(b)), 0.0, difference)


def _student(difference: Pairs, n: Int64[np.ndarray, " tests"], mean: PerTest) -> PerTest:
    """As `scipy.stats.ttest_1samp(difference, 0)`, which is `ttest_rel` of the pairs."""
    known = ~np.isnan(difference)
    squares = (np.where(known, difference - mean[:, None], 0.0) ** 2).sum(axis=1)
    high = np.where(known, difference, -np.inf).max(axis=1, initial=-np.inf)
    low = np.where(known, difference, np.inf).min(axis=1, initial=np.inf)
    varies = (n >= 2) & (high - low > CONSTANT_TOLERANCE * np.maximum(np.abs(high), np.abs(low)))
    error = np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
    return np.divide(mean, error, out=np.full(len(n), np.nan), where=varies)


def signed_rank_p(difference: Pairs) -> PerTest:
    """Two-sided p of Wilcoxon's signed-rank test of each row. Zeros and NaN are dropped; NaN if none is left.

    Up to `MOST_EXACT` differences exact, given the ranks (ties share their mean rank): as
    `scipy.stats.wilcoxon` with method "exact", or a full permutation where there are ties. Beyond, its normal
    approximation.
    """
    kept = ~(np.isnan(difference) | (difference == 0))
    n = kept.sum(axis=1)
    p = np.full(len(n), np.nan)
    for size in np.unique(n[n > 0]):
        rows = np.flatnonzero(n == size)
        values = difference[rows][kept[rows]].reshape(len(rows), size)
        p[rows] = _exact(values) if size <= MOST_EXACT else _approximate(values)
    return p


def _approximate(values: Pairs) -> PerTest:
    from scipy.stats import wilcoxon  # noqa: PLC0415 - scipy.stats takes a second to import

    return np.atleast_1d(wilcoxon(values, method="asymptotic", axis=1).pvalue)


def _exact(values: Pairs) -> PerTest:
    """Rows of one length without zeros. Ranks are doubled, so that shared ones are whole numbers too."""
    ranks = np.rint(2.0 * average_ranks(np.abs(values))).astype(np.int64)
    positive = np.where(values > 0, ranks, 0).sum(axis=1)
    p = np.empty(len(values))
    patterns, pattern_of = np.unique(np.sort(ranks, axis=1), axis=0, return_inverse=True)
    for i, pattern in enumerate(patterns):  # one, where no row has ties
        rows = np.flatnonzero(pattern_of.ravel() == i)
        upto = np.cumsum(_null(pattern))
        # The null is symmetric: as many as `positive` or more is as likely as `total - positive` or fewer.
        fewer = np.minimum(positive[rows], pattern.sum() - positive[rows])
        p[rows] = np.minimum(2.0 * upto[fewer], 1.0)
    return p


def _null(ranks: Int64[np.ndarray, " pairs"]) -> Float64[np.ndarray, " sums"]:
    """The probability of each sum of the positive differences' ranks, were every sign a fair coin."""
    chance = np.zeros(int(ranks.sum()) + 1)
    chance[0] = 1.0
    for rank in ranks:
        shifted = np.zeros_like(chance)
        shifted[rank:] = chance[: len(chance) - rank]
        chance = 0.5 * (chance + shifted)
    return chance


@dataclass(frozen=True)
class Paired:
    """What `compare_pairs` found; differences are first less second.

    `low` and `high` bound the mean difference (95%, Student's t). `t_p` and `wilcoxon_p` are the two-sided p
    of `paired_tests`, NaN where it says. All four take the pairs as independent.
    """

    n: int
    first_better: int
    second_better: int
    mean: float
    low: float
    high: float
    t_p: float
    wilcoxon_p: float


def compare_pairs(first: Float64[np.ndarray, " pairs"], second: Float64[np.ndarray, " pairs"]) -> Paired:
    """Compare the two scores of each thing; a pair with a NaN does not count."""
    tests = paired_tests(first[None, :], second[None, :])
    difference = differences(first[None, :], second[None, :])[0]
    mean, t = float(tests.difference[0]), float(tests.t[0])
    known = difference[~np.isnan(difference)]
    half = np.nan if np.isnan(t) else stdtrit(len(known) - 1, 0.975) * known.std(ddof=1) / len(known) ** 0.5
    return Paired(
        int(tests.n[0]),
        int((known > 0).sum()),
        int((known < 0).sum()),
        mean,
        mean - half,
        mean + half,
        float(tests.t_p[0]),
        float(tests.wilcoxon_p[0]),
    )
