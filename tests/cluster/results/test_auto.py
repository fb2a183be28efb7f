"""`predict --method auto` on invented models: which method predicts which target, and what is said."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Store
from cluster.results.prediction_files import predict_file
from tasks.errors import BadInputError
from tests.two_methods import INTERCEPT, NEEDS, TARGETS, two_methods

SAMPLES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_methods(tmp_path_factory.mktemp("auto") / "store")


@pytest.fixture
def samples() -> pd.DataFrame:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    return pd.DataFrame(values, index=pd.Index(SAMPLES, name="sample"), columns=["M1", "M2"])


def test_the_best_on_average_is_taken_unless_another_is_clearly_better(store: Path, samples: pd.DataFrame):
    made = Store(store).predict(samples)
    assert (made.method, made.methods) == ("auto", ("modifiers", "kernel"))
    trust = made.trust.set_index("target")
    assert trust["method"].to_dict() == {target: said[2] for target, said in TARGETS.items()}
    for target, (*scores, method) in TARGETS.items():
        values = samples[NEEDS[method][0]].to_numpy() + INTERCEPT[method]
        assert made.predicted[target].tolist() == values.tolist()
        score = scores[INTERCEPT[method] == 2.0]
        expected = np.nan if score is None else score
        assert trust.loc[target, "pearson_pooled"] == pytest.approx(expected, nan_ok=True)
    said = trust["why_method"]
    assert said["RIGHT"] == "r 0.800, clearly above 0.200 of kernel"
    assert {said[t] for t in ("EVEN", "LEFT", "LUCKY")} == {"best on average, no other is clearly better"}
    assert said["PARTLY"] == "no model or no comparable score of kernel"
    assert said["FLAT"] == ""


def test_the_runner_up_stands_beside_it(store: Path, samples: pd.DataFrame):
    trust = Store(store).predict(samples).trust.set_index("target")
    assert trust.loc["FAILED", ["runner_up", "runner_up_pearson_pooled"]].isna().all()
    for target in ("EVEN", "LEFT", "LUCKY", "PARTLY", "RIGHT"):
        other = {"modifiers": "kernel", "kernel": "modifiers"}[trust.loc[target, "method"]]
        assert trust.loc[target, "runner_up"] == other
        score = TARGETS[target][other == "kernel"]
        assert trust.loc[target, "runner_up_pearson_pooled"] == pytest.approx(score)
    assert (trust["instead_of"] == "").all()
    assert (trust["samples_by_other"] == 0).all()


def test_where_genes_are_missing_the_other_method_stands_in_and_it_is_said(
    store: Path, samples: pd.DataFrame, tmp_path: Path
):
    samples.loc["b", "M1"] = np.nan
    made = Store(store).predict(samples)
    assert made.predicted.loc["b", "RIGHT"] == samples.loc["b", "M2"] + INTERCEPT["kernel"]
    assert made.predicted.loc["a", "RIGHT"] == samples.loc["a", "M1"] + INTERCEPT["modifiers"]
    trust = made.trust.set_index("target")
    assert trust["samples_by_other"].to_dict() == {t: int(TARGETS[t][2] == "modifiers") for t in TARGETS}
    assert trust["method"].to_dict() == {target: said[2] for target, said in TARGETS.items()}

    samples.drop(columns="M1").to_csv(tmp_path / "x.csv")
    said = predict_file(str(store), tmp_path / "x.csv", tmp_path / "out.csv")
    assert "(why_method in out.targets.csv): 0 by modifiers, 9 by kernel" in said
    assert "3 targets are predicted by another method for samples that lack genes" in said
    assert "FLAT, PARTLY, RIGHT" in said
    assert "not predicted" not in said
    trust = pd.read_csv(tmp_path / "out.targets.csv", index_col="target", keep_default_na=False)
    assert trust.loc["RIGHT", "why_method"] == "stands in for modifiers"
    assert trust.loc["RIGHT", ["method", "instead_of", "missing_modifiers"]].tolist() == [
        "kernel",
        "modifiers",
        "M1",
    ]
    assert trust.loc["LEFT", ["method", "instead_of", "missing_modifiers"]].tolist() == ["kernel", "", ""]


def test_one_method_by_name_is_as_it_was(store: Path, samples: pd.DataFrame, tmp_path: Path):
    samples.to_csv(tmp_path / "x.csv")
    said = predict_file(str(store), tmp_path / "x.csv", tmp_path / "out.csv", "modifiers")
    assert "3 samples x 8 targets (modifiers)" in said
    assert "out-of-fold r" not in said
    trust = pd.read_csv(tmp_path / "out.targets.csv", index_col="target")
    assert set(trust["method"]) == {"modifiers"}
    assert not {"runner_up", "instead_of", "samples_by_other", "why_method"} & set(trust.columns)
    auto = predict_file(str(store), tmp_path / "x.csv", tmp_path / "both.csv", "auto")
    assert "3 samples x 9 targets (auto)" in auto
    assert "(why_method in both.targets.csv): 3 by modifiers, 6 by kernel" in auto


def test_samples_that_no_method_can_predict_are_refused(store: Path, samples: pd.DataFrame):
    with pytest.raises(BadInputError, match="none of the models' genes are known"):
        Store(store).predict(samples.add_prefix("X"))
    with pytest.raises(BadInputError, match=r"no final models of method ridge .*kernel, modifiers"):
        Store(store).predict(samples, "ridge")
