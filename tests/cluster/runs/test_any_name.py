"""Targets may have any name that shows, those of fold-level work in a store's keys included."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Store, run
from cluster.maintenance.maintain import verify
from cluster.results.prediction_files import predict_file
from cluster.store.reader import StoreReader
from cluster.views.query import query
from tasks.importing.importer import import_release
from tests.made_datasets import made_matrices

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

GENES = ["*", "*search", "\\*", "\\search", "**", "TP53", "a,b", "G7", "G8", "G9"]
TARGETS = GENES[:6]
METHODS = ("modifiers", "plain")


def write(path: Path, rows: list[str], columns: list[str], values: np.ndarray) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", *columns])
        writer.writerows([row, *numbers] for row, numbers in zip(rows, values.tolist(), strict=True))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset imported from CSV files, a store of it and three samples."""
    folder = tmp_path_factory.mktemp("names")
    expression, noise = made_matrices(48)
    effect = 2 * expression[:, : len(TARGETS)] + 0.2 * noise
    lines = [f"ACH-{i:06d}" for i in range(48)]
    write(folder / "effect.csv", lines, TARGETS, effect)
    write(folder / "expression.csv", lines, GENES, expression)
    (folder / "models.csv").write_text("ModelID,lineage\n" + "".join(f"{line},Lung\n" for line in lines))
    write(folder / "samples.csv", ["S1", "S2", "S3"], GENES, expression[:3] + 0.5)
    import_release(folder, out=folder / "dataset")
    outcome = run(folder / "dataset", folder / "store", methods=METHODS, workers=0, folds=2, shard_size=4)
    assert outcome.sealed
    return folder


def test_every_target_has_scores_and_nothing_is_quarantined(folder: Path):
    scores = Store(folder / "store").scores()
    held_out = scores[scores["fold"] >= 0]
    found = held_out.groupby("method")["target"].apply(sorted).to_dict()
    assert found == {method: sorted(TARGETS * 2) for method in METHODS}
    assert set(held_out["status"]) == {"ok"}
    assert held_out["pearson"].notna().all()
    reader = StoreReader.open(folder / "store")
    assert not (folder / "store" / "quarantine").exists() or not list((folder / "store/quarantine").iterdir())
    assert verify(reader.fs).ok


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_found_by_a_query_and_on_its_page(folder: Path, target: str):
    reader = StoreReader.open(folder / "store")
    quoted = target.replace("'", "''")
    table = query(reader, f"SELECT count(*) AS n FROM scores WHERE fold >= 0 AND target = '{quoted}'")  # noqa: S608
    assert table.column("n").to_pylist() == [4]
    genes = Store(folder / "store").genes()
    assert (genes["target"] == target).sum() == len(METHODS)
    assert Store(folder / "store").gene(target).target == target


@pytest.mark.parametrize("method", METHODS)
def test_samples_are_predicted_for_each_of_them(folder: Path, tmp_path: Path, method: str):
    out = tmp_path / "predicted.csv"
    predict_file(str(folder / "store"), folder / "samples.csv", out, method=method)
    predicted = pd.read_csv(out)
    assert set(TARGETS) <= set(predicted.columns)
    assert predicted[TARGETS].notna().all(axis=None)


def test_a_later_run_may_add_one_of_them_by_name(folder: Path, tmp_path: Path):
    def add(*targets: str) -> set[str]:
        store = tmp_path / "store"
        assert run(folder / "dataset", store, targets=targets, methods=("plain",), workers=0, folds=2).sealed
        return {path.name for path in (store / "commits").iterdir()}

    first = add("*")
    second = add("*search", "\\*")
    assert first < second
    assert add("*") == second
    assert set(Store(tmp_path / "store").scores()["target"]) == {"*", "*search", "\\*"}
