"""Table `cell_lines`, lineages of predictions and `target_lineages`, with and without what the run wrote."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Store, run
from cluster.maintenance.maintain import verify
from cluster.store import layout
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.views.cell_lines import target_lineages_table
from cluster.views.run_dataset import cell_lines_table
from tasks.dataset.dataset import Dataset
from tests.made_stores import made_store

TARGETS = 8


@pytest.fixture(scope="module")
def dataset(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(small_dataset, tmp_path_factory.mktemp("lines") / "dataset"))


@pytest.fixture(scope="module")
def store(dataset: Path) -> Path:
    path = dataset.parent / "store"
    run(dataset, path, methods=["ridge"], workers=0, folds=3, targets=Dataset.open(dataset).targets[:TARGETS])
    return path


@pytest.fixture
def old(store: Path, tmp_path: Path) -> Path:
    """The store as releases before 0.2 wrote it."""
    copy = Path(shutil.copytree(store, tmp_path / "old"))
    shutil.rmtree(copy / layout.CELL_LINES)
    return copy


def path_of(store: Path) -> str:
    return layout.cell_lines_path(str(StoreReader.open(store).run["dataset_hash"]))


def test_a_run_writes_its_lines_once_with_names_and_folds(store: Path, dataset: Path) -> None:
    lines = Store(store).table("cell_lines").set_index("cell_line")
    source = Dataset.open(dataset)
    assert lines.index.tolist() == sorted(source.cell_lines)
    held = source.cell_line_table.to_pandas().set_index("cell_line")
    assert lines["lineage"].to_dict() == dict(zip(source.cell_lines, source.lineages, strict=True))
    assert lines["name"].to_dict() == held["cell_line_name"].to_dict()
    tested = Store(store).predictions().groupby("cell_line")["fold"].unique()
    assert {line: list(folds) for line, folds in lines["folds"].items()} == tested.map(list).to_dict()
    before = (store / path_of(store)).read_bytes()
    run(dataset, store, methods=["ridge"], workers=0, folds=3, targets=source.targets[:TARGETS])
    assert (store / path_of(store)).read_bytes() == before


def test_an_old_store_has_the_same_lines_from_its_dataset(store: Path, old: Path) -> None:
    assert cell_lines_table(StoreReader.open(old)).equals(cell_lines_table(StoreReader.open(store)))
    assert verify(open_filesystem(old)).ok


def test_an_old_store_without_its_dataset_still_answers(old: Path, dataset: Path) -> None:
    moved = dataset.rename(dataset.with_name("moved"))
    try:
        lines, rows = Store(old).table("cell_lines"), Store(old).predictions()
        page = Store(old).gene(rows["target"][0])
        found = Store(old).query("SELECT count(lineage) AS n, count(*) AS rows FROM predictions")
    finally:
        moved.rename(dataset)
    assert lines["cell_line"].tolist() == sorted(set(rows["cell_line"]))
    assert lines["lineage"].isna().all()
    assert rows["lineage"].isna().all()
    assert found.to_dict("records") == [{"n": 0, "rows": len(rows)}]
    assert any(note.startswith("lineages: not known") for note in page.verdict.evidence.notes)
    assert "Per lineage nothing is known" in repr(page)


def test_lineages_go_with_predictions_by_every_way(store: Path) -> None:
    lineage = Store(store).table("cell_lines").set_index("cell_line")["lineage"]
    rows = Store(store).predictions()
    assert rows["lineage"].tolist() == lineage[rows["cell_line"]].tolist()
    target = rows["target"][0]
    of_one = Store(store).predictions(target.lower())
    pd.testing.assert_frame_equal(of_one, rows[rows["target"] == target].reset_index(drop=True))
    by_sql = Store(store).query("FROM predictions ORDER BY method, target, cell_line, fold")
    pd.testing.assert_frame_equal(by_sql, rows)


def test_target_lineages_are_groups_of_predictions(store: Path) -> None:
    rows = Store(store).predictions().dropna(subset=["measured"])
    found = Store(store).table("target_lineages").set_index(["target", "lineage"])
    means = Store(store).scores().set_index(["target", "fold"])["train_mean"]
    rows["mean"] = means[pd.MultiIndex.from_frame(rows[["target", "fold"]])].to_numpy()
    assert len(found) == rows.groupby(["target", "lineage"]).ngroups
    for key, group in rows.groupby(["target", "lineage"]):
        mine = found.loc[key]
        assert mine["n"] == len(group)
        assert mine["dependent"] == (group["measured"] <= -0.5).sum()
        assert mine["mean"] == pytest.approx(group["measured"].mean())
        assert mine["rmse"] == pytest.approx(np.sqrt(((group["measured"] - group["predicted"]) ** 2).mean()))
        if len(group) >= 3:
            r = (group["measured"] - group["mean"]).corr(group["predicted"] - group["mean"])
            assert mine["pearson"] == pytest.approx(r)


def test_some_targets_or_lineages_are_those_of_the_whole(store: Path) -> None:
    reader = StoreReader.open(store)
    whole = target_lineages_table(reader)
    target, lineage = whole.column("target")[0].as_py(), whole.column("lineage")[1].as_py()
    few = target_lineages_table(reader, (target,), (lineage,))
    assert few.to_pylist() == [
        row for row in whole.to_pylist() if (row["target"], row["lineage"]) == (target, lineage)
    ]


def test_a_damaged_file_is_found_and_written_again(store: Path, dataset: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(store, tmp_path / "copy"))
    victim = copy / path_of(copy)
    data = victim.read_bytes()
    victim.chmod(0o644)
    victim.write_bytes(data.replace(b"ACH-", b"ACH_", 1))
    report = verify(open_filesystem(copy), repair=True)
    assert [problem.path for problem in report.problems] == [path_of(copy)]
    assert "writes the cell lines again" in report.lines()[-1]
    run(dataset, copy, methods=["ridge"], workers=0, folds=3, targets=Dataset.open(dataset).targets[:TARGETS])
    assert victim.read_bytes() == data


def test_a_store_without_a_dataset_has_the_lines_it_predicted(tmp_path: Path) -> None:
    reader = StoreReader(made_store(tmp_path).fs)
    lines = cell_lines_table(reader).to_pylist()
    assert lines[0] == {"cell_line": "ACH-000000", "folds": [0]} | dict.fromkeys(
        ("name", "ccle_name", "lineage", "disease", "subtype")
    )
    assert target_lineages_table(reader).num_rows == 0
