"""Ranking of drugs against ridge regression written down step by step, with scikit-learn."""

import numpy as np
import pytest

from modeling.kernels.distances import scaling_of, standardised
from modeling.kernels.kernels import Laplacian, Linear
from modeling.profiles.drug_ranking import FEATURES, FEWEST_MEASURED, Ranking, fit_ranking, predict_drugs
from tests.reference.drugs import ranking_slow

LINES, NEW, GENES, TARGETS, DRUGS = 36, 6, 14, 7, 5


def matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Expression of training and of new lines, dependency and response with gaps."""
    rng = np.random.default_rng(4)
    expression = rng.gamma(2.0, 1.5, (LINES + NEW, GENES)).astype(np.float32)
    expression[:, 6] = 1.5  # tells no line from another
    dependency = (expression[:LINES, :TARGETS] + rng.standard_normal((LINES, TARGETS))).astype(np.float32)
    dependency[2, 3] = dependency[9, 0] = np.nan
    response = dependency[:, :DRUGS] * 0.1 + 0.05 * rng.standard_normal((LINES, DRUGS)) + np.arange(DRUGS)
    response = np.nan_to_num(response, nan=0.4).astype(np.float32)
    response[:8, 1] = np.nan
    response[rng.random(LINES) < 0.2, 2] = np.nan
    response[:7, 4] = np.nan
    return expression[:LINES], expression[LINES:], dependency, response


def predict(found: Ranking, features: str, train: np.ndarray, new: np.ndarray) -> np.ndarray:
    scaling = scaling_of(train)
    lines, others = (standardised(x, scaling) for x in (train, new))
    known = (~np.isnan(new) & scaling.varies).sum(axis=1)
    return predict_drugs(found.weights[features], found.kernel, others, lines, known)


@pytest.mark.long
def test_predictions_equal_those_of_ridge_written_down():
    train, new, dependency, response = matrices()
    response = response[:, [0, 1, 4]]
    found = fit_ranking(train, dependency, response)
    assert found.kernel == Laplacian()  # too few targets to choose another by
    slow = ranking_slow(train, dependency, response, new, Linear.penalties, Laplacian.penalties, 0.25, 0.7)
    for features in FEATURES:
        made = predict(found, features, train, new)
        np.testing.assert_allclose(made, slow[features], rtol=1e-5, atol=1e-5)
        assert np.ptp(made, axis=0).min() > 1e-4  # something was fitted


def test_moments_are_those_of_the_lines_measured():
    train, _, dependency, response = matrices()
    found = fit_ranking(train, dependency, response)
    np.testing.assert_allclose(found.mean, np.nanmean(response.astype(np.float64), axis=0))
    np.testing.assert_allclose(found.sd, np.nanstd(response.astype(np.float64), axis=0))
    assert found.count.tolist() == (~np.isnan(response)).sum(axis=0).tolist()


def test_a_drug_is_the_same_alone_and_among_others():
    train, new, dependency, response = matrices()
    together, alone = (fit_ranking(train, dependency, r) for r in (response, response[:, [2]]))
    for features in FEATURES:
        np.testing.assert_allclose(
            predict(together, features, train, new)[:, 2],
            predict(alone, features, train, new)[:, 0],
            rtol=1e-12,
        )


def test_a_drug_measured_on_too_few_lines_is_not_predicted_and_costs_the_others_nothing():
    train, new, dependency, response = matrices()
    fewer = response.copy()
    fewer[FEWEST_MEASURED - 1 :, 0] = np.nan
    fewer[:, 3] = np.nan
    found, whole = (fit_ranking(train, dependency, r) for r in (fewer, response))
    for features in FEATURES:
        made = predict(found, features, train, new)
        assert np.isnan(made[:, [0, 3]]).all()
        others = [1, 2, 4]
        np.testing.assert_allclose(
            made[:, others], predict(whole, features, train, new)[:, others], rtol=1e-12
        )
    assert np.isnan(found.mean[3])
    assert found.count[3] == 0


@pytest.mark.parametrize("targets", [0, 1])
def test_without_varying_targets_dependency_predicts_the_mean_of_the_lines_measured(targets: int):
    train, new, _, response = matrices()
    found = fit_ranking(train, np.ones((LINES, targets), np.float32), response)
    made = predict(found, "dependency", train, new)
    np.testing.assert_allclose(made, np.tile(found.mean, (NEW, 1)), rtol=1e-6)
    assert np.ptp(predict(found, "both", train, new), axis=0).min() > 0


def test_a_constant_drug_is_predicted_as_it_is():
    train, new, dependency, response = matrices()
    response[:, 0] = 0.75
    found = fit_ranking(train, dependency, response)
    for features in FEATURES:
        np.testing.assert_allclose(predict(found, features, train, new)[:, 0], 0.75, rtol=1e-9)


def test_a_gene_that_is_not_known_is_left_out_of_the_comparison():
    train, new, dependency, response = matrices()
    found = fit_ranking(train, dependency, response)
    holed = new.copy()
    holed[0, 2] = np.nan
    made, whole = (predict(found, "both", train, x) for x in (holed, new))
    assert np.isfinite(made).all()
    assert not np.array_equal(made[0], whole[0])
    np.testing.assert_allclose(made[1:], whole[1:], rtol=1e-12)
