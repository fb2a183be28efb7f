import warnings

import numpy as np
import pytest

from modeling.networks.mlp import count_weights
from modeling.networks.training_state import Schedule
from modeling.profiles.models import fit_profiles, without_gaps
from modeling.profiles.network import UNITS, fit_network, hidden_units, validation_split

QUICK = Schedule(epochs=40, patience=20, learning_rate=3e-3)


def planted(genes: int, lines: int, seed: int, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Effects that follow a few factors of the expression, linearly, in every line."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((genes, 4))
    # The loadings are the same for any number of genes, so that all are of one population.
    loads = np.random.default_rng(99).standard_normal((2, 4, lines))
    expression = 5 + factors @ loads[0] + noise * rng.standard_normal((genes, lines))
    effect = factors @ loads[1] - 1 + noise * rng.standard_normal((genes, lines))
    return expression.astype(np.float32), effect


def acc(effect: np.ndarray, predicted: np.ndarray) -> float:
    return float(
        np.mean([np.corrcoef(y, predicted)[0, 1] for y, predicted in zip(effect.T, predicted.T, strict=True)])
    )


def test_planted_linear_structure_is_recovered_by_every_model_but_the_mean():
    expression, effect = planted(900, 60, 0)
    fits = fit_profiles(expression[:700], effect[:700], 1, schedule=QUICK)
    scores = {name: acc(effect[700:], model.predict(expression[700:])) for name, model in fits.models.items()}
    for name in ("ols", "ridge", "network", "cca 10 + network"):
        assert scores[name] > 0.9, scores
    assert scores["mean expression"] < 0.5, scores
    assert scores["ols"] <= scores["ridge"] + 1e-3
    assert (fits.canonical.correlations[:4] > 0.9).all()
    assert fits.canonical.correlations[4] < 0.6


def test_a_network_sees_what_no_line_can():
    """Effect is greatest at middling expression: linear models have nothing to say."""
    rng = np.random.default_rng(2)
    mean = rng.uniform(-2, 2, (900, 1))
    expression = (mean + 0.3 * rng.standard_normal((900, 12))).astype(np.float32)
    effect = mean**2 + 0.2 * rng.standard_normal((900, 12))
    fits = fit_profiles(expression[:700], effect[:700], 0, schedule=Schedule(150, 30, learning_rate=1e-2))
    scores = {name: acc(effect[700:], model.predict(expression[700:])) for name, model in fits.models.items()}
    assert abs(scores["ridge"]) < 0.3
    assert scores["network"] > 0.9
    assert scores["mean expression + network"] > 0.9


def test_models_of_components_that_there_are_not_are_left_out():
    expression, effect = planted(250, 30, 3)
    assert list(fit_profiles(expression, effect, 0, schedule=Schedule(1)).models) == [
        "mean expression",
        "mean expression + network",
        "ols",
        "ridge",
        "network",
        "cca 10 + network",
    ]
    few = fit_profiles(expression[:60], effect[:60], 0, schedule=Schedule(1))
    assert not any("cca" in name for name in few.models)
    many, responses = planted(1200, 52, 4)
    assert "cca 50 + network" in fit_profiles(many, responses, 0, schedule=Schedule(1)).models


def test_equal_seeds_give_equal_bits_and_others_do_not():
    expression, effect = planted(250, 20, 5)
    effect[3, 4] = np.nan
    once, again, other = (fit_profiles(expression, effect, seed, schedule=Schedule(3)) for seed in (1, 1, 2))
    for name, model in once.models.items():
        assert np.array_equal(model.predict(expression), again.models[name].predict(expression))
    assert not np.array_equal(
        once.models["network"].predict(expression), other.models["network"].predict(expression)
    )


def test_gaps_are_filled_by_the_gene_and_no_other_gene_has_a_say():
    effect = np.array([[1.0, np.nan, 3.0], [0.0, 5.0, np.nan], [np.nan, np.nan, 7.0]])
    assert np.array_equal(without_gaps(effect), [[1, 2, 3], [0, 5, 2.5], [7, 7, 7]])
    with pytest.raises(ValueError, match="gene 1 has no measured effect"):
        without_gaps(np.array([[1.0, 2.0], [np.nan, np.nan]]))


def test_gaps_have_no_part_in_the_loss():
    expression, effect = planted(120, 10, 6)
    counted = np.random.default_rng(0).random(effect.shape) < 0.8
    split = validation_split(120, 0)
    fitted = fit_network(expression.astype(float), effect, split, 0, counted, schedule=Schedule(3))
    # Changes that leave each line's mean and spread over the learned genes: two filled values change places.
    moved = effect.copy()
    for line in range(10):
        learned = np.zeros(120, dtype=bool)
        learned[split.learned] = True
        gaps = np.flatnonzero(~counted[:, line] & learned)
        moved[gaps, line] = np.roll(effect[gaps, line], 1)
    again = fit_network(expression.astype(float), moved, split, 0, counted, schedule=Schedule(3))
    assert not np.array_equal(moved, effect)
    np.testing.assert_allclose(fitted.predict(expression), again.predict(expression), atol=1e-5)


def test_validation_genes_stop_the_training_and_teach_nothing():
    """With patience for all epochs, other validation effects change the best epoch only."""
    expression, effect = planted(120, 10, 7)
    split = validation_split(120, 0)
    garbled = effect.copy()
    garbled[split.held_out] = 100 * np.random.default_rng(1).standard_normal((len(split.held_out), 10))
    once = fit_network(expression.astype(float), effect, split, 0, schedule=Schedule(1))
    again = fit_network(expression.astype(float), garbled, split, 0, schedule=Schedule(1))
    assert np.array_equal(once.predict(expression), again.predict(expression))


def test_the_canonical_variates_a_network_takes_know_nothing_of_the_validation_genes():
    expression, effect = planted(240, 10, 7)
    garbled = effect.copy()
    validation = validation_split(240, 0).held_out
    garbled[validation] = np.random.default_rng(1).standard_normal((len(validation), 10))
    features = []
    for given in (effect, garbled):
        model = fit_profiles(expression, given, 0, schedule=Schedule(1)).models["cca 10 + network"]
        assert model.features is not None
        features.append(model.features(expression))
    assert np.array_equal(*features)


def test_lines_that_are_constant_or_unknowable_cost_no_other_line_anything():
    expression, effect = planted(200, 12, 8)
    expression[:, 3], effect[:, 5] = 7.0, -0.7
    fits = fit_profiles(expression, effect, 0, schedule=Schedule(2))
    other = expression.copy()
    other[:, 3] = 9.0
    for name, model in fits.models.items():
        predicted = model.predict(expression)
        assert np.isfinite(predicted).all()
        np.testing.assert_allclose(predicted[:, 5], -0.7, atol=1e-12)
        if "mean" not in name:
            assert np.array_equal(model.predict(other), predicted), name


def test_a_training_that_diverges_predicts_nothing():
    expression, effect = planted(60, 5, 9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        split, schedule = validation_split(60, 0), Schedule(50, learning_rate=1e38)
        fitted = fit_network(expression.astype(float), effect, split, 0, schedule=schedule)
    assert "not finite" in fitted.failure
    assert np.isnan(fitted.predict(expression)).all()


@pytest.mark.parametrize("inputs", [1, 10, 50, 200, 630, 983])
@pytest.mark.parametrize("outputs", [12, 36, 630, 983])
@pytest.mark.parametrize("genes", [30, 360, 13_000])
def test_hidden_units_obey_the_paper(inputs: int, outputs: int, genes: int):
    (units,) = hidden_units(inputs, outputs, genes)
    few_values = count_weights((inputs, units + 1, outputs)) > genes * outputs
    assert units == 1 or count_weights((inputs, units, outputs)) <= genes * outputs
    low, high = sorted((inputs, outputs))
    assert few_values or low <= units <= high
    assert few_values or units in (low, high, UNITS)


def test_a_tenth_of_the_genes_is_validation():
    split = validation_split(505, 3)
    assert (len(split.learned), len(split.held_out)) == (455, 50)
    assert np.array_equal(np.sort(np.concatenate([split.learned, split.held_out])), np.arange(505))
    assert len(validation_split(4, 3).held_out) == 1
    assert not np.array_equal(validation_split(505, 4).held_out, split.held_out)
