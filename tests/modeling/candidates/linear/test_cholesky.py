import numpy as np

from modeling.candidates.linear.cholesky import follow_support, solve_factored


def empty_factor(n):
    return np.empty((n, n)), np.empty((n, n)), np.empty(n, dtype=np.int64)


def test_the_factor_follows_features_that_come_and_go():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 15))
    gram = x.T @ x
    upper, lower, order = empty_factor(15)
    size = 0
    for _ in range(200):
        weights = np.where(rng.random(15) < rng.random(), rng.normal(size=15), 0.0)
        size = follow_support(gram, weights, upper, lower, order, size)
        support = order[:size]
        np.testing.assert_array_equal(np.sort(support), np.flatnonzero(weights))
        right = rng.normal(size=15)
        found = right.copy()
        solve_factored(upper, lower, size, found)
        expected = np.linalg.solve(gram[np.ix_(support, support)], right[:size])
        np.testing.assert_allclose(found[:size], expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(found[size:], right[size:])


def test_features_the_others_span_are_left_out():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 5))
    x[:, 3] = x[:, 0] - 2 * x[:, 1]
    gram = x.T @ x
    upper, lower, order = empty_factor(5)
    size = follow_support(gram, np.ones(5), upper, lower, order, 0)
    np.testing.assert_array_equal(order[:size], [0, 1, 2, 4])
    # Once one of those that span it leaves, it can come in.
    size = follow_support(gram, np.array([0.0, 1, 1, 1, 1]), upper, lower, order, size)
    np.testing.assert_array_equal(np.sort(order[:size]), [1, 2, 3, 4])
