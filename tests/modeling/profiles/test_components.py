"""Against scikit-learn's CCA where it converges, and against the textbooks' eigenvalue problem."""

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA

from modeling.profiles.components import ROWS_PER_COMPONENT, Canonical, fit_cca
from tests.reference.profiles import cca_slow, standardise_slow


def pair(rows: int, left: int, right: int, seed: int, shared: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Two matrices that share a few factors, each with noise and a scale and mean of its own."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((rows, shared)) * np.arange(1, shared + 1)
    x = factors @ rng.standard_normal((shared, left)) + 2 * rng.standard_normal((rows, left))
    y = factors @ rng.standard_normal((shared, right)) + 2 * rng.standard_normal((rows, right))
    return 5 + 3 * x, 0.1 * y - 1


def problems() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    x, y = pair(300, 6, 8, 0)
    constant, duplicate, scaled = x.copy(), x.copy(), x * 10.0 ** np.arange(-3, 3)
    constant[:, 2] = 0.1
    duplicate[:, 3], duplicate[:, 4] = duplicate[:, 0], 2 * duplicate[:, 1] + 1
    return {
        "ordinary": (x, y),
        "constant column": (constant, y),
        "rank-deficient": (duplicate, y),
        "mixed scales": (scaled, y),
        "both rank-deficient": (duplicate, np.hstack([y, y[:, :3]])),
        "levels 0, 1, 2": (x, np.digitize(y, [-1, -0.5]).astype(float)),
        "cut: more columns than rows": pair(60, 90, 80, 1),
        "cut on one side": pair(120, 4, 70, 2),
        "one column": pair(50, 1, 1, 3),
    }


@pytest.mark.parametrize("name", problems())
def test_correlations_and_variates_are_those_of_the_textbook(name: str):
    x, y = problems()[name]
    ours = fit_cca(x, y, rows_per_component=5)
    correlations, variates = cca_slow(x, y, len(x) // 5)
    np.testing.assert_allclose(ours.correlations, correlations, atol=1e-8)
    distinct = np.abs(np.diff(correlations, prepend=2.0, append=-1.0))
    for i in np.flatnonzero((distinct[:-1] > 0.01) & (distinct[1:] > 0.01)):
        theirs = variates[:, i] * np.sign(variates[:, i] @ ours.left.of(x)[:, i])
        np.testing.assert_allclose(ours.left.of(x)[:, i], theirs, atol=1e-6)


@pytest.mark.parametrize("name", ["ordinary", "constant column", "mixed scales", "levels 0, 1, 2"])
def test_agrees_with_scikit_learn_on_training_and_new_rows(name: str):
    x, y = problems()[name]
    kept = np.ptp(x, axis=0) > 0  # scikit-learn's numbers are not finite with a constant column
    ours = fit_cca(x[:200], y[:200])
    theirs = CCA(n_components=3, max_iter=100_000, tol=1e-14).fit(x[:200][:, kept], y[:200])
    for rows in (slice(200), slice(200, None)):
        left, right = theirs.transform(x[rows][:, kept], y[rows])
        for i in range(3):
            scale = np.std(theirs.transform(x[:200][:, kept])[:, i])
            sign = np.sign(left[:, i] @ ours.left.of(x[rows])[:, i])
            np.testing.assert_allclose(
                ours.left.of(x[rows])[:, i], sign * left[:, i] / scale, atol=1e-5, rtol=1e-5
            )
            np.testing.assert_allclose(
                np.corrcoef(ours.left.of(x[rows])[:, i], ours.right.of(y[rows])[:, i])[0, 1],
                np.corrcoef(left[:, i], right[:, i])[0, 1],
                atol=1e-7,
            )


@pytest.mark.parametrize("name", problems())
def test_variates_are_white_and_correlate_as_told(name: str):
    x, y = problems()[name]
    ours = fit_cca(x, y, rows_per_component=5)
    left, right = ours.left.of(x), ours.right.of(y)
    identity = np.eye(len(ours))
    np.testing.assert_allclose(left.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(left.T @ left / len(x), identity, atol=1e-9)
    np.testing.assert_allclose(right.T @ right / len(x), identity, atol=1e-9)
    np.testing.assert_allclose(left.T @ right / len(x), np.diag(ours.correlations), atol=1e-9)


def test_planted_components_are_found_in_rows_not_seen():
    x, y = pair(3000, 40, 50, 4)
    ours = fit_cca(x[:2000], y[:2000])
    tested = correlations_of(ours, x[2000:], y[2000:])
    assert (ours.correlations[:3] > 0.85).all()
    assert (tested[:3] > 0.85).all()
    assert (np.abs(tested[3:]) < 0.12).all()


def test_noise_stays_below_what_is_told_where_columns_exceed_rows():
    """Of plain CCA every correlation would be 1 here."""
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((400, 983)), rng.standard_normal((400, 983))
    ours = fit_cca(x, y)
    assert len(ours) == 400 // ROWS_PER_COMPONENT
    share = 1 / ROWS_PER_COMPONENT
    bound = 2 * np.sqrt(share * (1 - share))
    assert 0.8 * bound < ours.correlations[0] < 1.1 * bound


def test_identical_matrices_correlate_at_exactly_at_most_one():
    x, _ = pair(300, 5, 5, 6)
    correlations = fit_cca(x, x).correlations
    np.testing.assert_allclose(correlations, 1, atol=1e-12)
    assert correlations.max() <= 1


def test_all_columns_constant_give_no_components():
    ours = fit_cca(np.full((40, 3), 0.1), pair(40, 2, 4, 7)[1])
    assert len(ours) == 0
    assert ours.left.of(np.ones((5, 3))).shape == (5, 0)


def test_same_bits_twice_and_signs_settled():
    x, y = pair(200, 9, 7, 8)
    once, again = fit_cca(x, y), fit_cca(x.copy(), y.copy())
    assert np.array_equal(once.left.weights, again.left.weights)
    largest = np.abs(once.left.weights).argmax(axis=0)
    assert (once.left.weights[largest, np.arange(len(once))] > 0).all()


def test_a_gap_is_refused():
    x, y = pair(30, 3, 3, 9)
    x[4, 1] = np.nan
    with pytest.raises(ValueError, match="column 1"):
        fit_cca(x, y)


def correlations_of(canonical: Canonical, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    left, right = standardise_both(canonical.left.of(x)), standardise_both(canonical.right.of(y))
    return (left * right).mean(axis=0)


def standardise_both(variates: np.ndarray) -> np.ndarray:
    return standardise_slow(variates, variates)
