"""Drug models against loops and scikit-learn's Ridge, and against scrambled test drugs."""

import numpy as np
import pytest

from modeling.folds import Fold, drug_folds
from modeling.profiles.drug_models import (
    PENALTIES,
    DrugExamples,
    drug_examples,
    kept_lines,
    layer_sizes,
    predict_by_network,
    predict_by_ridge,
    target_profiles,
)
from tests.reference.drugs import examples_slow, profile_slow, ridge_slow

DRUGS, LINES = 24, 30


@pytest.fixture(scope="module")
def response() -> np.ndarray:
    """Follows the profiles; gaps; line 3 measured nowhere, line 4 for a quarter of the drugs."""
    rng = np.random.default_rng(0)
    values = profiles()[0] + 2.0 * rng.standard_normal((DRUGS, 1)) + 0.3 * rng.standard_normal((DRUGS, LINES))
    values[rng.random(values.shape) < 0.15] = np.nan
    values[:, 3] = np.nan
    values[: DRUGS * 3 // 4, 4] = np.nan
    return values


def profiles() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    made = [rng.standard_normal((DRUGS, LINES)) * scale for scale in (3.0, 0.2)]
    made[1][5, :4] = np.nan  # the target was not screened there
    return made


def examples(response: np.ndarray, kinds: int = 2, fold: Fold | None = None) -> DrugExamples:
    return drug_examples(profiles()[:kinds], response, fold or drug_folds(DRUGS, 4, 0)[0])


@pytest.mark.parametrize("n", [3, 11, 24])
def test_folds_test_every_drug_once_and_follow_the_seed(n: int):
    folds = drug_folds(n, 3, 7)
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(n))
    for fold in folds:
        assert sorted([*fold.train, *fold.test]) == list(range(n))
    assert [fold.test.tolist() for fold in folds] == [fold.test.tolist() for fold in drug_folds(n, 3, 7)]
    assert n == 3 or any(
        a.test.tolist() != b.test.tolist() for a, b in zip(folds, drug_folds(n, 3, 8), strict=True)
    )


@pytest.mark.parametrize("folds", [1, 5])
def test_folds_that_cannot_be_are_refused(folds: int):
    with pytest.raises(ValueError, match="4 drugs cannot be split"):
        drug_folds(4, folds, 0)


def test_profiles_are_means_over_the_target_genes_known():
    rng = np.random.default_rng(2)
    values = rng.standard_normal((LINES, 9)).astype(np.float32)
    values[rng.random(values.shape) < 0.3] = np.nan
    values[2, :3] = np.nan
    genes = [np.array([4]), np.array([0, 1, 2]), np.array([], dtype=np.int64), np.array([3, 8])]
    made = target_profiles(values, genes)
    for profile, columns in zip(made, genes, strict=True):
        np.testing.assert_allclose(profile, profile_slow(values, columns), rtol=1e-12)
    assert np.isnan(made[1, 2])
    assert np.isnan(made[2]).all()


def test_a_line_counts_while_at_most_three_quarters_of_the_drugs_miss_it():
    values = np.zeros((8, 3))
    values[:6, 1] = np.nan
    values[:7, 2] = np.nan
    assert kept_lines(values).tolist() == [True, True, False]


@pytest.mark.parametrize("kinds", [1, 2])
def test_examples_and_ridge_equal_loops_and_scikit_learn(response: np.ndarray, kinds: int):
    fold = drug_folds(DRUGS, 4, 0)[0]
    made = examples(response, kinds)
    lines, train, new, filled = examples_slow(profiles()[:kinds], response, fold.train, fold.test)
    assert np.flatnonzero(made.lines).tolist() == lines
    assert 3 not in lines
    np.testing.assert_allclose(made.train, train, atol=1e-6)
    np.testing.assert_allclose(made.new, new, atol=1e-6)
    np.testing.assert_allclose(made.response, filled, rtol=1e-12)
    expected, penalty = ridge_slow(train, filled, new, PENALTIES)
    assert PENALTIES[-1] < penalty < PENALTIES[0]
    np.testing.assert_allclose(predict_by_ridge(made), expected, rtol=1e-5, atol=1e-5)


