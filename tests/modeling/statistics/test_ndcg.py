import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from modeling.statistics.ndcg import FEWEST, TOP, ranked


def lists(kind, rng, things=120):
    """Strengths measured and predicted: of three levels with many ties, or continuous."""
    measured, predicted = rng.normal(size=(2, things))
    predicted += measured
    if kind == "levels":
        measured = np.round(measured)
    if kind in ("levels", "tied forecasts"):
        predicted = np.round(predicted * 0.8)
    if kind == "no forecasts":
        predicted = np.zeros(things)
    if kind == "few above":
        measured -= 2.2
    return measured, predicted


@pytest.mark.parametrize("kind", ["continuous", "levels", "tied forecasts", "no forecasts", "few above"])
def test_ndcg_is_scikit_learns(kind):
    rng = np.random.default_rng(0)
    for _ in range(20):
        measured, predicted = lists(kind, rng)
        gains = np.maximum(measured, 0)
        expected = ndcg_score(gains[None], predicted[None], k=TOP) if gains.any() else np.nan
        found = ranked(measured, predicted)
        assert found.ndcg == pytest.approx(expected, abs=1e-12, nan_ok=True)
        # Without any order every place is a tie of all, which is what a random order has on average.
        chance = ndcg_score(gains[None], np.zeros_like(gains)[None], k=TOP) if gains.any() else np.nan
        assert found.chance == pytest.approx(chance, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("kind", ["continuous", "levels", "no forecasts"])
def test_the_share_found_is_the_mean_over_random_orders_of_ties(kind):
    rng = np.random.default_rng(1)
    measured, predicted = lists(kind, rng)
    shares = []
    for _ in range(2000):
        noise = rng.permutation(len(measured)), rng.permutation(len(measured))
        tops = [set(np.lexsort((n, -v))[:TOP]) for n, v in zip(noise, (measured, predicted), strict=True)]
        shares.append(len(tops[0] & tops[1]) / TOP)
    error = np.std(shares) / np.sqrt(len(shares))
    assert ranked(measured, predicted).found == pytest.approx(np.mean(shares), abs=4 * error + 1e-12)


def test_the_best_and_the_worst_order():
    values = np.arange(50.0) - 25
    assert (ranked(values, values).ndcg, ranked(values, values).found) == (pytest.approx(1.0), 1.0)
    assert (ranked(values, -values).ndcg, ranked(values, -values).found) == (0.0, 0.0)


def test_what_says_nothing_is_null():
    values = np.arange(float(FEWEST - 1))
    assert np.isnan(list(vars(ranked(values, values)).values())).all()
    below = ranked(-1 - np.arange(30.0), np.arange(30.0))
    assert np.isnan([below.ndcg, below.chance]).all()
    assert below.found == 0.0


def test_the_order_of_things_does_not_matter():
    rng = np.random.default_rng(2)
    measured, predicted = lists("levels", rng)
    order = rng.permutation(len(measured))
    first, second = ranked(measured, predicted), ranked(measured[order], predicted[order])
    assert vars(second) == pytest.approx(vars(first), abs=1e-14)
