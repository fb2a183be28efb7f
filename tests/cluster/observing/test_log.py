"""The JSON log of a real run in process: which events come, and what each names."""

import json
from pathlib import Path
from typing import Any

import pytest

from cluster import Store, run
from cluster.observing.events import Event
from cluster.observing.log import SECONDS_BETWEEN, JsonLog
from cluster.observing.snapshot import FoldProgress, Snapshot
from cluster.runs.planning import make_shards
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Preparation
from cluster.scheduling.in_process import InProcessExecutor
from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tests.chaos.work import Script, misbehave, prepare
from tests.costs import costs_of
from tests.stores import planned_store, table_bytes

UNITS = [Unit("modifiers", f"G{i}", 0) for i in range(4)]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_with_a_bad_target_is_told_event_by_event(tmp_path: Path) -> None:
    writer = planned_store(tmp_path / "store", UNITS)
    shards = make_shards(UNITS, writer.run_digest, costs_of(10, 10), 1, 2)
    log = JsonLog(tmp_path / "log", writer.run_digest, writer.fs.name)
    executor = InProcessExecutor(misbehave, Preparation(prepare, Script(tmp_path, raises=frozenset({"G3"}))))
    drive(writer, shards, executor, observer=log)
    told = lines_of(tmp_path / "log")
    assert all(line["run"] == writer.run_digest for line in told)
    assert [told[0]["event"], told[-1]["event"]] == ["run_began", "run_ended"]
    assert (told[0]["units"], told[-1]["quarantined"]) == (4, 1)
    committed = {line["shard"]: line for line in told if line["event"] == "shard_committed"}
    assert committed.keys() == {commit.key for commit in StoreReader(writer.fs).commits()}
    assert sorted(target for line in committed.values() for target in line["targets"]) == ["G0", "G1", "G2"]
    failed = [line for line in told if line["event"] == "attempt_failed"]
    assert [line["targets"] for line in failed] == [["G2", "G3"]] + 3 * [["G3"]]
    assert [line["attempt"] for line in failed] == [1, 1, 2, 3]
    assert all(line["kind"] == "error" and "planted in G3" in line["error"] for line in failed)
    (gone,) = [line for line in told if line["event"] == "target_quarantined"]
    assert (gone["targets"], gone["method"], gone["fold"]) == (["G3"], "modifiers", 0)


def test_how_far_the_run_is_comes_once_a_minute(tmp_path: Path) -> None:
    clock = iter([0.0, 0.0, SECONDS_BETWEEN, SECONDS_BETWEEN, SECONDS_BETWEEN, SECONDS_BETWEEN + 1])
    log = JsonLog(tmp_path / "log", "r", "s", clock=lambda: next(clock))
    snapshot = Snapshot((FoldProgress("modifiers", 0, 4, 1),), running=2, left=30.0)
    for _ in range(3):
        log.show(snapshot)
    told = lines_of(tmp_path / "log")
    assert [line["time"] for line in told] == [SECONDS_BETWEEN]
    assert told[0]["event"] == "progress"
    assert (told[0]["units"], told[0]["done"], told[0]["left"]) == (4, 1, 30.0)
    assert told[0]["folds"] == [["modifiers", 0, 4, 1]]


def test_a_second_run_appends(tmp_path: Path) -> None:
    for name in ("first", "second"):
        log = JsonLog(tmp_path / "log", name, "s")
        log.take(Event("run began"))
        log.close()
    assert [line["run"] for line in lines_of(tmp_path / "log")] == ["first", "second"]


def test_a_log_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"--log .*expected a file in a folder that exists"):
        JsonLog(tmp_path / "nowhere" / "log", "r", "s")


def test_a_bad_log_is_refused_before_a_store_is_made(small_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="--log"):
        run(small_dataset, tmp_path / "store", workers=0, log=str(tmp_path / "nowhere" / "log"))
    assert not (tmp_path / "store").exists()


def test_a_run_logs_what_its_worker_said_and_changes_no_byte(small_dataset: Path, tmp_path: Path) -> None:
    few = Dataset.open(small_dataset).targets[:3]
    asked: dict[str, Any] = {"workers": 0, "methods": "modifiers", "targets": few, "folds": 2, "final": False}
    run(small_dataset, tmp_path / "plain", **asked)
    run(small_dataset, tmp_path / "logged", **asked, log=str(tmp_path / "log"))
    assert table_bytes(tmp_path / "logged") == table_bytes(tmp_path / "plain")
    committed = [line for line in lines_of(tmp_path / "log") if line["event"] == "shard_committed"]
    assert all(line["stages"].keys() == {"fit", "write"} for line in committed)
    assert all(line["memory"] > 2**20 and line["host"] and line["seconds"] > 0 for line in committed)
    shards = Store(tmp_path / "logged").shards()
    assert (shards["memory"] > 2**20).all()


def test_a_full_disk_ends_the_log_and_not_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    log = JsonLog("/dev/full", "r", "s")
    log.take(Event("run began"))
    log.take(Event("run ended"))
    log.close()
    assert capsys.readouterr().err.count("given up") == 1
