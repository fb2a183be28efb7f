"""Final models come back from the store and predict as they did when they were fitted."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Reading, Store, run
from cluster.results.prediction_files import predict_file
from modeling.folds import final_fold
from modeling.selection.select import SelectionSettings
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.fitting.fold import MethodSettings, panel_of
from tasks.fitting.modifiers import fit_targets, prepare_fold

PRESET = "ols,lasso,tree,knn,xgboost"


@pytest.fixture(scope="module")
def dataset(small_dataset: Path) -> Dataset:
    return Dataset.open(small_dataset)


@pytest.fixture(scope="module")
def chosen(dataset: Dataset) -> list[str]:
    """Targets with a strong spread: most of them have modifiers."""
    spread = np.nanstd(dataset.effect, axis=0)
    return [dataset.targets[i] for i in np.argsort(-spread)[:25]]


@pytest.fixture(scope="module")
def store(small_dataset: Path, chosen: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("predict") / "store"
    asked = {"methods": "modifiers", "preset": PRESET, "targets": ",".join(chosen)}
    run(small_dataset, path, workers=0, folds=2, **asked)
    return path


@pytest.fixture(scope="module")
def samples(dataset: Dataset) -> pd.DataFrame:
    return pd.DataFrame(
        np.asarray(dataset.expression[:20]), columns=dataset.genes, index=dataset.cell_lines[:20]
    )


def test_predictions_say_their_size_and_not_their_numbers(store: Path, samples: pd.DataFrame):
    made = Store(store).predict(samples.iloc[:3])
    first, second = repr(made).splitlines()
    assert first == f"Prediction of 3 samples x {made.predicted.shape[1]} targets by modifiers (modifiers)"
    assert second == "  tables: predicted, trust, samples, missing"


def test_stored_models_predict_as_when_they_were_fitted(
    dataset: Dataset, chosen: list[str], store: Path, samples: pd.DataFrame
):
    predicted = Store(store).predict(samples).predicted
    panel = panel_of(dataset)
    settings = MethodSettings("modifiers", tuple(PRESET.split(",")), SelectionSettings(), 0)
    prepared = prepare_fold(panel, final_fold(len(dataset.cell_lines)), settings)
    fits = fit_targets(panel, prepared, [dataset.targets.index(t) for t in chosen], settings)
    assert {fit.choice.fitted.candidate for fit in fits if fit.choice} >= {"tree", "xgboost"}
    of_mean = {t for t, fit in zip(chosen, fits, strict=True) if fit.status == "no_modifiers"}
    assert of_mean.isdisjoint(predicted.columns)
    for target, fit in zip(chosen, fits, strict=True):
        if target in of_mean:
            continue
        np.testing.assert_allclose(
            predicted[target], fit.predict(panel, np.arange(20)), rtol=1e-12, atol=1e-12
        )


def test_the_order_of_genes_and_strange_ones_do_not_matter(store: Path, samples: pd.DataFrame):
    shuffled = samples[samples.columns[::-1]].assign(STRANGE=1.0)
    plain, again = (Store(store).predict(s).predicted for s in (samples, shuffled))
    pd.testing.assert_frame_equal(plain, again, rtol=1e-12)


def test_a_missing_gene_or_value_leaves_out_what_needs_it_and_is_listed(store: Path, samples: pd.DataFrame):
    models = Store(store).table("models").set_index("target")
    whole = Store(store).predict(samples)
    tree = models.index[models["kind"] == "tree"][0]
    gene = models.loc[tree, "modifiers"][0]
    without = Store(store).predict(samples.drop(columns=gene))
    assert without.predicted[tree].isna().all()
    trust = without.trust.set_index("target")
    assert gene in trust.loc[tree, "missing_modifiers"].split(",")
    spared = trust.index[trust["missing_modifiers"] == ""].intersection(whole.predicted.columns)
    pd.testing.assert_frame_equal(without.predicted[spared], whole.predicted[spared])
    holed = samples.copy()
    holed.loc[holed.index[3], gene] = np.nan
    assert Store(store).predict(holed).predicted[tree].isna().tolist() == [i == 3 for i in range(20)]


def test_residual_quantiles_are_those_of_the_out_of_fold_errors(store: Path, samples: pd.DataFrame):
    trust = Store(store).predict(samples).trust.set_index("target")
    target = trust.index[trust["n_modifiers"] > 0][0]
    rows = Store(store).predictions(target)
    errors = np.sort(np.abs(rows["measured"] - rows["predicted"]))
    place = int(np.ceil((len(errors) + 1) * 0.9))
    assert trust.loc[target, "residual_90"] == errors[place - 1]


def said_of_means(said: str) -> int:
    """How many targets have no column, as they are predicted by a mean alone."""
    found = re.search(r"(\d+) targets have no column: all that is known of them is their mean", said)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_in_and_out(store: Path, samples: pd.DataFrame, tmp_path: Path, suffix: str):
    source, out = tmp_path / f"samples{suffix}", tmp_path / f"out{suffix}"
    samples.to_csv(source) if suffix == ".csv" else samples.to_parquet(source)
    said = predict_file(str(store), source, out, "modifiers")
    assert f"20 samples x {25 - said_of_means(said)} targets" in said
    read = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    expected = Store(store).predict(samples).predicted
    np.testing.assert_allclose(read.drop(columns="sample").to_numpy(), expected.to_numpy(), rtol=1e-6)
    assert (tmp_path / f"out.targets{suffix}").exists()


def test_samples_that_cannot_be_log2_tpm_are_refused_unless_forced(
    store: Path, samples: pd.DataFrame, tmp_path: Path
):
    source, out = tmp_path / "samples.csv", tmp_path / "out.csv"
    for change, said in (
        (lambda x: 2**x * 100, "without logarithm that need not be TPM"),
        (lambda x: np.round(2**x * 100), "read counts, which become TPM only with the genes' lengths"),
        (lambda x: x - x.mean(), "values below 0, which log2"),
    ):
        change(samples).to_csv(source)
        with pytest.raises(BadInputError, match=said):
            predict_file(str(store), source, out, "modifiers")
        assert [path.name for path in tmp_path.iterdir()] == ["samples.csv"]
        answer = predict_file(str(store), source, out, "modifiers", reading=Reading(force=True))
        assert "LOOK AGAIN: 20 of 20 are flagged" in answer
        for path in tmp_path.glob("out.*"):
            path.unlink()


def test_what_cannot_be_scored_is_refused(store: Path, samples: pd.DataFrame, tmp_path: Path):
    with pytest.raises(BadInputError, match="none of the models' genes"):
        Store(store).predict(samples.add_prefix("X"))
    with pytest.raises(BadInputError, match="no final models"):
        Store(store).predict(samples, "kernel")
    with pytest.raises(BadInputError, match=r"ends with \.csv or \.parquet"):
        predict_file(str(store), tmp_path / "none.csv", tmp_path / "out.xlsx", "modifiers")


def test_places_that_cannot_be_written_are_refused_before_any_work(
    store: Path, samples: pd.DataFrame, tmp_path: Path
):
    mine = tmp_path / "b.targets.csv"
    samples.to_csv(mine)
    before = mine.read_bytes()
    for out, said in (
        (mine, "over the samples"),
        (tmp_path / "b.csv", "over the samples"),
        (tmp_path / "none" / "b.csv", "there is no folder"),
    ):
        with pytest.raises(BadInputError, match=said):
            predict_file(str(store), mine, out, "modifiers")
    assert mine.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.targets.csv"]
