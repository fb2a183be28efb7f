"""What `predict` says of targets and samples it could not predict: a small store of invented models."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster import Reading, Store
from cluster.results.prediction_files import predict_file
from cluster.store.units import FINAL_FOLD, fold_level_unit
from tasks.errors import BadInputError
from tasks.scoring.model_rows import model_checksum
from tasks.tables.schemas import table_of
from tests.made_stores import made_commit, made_writer, units_of

TARGETS = ("BAD", "FEW", "LEFT", "ONE", "TWO")
GENES = ["M1", "M2", "M3"]
SAMPLES = ["a", "b", "c"]


def linear(target: str, modifiers: list[str]) -> dict[str, Any]:
    row = {"method": "modifiers", "target": target, "kind": "ols", "status": "ok", "intercept": 0.5}
    row |= {"modifiers": modifiers, "coefficients": [1.0] * len(modifiers)}
    return row | {"sha256": model_checksum(row)}


def without_model(target: str, status: str, reason: str) -> dict[str, Any]:
    named = {"method": "modifiers", "target": target, "modifiers": []}
    return named | {"status": status, "reason": reason}


MODELS = [
    linear("ONE", ["M1"]),
    linear("TWO", ["M2", "M3"]),
    without_model("BAD", "failed", "singular"),
    without_model("FEW", "too_few_lines", "9 lines have an effect; 10 are needed"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two targets with a model, two whose final fit ended without, one of folds alone."""
    path = tmp_path_factory.mktemp("prediction") / "store"
    writer = made_writer(path)
    final = units_of([target for target in TARGETS if target != "LEFT"], [FINAL_FOLD])
    folds = units_of(TARGETS, [0, 1])
    writer.add_plan([*folds, *final])
    for fold in (0, 1):
        made_commit(writer, [unit for unit in folds if unit.fold == fold])
    made_commit(writer, final, tables={"models": table_of("models", MODELS)})
    return path


@pytest.fixture
def samples() -> pd.DataFrame:
    values = np.arange(9, dtype=np.float32).reshape(3, 3)
    return pd.DataFrame(values, index=pd.Index(SAMPLES, name="sample"), columns=GENES)


def said_of(store: Path, samples: pd.DataFrame, folder: Path) -> str:
    samples.to_csv(folder / "samples.csv")
    reading = Reading(force=(folder / "out.csv").exists())
    return predict_file(str(store), folder / "samples.csv", folder / "out.csv", reading=reading)


def test_every_target_has_a_prediction_or_a_reason(store: Path, samples: pd.DataFrame, tmp_path: Path):
    said = said_of(store, samples, tmp_path)
    assert "3 samples x 2 targets" in said
    assert "2 targets have no model, no prediction (reason in out.targets.csv): " in said
    assert "BAD (failed), FEW (too_few_lines)" in said
    assert "1 targets have no final model (run with --no-final, " in said
    assert said.rstrip().endswith("`knockcast status`): LEFT")
    trust = pd.read_csv(tmp_path / "out.targets.csv", index_col="target")
    assert list(trust.index) == ["BAD", "FEW", "ONE", "TWO"]
    assert trust["status"].tolist() == ["failed", "too_few_lines", "ok", "ok"]
    assert trust.loc["BAD", "reason"] == "singular"
    assert trust["kind"].isna().tolist() == [True, True, False, False]
    assert trust["n_modifiers"].tolist() == [0, 0, 1, 2]
    predicted = pd.read_csv(tmp_path / "out.csv", index_col="sample")
    assert predicted.to_dict("list") == {"ONE": [0.5, 3.5, 6.5], "TWO": [3.5, 9.5, 15.5]}


def test_samples_that_lack_values_are_told(store: Path, samples: pd.DataFrame, tmp_path: Path):
    assert "samples lack values" not in said_of(store, samples, tmp_path)
    samples.loc["b", "M3"] = np.nan
    samples.loc["c", ["M1", "M2"]] = np.nan
    said = said_of(store, samples, tmp_path)
    assert "1 samples lack values and have no prediction: c" in said
    assert "1 samples lack values and have predictions of some targets only: b (1 of 2)" in said


def test_a_target_without_a_column_is_told_once_and_not_for_every_sample(
    store: Path, samples: pd.DataFrame, tmp_path: Path
):
    said = said_of(store, samples.drop(columns="M3"), tmp_path)
    assert "1 targets are not predicted for that reason" in said
    assert "samples lack values" not in said


def test_no_prediction_at_all_is_refused_and_nothing_written(
    store: Path, samples: pd.DataFrame, tmp_path: Path
):
    samples["M1"] = np.nan
    samples.loc[["a", "b"], "M2"] = np.nan
    samples.loc["c", "M3"] = np.nan
    words = (
        "no sample knows enough for a single prediction, which takes all modifiers of a target: of 3 genes"
    )
    with pytest.raises(BadInputError, match=words) as found:
        said_of(store, samples, tmp_path)
    assert "the best sample knows 1; most lacking are M1, M2, M3" in found.value.text()
    assert [path.name for path in tmp_path.iterdir()] == ["samples.csv"]


