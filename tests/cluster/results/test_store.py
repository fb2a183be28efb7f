import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from cluster import Store
from cluster.answers.text import modifier_cells
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD, Unit, shard_key
from cluster.views.shards import shards_table
from tasks.errors import BadInputError
from tasks.tables.schemas import TABLES, table_of
from tests.made_stores import made_commit, made_store, made_tables, made_writer, units_of


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("s")
    made_store(path, targets=("KRAS", "NRAS", "none1"))
    return path


def test_every_table_is_a_frame(path: Path) -> None:
    store = Store(path)
    for name in TABLES:
        assert isinstance(store.table(name), pd.DataFrame)
    assert len(store.scores()) == 9
    assert len(store.genes()) == 3
    assert len(store.shards()) == 4
    assert store.failures().empty
    assert store.run["seed"] == 0


def test_one_genes_rows_are_those_of_the_whole_table(path: Path) -> None:
    store = Store(path)
    for method in (store.modifiers, store.predictions, store.candidates):
        whole = method()
        pd.testing.assert_frame_equal(method("KRAS"), whole[whole["target"] == "KRAS"].reset_index(drop=True))
        with pytest.raises(BadInputError, match="XYZ: not a target of this store"):
            method("XYZ")


def test_query_gives_a_frame(path: Path) -> None:
    assert Store(path).query("SELECT max(fold) AS last FROM scores")["last"].tolist() == [2]


def test_an_unknown_table_is_bad_input(path: Path) -> None:
    with pytest.raises(
        BadInputError, match=r"'nope': there is none\ntables: analyses, borrowing, candidates, "
    ):
        Store(path).table("nope")


def test_a_gene_page_gathers_everything(path: Path) -> None:
    page = Store(path).gene("KRAS")
    assert page.summary["target"].tolist() == ["KRAS"]
    assert page.scores["fold"].tolist() == [0, 1, 2]
    assert (len(page.candidates), len(page.failures), page.missing) == (3, 0, {})
    raw = Store(path).modifiers("KRAS")
    models = Store(path).table("models").query("target == 'KRAS'")
    final = {(row["method"], name) for row in models.to_dict("records") for name in row["modifiers"]}
    assert page.modifiers["folds"].sum() == len(raw)
    assert page.modifiers["folds"].is_monotonic_decreasing
    for row in page.modifiers.to_dict("records"):
        mine = raw[raw["modifier"] == row["modifier"]]
        assert row["pearson"] == pytest.approx(mine["pearson"].mean())
        signs = {"+" if r > 0 else "−" for r in mine["pearson"]}
        assert row["sign"] == (signs.pop() if len(signs) == 1 else "±")
        assert row["final"] == ((row["method"], row["modifier"]) in final)


def test_the_direction_of_a_gated_gene_is_that_of_its_weight(tmp_path: Path) -> None:
    """Of CCND1 on real data, IKZF1 is the gene: r -0.37 alone, weight 0.03 in the prediction."""
    writer = made_store(tmp_path / "s", targets=("KRAS",), folds=2)
    weights = {"BOTH": (0.2, -0.1), "DOWN": (-0.3, -0.1), "R": (None, None)}
    units = units_of(["KRAS"], [0, 1], "best")
    writer.add_plan(units)
    for fold, unit in enumerate(units):
        rows = [
            {"method": "best", "target": "KRAS", "fold": fold, "modifier": name, "pearson": 0.4, "rank": 1}
            | {"weight": weight[fold]}
            for name, weight in weights.items()
        ]
        made_commit(writer, [unit], tables=made_tables([unit]) | {"modifiers": table_of("modifiers", rows)})
    page = Store(tmp_path / "s").gene("KRAS", "best")
    found = page.modifiers[page.modifiers["method"] == "best"].set_index("modifier")
    assert found["sign"].to_dict() == {"BOTH": "±", "DOWN": "−", "R": "+"}
    assert found["weight"].fillna(0).to_dict() == pytest.approx({"BOTH": 0.05, "DOWN": -0.2, "R": 0.0})
    directions = {m.gene: (m.direction, m.turned) for m in page.verdict.evidence.modifiers if m.folds}
    assert directions == {"BOTH": ("", False), "DOWN": ("high", True), "R": ("low", False)}
    head, rows, notes = modifier_cells(page.verdict)
    shown = {row[0]: row[head.index("weight")] for row in rows}
    assert shown == {"BOTH": "0.050", "DOWN": "−0.200", "R": ""}
    assert notes[0].endswith("The two differ in sign for DOWN")
    assert "weight" not in modifier_cells(Store(tmp_path / "s").gene("KRAS", "modifiers").verdict)[0]


def test_a_gene_without_modifiers_has_a_page(path: Path) -> None:
    page = Store(path).gene("none1")
    assert page.modifiers.empty
    assert page.scores["status"].tolist() == ["no_modifiers"] * 3


