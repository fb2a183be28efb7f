"""Two scores of the same things, compared pair by pair."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.special import stdtrit

from modeling.statistics.paired_many import differences, paired_tests


@dataclass(frozen=True)
class Paired:
    """What `compare_pairs` found; differences are first less second.

    `low` and `high` bound the mean difference (95%, Student's t). `t_p` and `wilcoxon_p` are the two-sided p
    of `modeling.statistics.paired_many`, NaN where it says. All four take the pairs as independent.
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
    """Compare pairs, of which those with a NaN do not count."""
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