def test_labels_are_checked_and_doubted(store: Path, samples: pd.DataFrame, tmp_path: Path):
    with pytest.raises(BadInputError, match="columns 'M1', 'M1' name the same gene"):
        Store(store).predict(samples[["M1", "M1", "M2", "M3"]])
    with pytest.raises(BadInputError, match=r"columns 'M1', 'M1 \(11\)' name the same gene"):
        said_of(store, samples.assign(**{"M1 (11)": 0.0}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["samples.csv"]
    with pytest.raises(BadInputError, match="expected a pandas DataFrame"):
        Store(store).predict(samples["M1"])  # type: ignore[arg-type] - what a user may give


def test_a_gene_given_twice_is_refused_and_named_where_it_is_forced(
    store: Path, samples: pd.DataFrame, tmp_path: Path
):
    twice = samples[["M1", "M1", "M2", "M2", "M3"]].copy()
    assert "3 of 3 genes are the models': 3 by symbol" in said_of(store, twice, tmp_path)  # equal ones
    expected = (tmp_path / "out.csv").read_bytes()
    for path in tmp_path.iterdir():
        path.unlink()
    twice.iloc[:, [1, 3]] -= 1
    with pytest.raises(BadInputError) as found:
        said_of(store, twice, tmp_path)
    assert [problem.split(": ")[1] for problem in found.value.problems] == [
        f"columns '{gene}', '{gene}' name the same gene; keep one of them" for gene in ("M1", "M2")
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["samples.csv"]
    said = predict_file(
        str(store), tmp_path / "samples.csv", tmp_path / "out.csv", reading=Reading(force=True)
    )
    assert said.count("LOOK AGAIN: columns 'M") == 2
    assert "the one with the highest mean is scored" in said
    assert (tmp_path / "out.csv").read_bytes() == expected


def test_all_that_is_wrong_is_told_at_once_and_nothing_written(
    store: Path, samples: pd.DataFrame, tmp_path: Path
):
    def problems_of(source: Path, **how: Any) -> list[str]:
        reading = Reading(unit="fpkm", orientation="up")
        with pytest.raises(BadInputError) as found:
            predict_file(
                str(store), source, tmp_path / "no" / "out.csv", "magic", 2.0, reading=reading, **how
            )
        return list(found.value.problems)

    expected = [
        "--interval 2: expected a share between 0 and 1",
        "--unit fpkm: expected one of auto, tpm, log2tpm, counts",
        "--orientation up: expected one of auto, samples, genes",
        f"--out {tmp_path / 'no' / 'out.csv'}: cannot be written: there is no folder",
        f"{tmp_path / 'none.csv'}: cannot be read",
        f"--gene-ids {tmp_path / 'map.csv'}: cannot be read",
        f"{store}: no final models of method magic",
    ]
    found = problems_of(tmp_path / "none.csv", gene_map=tmp_path / "map.csv")
    assert len(found) == len(expected)
    for problem, begin in zip(found, expected, strict=True):
        assert problem.startswith(begin)
    assert list(tmp_path.iterdir()) == []
    samples.index = ["a", "a", "b"]
    samples.to_csv(tmp_path / "samples.csv")
    with pytest.raises(BadInputError, match="--interval 2") as raised:  # what is in the file, too
        predict_file(str(store), tmp_path / "samples.csv", tmp_path / "no" / "out.csv", interval=2.0)
    assert any("samples 'a' stand there more than once" in problem for problem in raised.value.problems)
    assert [path.name for path in tmp_path.iterdir()] == ["samples.csv"]


def test_genes_are_found_in_any_case_and_on_either_side(store: Path, samples: pd.DataFrame, tmp_path: Path):
    expected = {"ONE": [0.5, 3.5, 6.5], "TWO": [3.5, 9.5, 15.5]}
    said_of(store, samples.rename(columns=str.lower), tmp_path)
    assert pd.read_csv(tmp_path / "out.csv", index_col="sample").to_dict("list") == expected
    said = said_of(store, samples.T, tmp_path)
    assert "genes stand as rows, samples as columns: turned" in said
    assert pd.read_csv(tmp_path / "out.csv", index_col="sample").to_dict("list") == expected


def test_without_training_expression_it_is_said_what_is_judged(
    store: Path, samples: pd.DataFrame, tmp_path: Path
):
    samples.loc["b"] = [2.0, 2.0, 2.0]
    samples.loc["c"] = [1.0, 2.0, 40.0]
    said = said_of(store, samples, tmp_path)
    assert (
        "samples are not compared with the training lines (no nearest line, no outside_share): the store"
        in said
    )
    fit = pd.read_csv(tmp_path / "out.samples.csv", index_col="sample")
    assert fit["flagged"].tolist() == [False, True, True]
    assert fit["why"].fillna("").tolist() == [
        "",
        "all its values are 2",
        "values up to 40, above 30: no log2(TPM+1)",
    ]
    assert fit["known_share"].tolist() == [1, 1, 1]
    assert fit[["nearest_line", "nearest_r", "outside_share"]].isna().all(axis=None)


def test_a_store_of_drugs_alone_says_how_drugs_are_ranked(samples: pd.DataFrame, tmp_path: Path):
    writer = made_writer(tmp_path / "store")
    unit = fold_level_unit("drugs", FINAL_FOLD)
    writer.add_plan([unit])
    made_commit(writer, [unit], tables={}, files={"safetensors": b"x"})
    store = Store(tmp_path / "store")
    with pytest.raises(BadInputError, match=r"no final models of targets .*--method drugs.*rank_drugs"):
        store.predict(samples)
    with pytest.raises(BadInputError, match=r"no final models of method ridge .*--method drugs"):
        store.predict(samples, "ridge")
    with pytest.raises(BadInputError, match="--method drugs: it ranks drugs, and predicts no targets"):
        store.predict(samples, "drugs")
    with pytest.raises(BadInputError, match="columns 'M1', 'M1' name the same gene"):
        store.rank_drugs(samples[["M1", "M1"]])
