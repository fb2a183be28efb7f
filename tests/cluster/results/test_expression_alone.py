"""Final models are of expression alone, so nothing that judges them may know what other inputs predicted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Store, run
from cluster.results.prediction_files import predict_file
from cluster.results.validate import headlines, validate
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.dataset.layers import Layer
from tests.made_datasets import GENES, TARGETS, made_dataset, made_matrices

LINES, TRAINED, PLANTED = 150, 120, TARGETS[0]
METHODS = ("ridge", "best")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first target is a mutation that no expression shows; the others follow expression."""
    path = tmp_path_factory.mktemp("mutated") / "dataset"
    expression, effect = made_matrices(TRAINED)
    mutated = (np.random.default_rng(6).random((TRAINED, 3)) < 0.3).astype(np.float32)
    effect[:, 0] = np.random.default_rng(7).standard_normal(TRAINED) + 4 * mutated[:, 0]
    mutated[::9] = np.nan  # lines that nobody sequenced
    write_dataset(
        path,
        expression=expression,
        effect=effect,
        cell_lines=[f"ACH-{i:06d}" for i in range(TRAINED)],
        genes=GENES,
        targets=TARGETS,
        layers=[Layer("mutations", ("KRAS", "NRAS", "TP53"), mutated)],
    )
    return path


@pytest.fixture(scope="module")
def stores(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same run with mutations and without."""
    folder = tmp_path_factory.mktemp("stores")
    for inputs in ("all", "expression"):
        run(dataset, folder / inputs, methods=METHODS, folds=3, workers=0, inputs=inputs)
    return {inputs: folder / inputs for inputs in ("all", "expression")}


@pytest.fixture
def samples() -> pd.DataFrame:
    expression = made_matrices(LINES)[0][TRAINED:]
    return pd.DataFrame(expression, index=[f"s{i}" for i in range(LINES - TRAINED)], columns=GENES)


def test_mutations_do_predict_the_planted_target_out_of_fold(stores: dict[str, Path]):
    rows = Store(stores["all"]).genes(method="best").set_index("target").loc[PLANTED]
    assert rows["pearson_pooled"] > 0.6
    assert abs(rows["pearson_expression"]) < 0.3


@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_trust_intervals_and_choice_are_as_of_a_run_without_mutations(
    stores: dict[str, Path], samples: pd.DataFrame, method: str
):
    made, plain = (Store(store).predict(samples, method, interval=0.9) for store in stores.values())
    pd.testing.assert_frame_equal(made.predicted, plain.predicted)
    pd.testing.assert_frame_equal(made.trust, plain.trust)
    pd.testing.assert_frame_equal(made.low, plain.low)
    pd.testing.assert_frame_equal(made.high, plain.high)
    tables = [Store(store).predict_long(samples, method) for store in stores.values()]
    pd.testing.assert_frame_equal(*tables)
    assert made.trust.set_index("target").loc[PLANTED, "pearson_pooled"] < 0.3


def test_residuals_of_table_models_too(stores: dict[str, Path]):
    residuals = [f"residual_{level}" for level in (50, 80, 90, 95)]
    made, plain = (
        Store(store).query("FROM models ORDER BY method, target")[residuals] for store in stores.values()
    )
    pd.testing.assert_frame_equal(made, plain)
    assert made.notna().all(axis=None)


def test_predict_says_so(stores: dict[str, Path], samples: pd.DataFrame, tmp_path: Path):
    samples.to_csv(tmp_path / "x.csv", index_label="sample")
    said = predict_file(str(stores["all"]), tmp_path / "x.csv", tmp_path / "out.csv")
    assert "best: final models use expression alone, not the mutations" in said
    assert "pearson_expression" in said
    for store, method in (("all", "ridge"), ("expression", "best")):
        out = tmp_path / f"{method}.csv"
        assert "use expression alone" not in predict_file(str(stores[store]), tmp_path / "x.csv", out, method)


def test_validate_compares_with_what_expression_predicted(stores: dict[str, Path], tmp_path: Path):
    other = made_dataset(tmp_path / "d", *made_matrices(LINES))
    made = validate(StoreReader.open(stores["all"]), Dataset.open(other), "best")
    genes = Store(stores["all"]).genes(method="best").set_index("target")
    known = made.table.set_index("target")["pearson_pooled"]
    pd.testing.assert_series_equal(known, genes.loc[known.index, "pearson_expression"], check_names=False)
    assert "use expression alone" in headlines(made)[-1]
