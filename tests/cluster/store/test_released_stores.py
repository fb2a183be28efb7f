"""Stores and datasets that past releases wrote: they read, verify, predict and resume with today's code."""

import hashlib
import json
import platform
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cluster import Store, run
from cluster.execution.run import resume_store
from cluster.formats import to_bytes
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.results.compare import compare
from cluster.runs.options import folds_of, options_of, run_body
from cluster.store.body import digest_of
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.query import query
from cluster.views.registry import view
from tasks.dataset.dataset import Dataset
from tests.stores import sorted_tables

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
RELEASE = "0.1"
PINNED: dict[str, Any] = json.loads((FIXTURES / RELEASE / "pinned.json").read_text())
HOLD_LAST_DIGITS = ("weights", "sha256", "parameters")  # bytes and text of what a fit learned
# Relative and absolute: another kind of CPU writes other last digits, of float64 and of networks' float32.
CLOSE, CLOSE_NETWORKS = (1e-9, 1e-11), (1e-4, 1e-6)
OPTIONS: dict[str, Any] = {"folds": 2, "preset": "ols,lasso,tree,knn", "workers": 0}


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(FIXTURES / RELEASE / f"{name}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / name


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sealed store, for tests that only read."""
    return unpacked("finished", tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked("dataset", tmp_path_factory.mktemp("released"))


@pytest.fixture
def same_libraries(finished: Path) -> None:
    """Skip, loudly, where results may differ in their last digits: a resume is refused there."""
    recorded = dict(Store(finished).run["libraries"])  # type: ignore[call-overload]
    here = {name: version(name) for name in recorded if name != "machine"} | {"machine": platform.machine()}
    if recorded != here:
        pytest.skip(f"written with {recorded}, here {here}: resuming released stores was not tested")


@pytest.mark.parametrize("name", PINNED["tables"])
def test_every_written_table_has_the_rows_it_had(finished: Path, name: str) -> None:
    pinned = PINNED["tables"][name]
    table = StoreReader.open(finished).table(name).select(pinned["columns"])
    assert table.num_rows == pinned["rows"]
    rows = json.loads(to_bytes(table, "json"))
    assert hashlib.sha256(json.dumps(rows).encode()).hexdigest() == pinned["sha256"]


@pytest.mark.parametrize("name", PINNED["rows"])
def test_every_table_reads_in_every_way(finished: Path, name: str) -> None:
    reader = StoreReader.open(finished)
    table = view(reader, name)
    assert table.num_rows == PINNED["rows"][name]
    queried = query(reader, f"SELECT * FROM {name}")  # noqa: S608 - a name of our own
    assert queried.column_names == table.column_names
    assert queried.num_rows == table.num_rows
    assert len(Store(finished).table(name)) == table.num_rows


@pytest.mark.parametrize("key", PINNED["genes"])
def test_genes_have_the_scores_they_had(finished: Path, key: str) -> None:
    genes = Store(finished).genes().set_index(["method", "target"]).loc[tuple(key.split("/"))]
    for name, value in PINNED["genes"][key].items():
        if value is None:
            assert pd.isna(genes[name]), name
        else:
            assert genes[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-9)), name


def test_a_released_store_is_well_and_nothing_of_it_is_moved(tmp_path: Path) -> None:
    fs = open_filesystem(unpacked("finished", tmp_path))
    before = {path: fs.read(path) for path in fs.paths("")}
    report = verify(fs, repair=True)
    older = "54 files of older table versions, read with nulls in columns added since"
    assert report.lines() == [f"36 commits, 77 files, {report.size} bytes checked: all is well", older]
    assert gc(fs) == []
    assert {path: fs.read(path) for path in fs.paths("")} == before


def test_a_gene_page_and_a_comparison_read_it(finished: Path) -> None:
    page = Store(finished).gene("SIMAAA4")
    assert sorted(page.summary["method"]) == sorted(
        {"forest", "kernel", "modifiers", "one_modifier", "plain", "ridge"}
    )
    assert not page.missing
    made, pinned = compare(str(finished), "modifiers", "ridge"), PINNED["compare"]
    assert len(made.table) == pinned["targets"]
    for name in ("mean", "t_p", "wilcoxon_p"):
        assert getattr(made.paired, name) == pytest.approx(pinned[name], rel=1e-9)


@pytest.mark.parametrize("method", PINNED["predictions"])
def test_final_models_predict_what_they_predicted(finished: Path, dataset: Path, method: str) -> None:
    predicted = Store(finished).predict(samples_of(dataset), method).predicted
    close = {"rel": 1e-5, "abs": 1e-6} if method == "plain" else {"rel": 1e-6}  # its networks are of float32
    for target, values in PINNED["predictions"][method].items():
        assert predicted[target].tolist() == pytest.approx(values, **close)


def test_residuals_and_drugs_are_as_they_were(finished: Path, dataset: Path) -> None:
    models = Store(finished).table("models").set_index(["method", "target"]).loc["kernel", "SIMAAA4"]
    for name, value in PINNED["residual"].items():
        assert models[name] == pytest.approx(value, rel=1e-9)
    ranked = Store(finished).rank_drugs(samples_of(dataset)).head(2).to_dict("records")
    for row, pinned in zip(ranked, PINNED["drugs"], strict=True):
        assert (row["sample"], row["drug"], row["rank"]) == tuple(
            pinned[n] for n in ("sample", "drug", "rank")
        )
        assert row["z"] == pytest.approx(pinned["z"], rel=1e-6)


@pytest.mark.usefixtures("same_libraries")
def test_the_run_has_the_digest_it_had(finished: Path, dataset: Path) -> None:
    reader = StoreReader.open(finished)
    assert reader.run_digest == PINNED["run_digest"]
    options, opened = options_of(reader.run), Dataset.open(dataset)
    body = run_body(options, opened, folds_of(options, opened), reader.run["targets_sha256"])
    assert "format" not in body  # `store.body` adds it, and nothing else does
    assert digest_of(body) == PINNED["run_digest"]


@pytest.mark.usefixtures("same_libraries")
def test_an_unfinished_store_resumes_to_the_same_bytes(finished: Path, dataset: Path, tmp_path: Path) -> None:
    store = unpacked("unfinished", tmp_path)
    outcome = resume_store(str(store), dataset=dataset, workers=0)
    assert not outcome.sealed  # one target is quarantined
    assert [(unit.target, unit.fold) for unit in outcome.quarantined] == [("SIMAAF4", 1)]
    outcome = resume_store(str(store), dataset=dataset, workers=0, retry_failed=True)
    assert outcome.sealed
    expected = sorted_tables(finished)
    for name, table in sorted_tables(store).items():
        assert_alike(table, wanted_rows(expected[name]), name)
    report = verify(open_filesystem(store), repair=True)
    assert (report.ok, report.moved) == (True, ())


def assert_alike(table: pa.Table, expected: pa.Table, name: str) -> None:
    """Equal to the byte, or, where another kind of CPU wrote them, in all but the last digits of numbers."""
    if table.equals(expected):
        return
    assert table.schema.equals(expected.schema), name
    for method in set(expected.column("method").to_pylist()) | set(table.column("method").to_pylist()):
        mine, theirs = (t.filter(pc.equal(t.column("method"), method)) for t in (table, expected))
        assert mine.num_rows == theirs.num_rows, (name, method)
        for column in mine.column_names:
            same = alike(mine.column(column).combine_chunks(), theirs.column(column).combine_chunks(), method)
            assert same or column in HOLD_LAST_DIGITS, (name, method, column)


def alike(mine: pa.Array, theirs: pa.Array, method: str) -> bool:
    """Equal, or numbers that are close."""
    if mine.equals(theirs):
        return True
    if pa.types.is_list(mine.type):
        return mine.value_lengths().equals(theirs.value_lengths()) and alike(
            mine.flatten(), theirs.flatten(), method
        )
    if not pa.types.is_floating(mine.type) or not mine.is_null().equals(theirs.is_null()):
        return False
    limits = CLOSE_NETWORKS if method == "plain" else CLOSE
    return np.allclose(mine.to_numpy(False), theirs.to_numpy(False), *limits, equal_nan=True)


def wanted_rows(table: pa.Table) -> pa.Table:
    """The rows of a table of the finished store that the unfinished one wants."""
    method = table.column("method")
    rows = pc.is_in(method, pa.array(["modifiers", "kernel"]))
    networks = pc.equal(method, "plain")
    if "fold" not in table.column_names:  # no final models of `plain` are wanted
        return table.filter(rows)
    counted = pc.not_equal(table.column("fold"), FINAL_FOLD)
    return table.filter(pc.or_(rows, pc.and_(networks, counted)))


@pytest.mark.usefixtures("same_libraries")
def test_another_method_joins_a_released_store(dataset: Path, tmp_path: Path) -> None:
    store = unpacked("finished", tmp_path)
    before = StoreReader.open(store).table("scores")
    outcome = run(dataset, store, methods=("all_modifiers",), targets="SIMAAA4,SIMAAA1", **OPTIONS)
    assert (outcome.sealed, outcome.done) == (True, 4)
    reader = StoreReader.open(store)
    after = reader.table("scores")
    assert after.filter(pc.not_equal(after.column("method"), "all_modifiers")).equals(before)
    assert query(reader, "SELECT count(*) AS n FROM scores").to_pylist() == [{"n": before.num_rows + 4}]
    assert verify(reader.fs, repair=True).moved == ()
    assert reader.is_sealed()


def samples_of(dataset: Path) -> pd.DataFrame:
    """The dataset's first three cell lines, as new samples."""
    opened = Dataset.open(dataset)
    return pd.DataFrame(opened.expression[:3], index=list(opened.cell_lines[:3]), columns=list(opened.genes))