def test_a_training_drug_measured_on_no_line_that_counts_is_filled_with_the_mean_of_all(response: np.ndarray):
    fold = drug_folds(DRUGS, 4, 0)[0]
    silent = response.copy()
    silent[fold.train[0]] = np.nan
    silent[fold.train[0], 3] = 5.0  # on the line that is left out
    made = examples(silent, fold=fold)
    others = silent[fold.train][:, made.lines]
    np.testing.assert_allclose(made.response[0], np.nanmean(others))
    assert np.isfinite(predict_by_ridge(made)).all()


def test_equal_outputs_are_predicted_as_they_are():
    made = examples(np.full((DRUGS, LINES), 2.5))
    np.testing.assert_allclose(predict_by_ridge(made), 2.5, rtol=1e-12)
    predicted, trained = predict_by_network(made, 0)
    assert not trained.failure
    assert np.isfinite(predicted).all()


def test_scrambled_test_drugs_change_nothing(response: np.ndarray):
    fold = drug_folds(DRUGS, 4, 0)[0]
    response = response.copy()
    response[:, 6:8] = 1.0
    response[fold.train[:13], 6] = np.nan  # of 18: just kept, unless test drugs had a say
    response[fold.train[:14], 7] = np.nan  # just dropped
    scrambled = response.copy()
    scrambled[fold.test] = np.where(
        np.random.default_rng(3).random((len(fold.test), LINES)) < 0.9, np.nan, 99
    )
    scrambled[fold.test, 6] = np.nan
    one, other = (examples(r, fold=fold) for r in (response, scrambled))
    for name in ("lines", "train", "new", "response"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.lines[[6, 7]].tolist() == [True, False]
    changed = [p.copy() for p in profiles()]
    for profile in changed:
        profile[fold.test] = profile[fold.test] * 7 - 3
    third = drug_examples(changed, response, fold)
    assert np.array_equal(one.train, third.train)
    assert not np.array_equal(one.new, third.new)


def test_the_network_learns_what_the_ridge_learns_and_repeats_itself(response: np.ndarray):
    made = examples(response, 1)
    predicted, trained = predict_by_network(made, 5)
    again, _ = predict_by_network(made, 5)
    other, _ = predict_by_network(made, 6)
    assert np.array_equal(predicted, again)
    assert not np.array_equal(predicted, other)
    assert not trained.failure
    assert 1 <= trained.epoch <= len(trained.losses)
    assert np.isfinite(trained.validation_loss)
    assert trained.network.sizes == layer_sizes(made.train, made.response.astype(np.float32))
    assert np.array_equal(predicted.shape, (len(made.new), made.lines.sum()))


def test_a_network_that_diverges_predicts_nothing_and_says_why(response: np.ndarray):
    made = examples(response)
    broken = DrugExamples(made.lines, made.train * np.float32(np.inf), made.new, made.varying, made.response)
    predicted, trained = predict_by_network(broken, 0)
    assert np.isnan(predicted).all()
    assert "not finite" in trained.failure


@pytest.mark.parametrize(
    ("drugs", "inputs", "outputs", "units"),
    [(40, 600, 600, 20), (4, 600, 600, 2), (1, 9, 2, 1), (5000, 600, 600, 100)],
)
def test_a_network_has_no_more_weights_than_training_values(
    drugs: int, inputs: int, outputs: int, units: int
):
    sizes = layer_sizes(np.zeros((drugs, inputs), np.float32), np.zeros((drugs, outputs), np.float32))
    assert sizes == (inputs, units, outputs)


def test_a_fold_without_a_line_that_counts_is_refused():
    with pytest.raises(ValueError, match="every cell line misses over 75%"):
        examples(np.full((DRUGS, LINES), np.nan))