def test_a_misspelt_gene_is_answered_with_close_ones(path: Path) -> None:
    with pytest.raises(BadInputError, match=r"kars: not a target of this store; did you mean KRAS"):
        Store(path).gene("kars")
    with pytest.raises(BadInputError, match="`knockcast top STORE` lists its targets"):
        Store(path).gene("???")


def test_a_page_says_what_is_missing_and_why(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    writer.add_plan(units_of("A", [0, 1, 2]))
    made_commit(writer, units_of("A", [0]))
    writer.quarantine(Unit("modifiers", "A", 1), ["exit: signal 11"])
    page = Store(tmp_path).gene("A")
    assert page.missing == {Unit("modifiers", "A", 1): ["exit: signal 11"], Unit("modifiers", "A", 2): []}


def test_status_counts_everything(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    writer.add_plan(units_of("ABC", [0, 1, FINAL_FOLD]))
    made_commit(writer, units_of("ABC", [0]))
    made_commit(writer, units_of("AB", [1]))
    writer.quarantine(Unit("modifiers", "C", 1), ["x"])
    key = shard_key(writer.run_digest, units_of("ABC", [FINAL_FOLD]))
    for _ in range(3):
        writer.begin_attempt(key, {"method": "modifiers", "fold": FINAL_FOLD, "units": 3})
    writer.record_failure(key, 1, {"kind": "exit", "error": "signal 9"})
    store = Store(tmp_path)
    status = store.status()
    counts = (status.wanted, status.committed, status.left, status.quarantined)
    assert counts == (9, 5, 3, 1)
    assert (status.lost_attempts, status.failed_attempts, status.sealed) == (2, 1, False)
    assert status.statuses == {"ok": 5}
    assert status.by_fold.to_dict("list") == {
        "method": ["modifiers"] * 3,
        "fold": [FINAL_FOLD, 0, 1],
        "wanted": [3, 3, 3],
        "committed": [0, 3, 2],
        "quarantined": [0, 0, 1],
    }
    part = shard_key(writer.run_digest, units_of("A", [FINAL_FOLD]))
    writer.begin_attempt(part, {"method": "modifiers", "fold": FINAL_FOLD, "units": 1, "part_of": [key, 3]})
    made_commit(writer, units_of("A", [FINAL_FOLD]))
    assert store.status().lost_attempts == 1
    assert store.shards().set_index("shard")["state"][key] == "in parts"
    made_commit(writer, units_of("ABC", [FINAL_FOLD]))
    assert store.status().left == 0
    assert store.status().lost_attempts == 0


def test_a_unit_of_two_commits_is_counted_once_by_the_rows_that_count(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    writer.add_plan(units_of(["A", "none1", "C"], [0, FINAL_FOLD]))
    for targets in (["A", "none1"], ["none1", "C"], ["C"]):
        made_commit(writer, units_of(targets, [FINAL_FOLD]))  # models are all ok
        units = units_of(targets, [0])
        statuses = {"ok": sum(t != "none1" for t in targets), "no_modifiers": targets.count("none1")}
        key = shard_key(writer.run_digest, units)
        writer.commit(key, 1, units, made_tables(units), {}, info={"statuses": statuses})
    assert Store(tmp_path).status().statuses == {"no_modifiers": 1, "ok": 5}


def test_shards_tell_their_story(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    done = made_commit(writer, units_of("AB", [0]))
    info = {"method": "modifiers", "fold": 1, "units": 2}
    failed, lost = (shard_key(writer.run_digest, units_of(targets, [1])) for targets in ("AB", "CD"))
    for key in (failed, failed, lost, lost):
        writer.begin_attempt(key, info)
    writer.record_failure(failed, 2, {"kind": "exit", "error": "signal 9"})
    writer.record_failure(lost, 1, {"kind": "deadline", "error": "300 s"})
    rows = {row["shard"]: row for row in shards_table(StoreReader(writer.fs)).to_pylist()}
    assert list(rows) == sorted([done, failed, lost])
    size = sum(path.stat().st_size for path in tmp_path.glob("data/*/*"))
    assert rows[done] == {
        "method": "modifiers",
        "shard": done,
        "fold": 0,
        "units": 2,
        "state": "committed",
        "attempts": 1,
        "failed": 0,
        "seconds": 1.5,
        "host": "here",
        "bytes": size,
        "memory": None,
        "error": None,
    }
    assert (rows[failed]["state"], rows[failed]["error"], rows[failed]["units"]) == (
        "failed",
        "exit: signal 9",
        2,
    )
    assert (rows[lost]["state"], rows[lost]["error"], rows[lost]["attempts"]) == (
        "unfinished",
        "deadline: 300 s",
        2,
    )


def test_importing_cluster_starts_nothing_heavy() -> None:
    code = "import sys, cluster; print(sorted({'ray', 'pandas', 'duckdb', 'torch'} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    code = "import sys; from cluster import Store; print(sorted({'ray', 'torch'} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_cluster_has_no_other_names() -> None:
    import cluster

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = cluster.nothing
