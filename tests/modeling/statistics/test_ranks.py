import numpy as np
from scipy import stats

from modeling.statistics.ranks import BLOCK_ROWS, centred_ranks


def test_ranks_are_scipy_average_ranks_around_zero():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((BLOCK_ROWS + 7, 31))
    values[::2] = np.round(values[::2])
    values[5] = 3.25
    values[6] = -0.0
    values[6, ::3] = 0.0  # equal to -0.0
    expected = stats.rankdata(values, axis=1) - (31 + 1) / 2
    np.testing.assert_array_equal(centred_ranks(values), expected)
    assert not centred_ranks(values)[[5, 6]].any()


def test_doubled_ranks_are_integers_that_sum_to_zero():
    ranks = centred_ranks(np.round(np.random.default_rng(1).standard_normal((50, 40)), 1))
    np.testing.assert_array_equal(2 * ranks, np.round(2 * ranks))
    assert not ranks.sum(axis=1).any()
