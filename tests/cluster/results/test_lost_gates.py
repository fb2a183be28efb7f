"""Samples that lack genes which a model of `best` names beside all others: predicted, and it is said."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load

from cluster import Store, run
from cluster.results.prediction_files import predict_file
from tests.made_datasets import GENES, made_dataset, made_matrices

LINES, TRAINED = 140, 120


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gates")
    expression, effect = made_matrices(TRAINED)
    run(made_dataset(folder / "d", expression, effect), folder / "s", methods="best", folds=2, workers=0)
    return folder / "s"


@pytest.fixture
def samples() -> pd.DataFrame:
    expression = made_matrices(LINES)[0][TRAINED:]
    return pd.DataFrame(expression, index=[f"s{i}" for i in range(LINES - TRAINED)], columns=GENES)


@pytest.fixture(scope="module")
def gates(store: Path) -> dict[str, list[str]]:
    """The genes that each target's final model names."""
    models = Store(store).table("models").set_index("target")["modifiers"]
    found = {target: list(genes) for target, genes in models.items() if len(genes)}
    assert found, "no gate is open, so nothing is tested"
    return found


def test_all_samples_without_a_gene(
    store: Path, gates: dict[str, list[str]], samples: pd.DataFrame, tmp_path: Path
):
    lost = gates[min(gates)][0]
    hit = sorted(target for target, genes in gates.items() if lost in genes)
    samples.drop(columns=lost).to_csv(tmp_path / "x.csv", index_label="sample")
    said = predict_file(str(store), tmp_path / "x.csv", tmp_path / "out.csv")
    assert f"LOOK AGAIN: {len(hit)} of 6 targets lack genes" in said
    assert f"{hit[0]} ({lost})" in said
    trust = pd.read_csv(tmp_path / "out.targets.csv", index_col="target", keep_default_na=False)
    assert (trust["missing_modifiers"] == [lost if t in hit else "" for t in trust.index]).all()
    assert (trust["samples_without_modifiers"] == [len(samples) * (t in hit) for t in trust.index]).all()


def test_some_samples_without_it_lose_what_it_adds_and_no_more(
    store: Path, gates: dict[str, list[str]], samples: pd.DataFrame, tmp_path: Path
):
    target = min(gates)
    lost = gates[target][0]
    models = Store(store).table("models").set_index("target")
    weights = load(models.loc[target, "weights"])
    limits = json.loads(models.loc[target, "parameters"])
    holes = samples.copy()
    holes.iloc[3:5, GENES.index(lost)] = np.nan
    at_mean = samples.copy()
    at_mean.iloc[3:5, GENES.index(lost)] = np.float32(weights["centre"][0])
    made, filled = (Store(store).predict(frame) for frame in (holes, at_mean))
    row = made.trust.set_index("target").loc[target]
    assert (row["missing_modifiers"], row["samples_without_modifiers"]) == ("", 2)
    pd.testing.assert_frame_equal(
        made.predicted.drop(index=["s3", "s4"]), filled.predicted.drop(index=["s3", "s4"])
    )
    assert made.predicted.loc["s3", target] != filled.predicted.loc["s3", target]  # the kernel leaves it out
    assert made.predicted[target].between(limits["low"], limits["high"]).all()
    holes.to_csv(tmp_path / "x.csv", index_label="sample")
    assert f"{target} (in 2 samples)" in predict_file(str(store), tmp_path / "x.csv", tmp_path / "out.csv")
    samples.to_csv(tmp_path / "y.csv", index_label="sample")
    assert "LOOK AGAIN: " not in predict_file(str(store), tmp_path / "y.csv", tmp_path / "whole.csv")
