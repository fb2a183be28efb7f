"""Two scores of the same things, compared pair by pair."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

FEWEST_PAIRS = 3


@dataclass(frozen=True)
class Paired:
    """What `compare_pairs` found; differences are first less second.

    `low` and `high` bound the mean difference (95%, Student's t). `t_p` is the paired t test's two-sided p,
    `wilcoxon_p` the signed-rank test's (zero differences dropped). All four are NaN under 3 pairs or where
    the differences do not vary, and all take the pairs as independent.
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
    """Compare pairs; those with a NaN do not count. scipy's `ttest_rel` and `wilcoxon`."""
    # Late: scipy.stats takes a second to import, which no other command should pay.
    from scipy import stats  # noqa: PLC0415

    known = ~(np.isnan(first) | np.isnan(second))
    difference = first[known] - second[known]
    n, mean = len(difference), float(difference.mean()) if known.any() else np.nan
    better, worse = int((difference > 0).sum()), int((difference < 0).sum())
    if n < FEWEST_PAIRS or np.ptp(difference) == 0:
        return Paired(n, better, worse, mean, np.nan, np.nan, np.nan, np.nan)
    t = stats.ttest_1samp(difference, 0.0)
    interval = t.confidence_interval(0.95)
    signed_rank = stats.wilcoxon(difference)
    return Paired(
        n,
        better,
        worse,
        mean,
        float(interval.low),
        float(interval.high),
        float(t.pvalue),
        float(signed_rank.pvalue),
    )
