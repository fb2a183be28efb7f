"""`status --watch`, `--json` and `--summary`, of stores that a driver works on, or none."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster.answers.pace import seconds_left
from cluster.answers.status_record import status_record
from cluster.answers.summary import summary_of
from cluster.answers.watching import looks, watch
from cluster.execution.run import run
from cluster.observing.events import Silent
from cluster.observing.snapshot import Snapshot
from cluster.store.filesystem import open_filesystem
from cluster.store.leases import Lease
from cluster.store.reader import StoreReader
from cluster.store.records import Commit
from cluster.store.units import Unit
from cluster.store.writer import StoreWriter
from tests.commands import knockcast
from tests.made_datasets import tiny_dataset
from tests.made_stores import BODY, made_commit, made_store, made_writer, units_of
from tests.object_storage.servers import serving_bucket

RUN = {**BODY, "preset": "quick", "measure": "effect"}
KEYS = {
    *("store", "run", "state", "complete", "preset", "scheme", "seed", "measure", "units", "attempts"),
    *("left_seconds", "drivers", "statuses", "folds", "trainings", "quarantined"),
}


def begun(place: Path | str) -> StoreWriter:
    """A store of two folds, one of them done."""
    writer = StoreWriter(open_filesystem(place))
    writer.open_run(RUN)
    writer.add_plan(units_of("AB", [0, 1]))
    made_commit(writer, units_of("AB", [0]))
    return writer


class Finishing(Silent):
    """Does the rest of the work once it was shown that some is left."""

    def __init__(self, writer: StoreWriter) -> None:
        self._writer, self.seen = writer, list[Snapshot]()

    def show(self, snapshot: Snapshot) -> None:
        if not self.seen:
            made_commit(self._writer, units_of("AB", [1]))
        self.seen.append(snapshot)


def watched(writer: StoreWriter) -> Finishing:
    lease = Lease.take(writer.fs, ["modifiers"])
    assert lease is not None
    finishing = Finishing(writer)
    watch(StoreReader(writer.fs), finishing, 0.2)
    lease.end()
    return finishing


def test_watching_follows_a_run_to_its_end(tmp_path: Path) -> None:
    seen = watched(begun(tmp_path / "store")).seen
    assert [(look.done, look.before, look.units) for look in (seen[0], seen[-1])] == [(2, 2, 4), (4, 2, 4)]


def test_watching_follows_a_run_into_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving_bucket("moto", tmp_path) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert watched(begun("s3://bucket/store")).seen[-1].done == 4


def test_watching_what_nobody_works_on_ends_at_once(tmp_path: Path) -> None:
    begun(tmp_path / "store")
    ended = knockcast("status", tmp_path / "store", "--watch")
    assert ended.returncode == 0
    assert "2 units left" in ended.stdout


def test_ctrl_c_ends_watching_at_once_and_the_run_goes_on(tmp_path: Path) -> None:
    writer = begun(tmp_path / "store")
    lease = Lease.take(writer.fs, ["modifiers"])
    assert lease is not None
    command = [sys.executable, "-m", "cluster", "status", str(tmp_path / "store"), "--watch", "--every", "60"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path.cwd())
    assert process.stderr is not None
    assert "units to do" in process.stderr.readline()
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert time.monotonic() - asked < 5
    assert not lease.is_lost
    lease.end()


def test_a_store_that_fails_ends_watching_with_its_error() -> None:
    def fail() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        next(looks(fail, 0.01))


def test_json_has_keys_that_stay(tmp_path: Path) -> None:
    begun(tmp_path / "store")
    record = json.loads(knockcast("status", tmp_path / "store", "--json").stdout)
    assert record.keys() == KEYS
    assert record["units"] == {"wanted": 4, "committed": 2, "left": 2, "quarantined": 0}
    assert record["attempts"] == {"failed": 0, "lost_or_running": 0}
    assert record["folds"][1] == {
        "method": "modifiers",
        "fold": 1,
        "wanted": 2,
        "committed": 0,
        "quarantined": 0,
    }
    assert (record["complete"], record["drivers"], record["left_seconds"]) == (False, [], None)


def test_json_names_the_driver_and_the_quarantined(tmp_path: Path) -> None:
    writer = begun(tmp_path / "store")
    writer.quarantine(Unit("modifiers", "A", 1), ["error: planted"])
    lease = Lease.take(writer.fs, ["modifiers"])
    assert lease is not None
    record = status_record(StoreReader(writer.fs))
    lease.end()
    (driver,) = record["drivers"]
    assert (driver["process"], driver["methods"]) == (os.getpid(), ["modifiers"])
    assert record["quarantined"] == [
        {"method": "modifiers", "target": "A", "fold": 1, "errors": ["error: planted"]}
    ]


def test_json_and_summary_are_not_asked_for_at_once(tmp_path: Path) -> None:
    begun(tmp_path / "store")
    ended = knockcast("status", tmp_path / "store", "--json", "--summary")
    assert (ended.returncode, ended.stdout) == (2, "")


def test_the_summary_adds_up_to_the_tables(tmp_path: Path) -> None:
    reader = StoreReader(made_store(tmp_path).fs)
    summary = summary_of(reader)
    assert (summary.shards, summary.seconds) == (4, 6.0)
    stages = summary.stages.set_index("stage")["seconds"]
    candidates = reader.table("candidates").to_pandas().groupby("candidate")["seconds"].sum()
    for name, seconds in candidates.items():
        assert stages[f"candidate {name}"] == pytest.approx(seconds)
    assert stages["final fits"] == pytest.approx(reader.table("models").to_pandas()["seconds"].sum())


def test_of_a_method_whose_parts_are_timed_together_the_whole_is_told_once(tmp_path: Path) -> None:
    dataset = tiny_dataset(tmp_path / "dataset")
    run(dataset, tmp_path / "store", methods=["best"], folds=3, final=False, workers=0)
    reader = StoreReader.open(tmp_path / "store")
    assert reader.table("candidates")["seconds"].null_count == len(reader.table("candidates"))
    stages = summary_of(reader).stages
    took = reader.table("scores").to_pandas()["seconds"].sum()
    assert stages["seconds"].tolist() == [pytest.approx(took)]


def test_networks_that_targets_share_are_told_once(tmp_path: Path) -> None:
    dataset = tiny_dataset(tmp_path / "dataset")
    run(dataset, tmp_path / "store", methods=["plain"], folds=2, workers=0)
    reader = StoreReader.open(tmp_path / "store")
    stages = summary_of(reader).stages.set_index("stage")["seconds"]
    scores, models, networks = (
        reader.table(name).to_pandas()["seconds"].sum() for name in ("scores", "models", "networks")
    )
    assert stages["training networks"] == pytest.approx(networks)
    assert stages.sum() == pytest.approx(scores + models)


def test_the_summary_is_printed(tmp_path: Path) -> None:
    writer = made_writer(tmp_path / "store", RUN)
    writer.add_plan(units_of("AB", [0]))
    made_commit(writer, units_of("AB", [0]))
    said = knockcast("status", tmp_path / "store", "--summary").stdout
    assert "work: 1 shards" in said
    assert "slowest shards" in said
    assert "candidate" in said


def timed(target: str, ended: float | None, seconds: float = 10.0, units: int = 2) -> Commit:
    mine = tuple(Unit("modifiers", f"{target}{i}", 0) for i in range(units))
    return Commit(target, 1, "r", mine, (), (), {}, seconds, "h", "s", ended=ended)


def test_time_left_is_work_left_at_the_pace_of_the_last_commits() -> None:
    two_slots = [timed(f"T{i}", 5.0 * i) for i in range(1, 9)]  # ten seconds each, one every five
    left = [Unit("modifiers", f"L{i}", 0) for i in range(8)]  # of five seconds each
    assert seconds_left(two_slots, left) == pytest.approx(20.0)
    assert seconds_left(two_slots, []) == 0.0


def test_a_night_in_which_nobody_worked_does_not_slow_the_pace() -> None:
    commits = [timed(f"T{i}", 5.0 * i + (40_000 if i > 4 else 0)) for i in range(1, 9)]
    assert seconds_left(commits, [Unit("modifiers", "L", 0)]) == pytest.approx(2.5)


def test_no_time_is_told_where_commits_say_none_or_a_method_has_none() -> None:
    left = [Unit("modifiers", "L", 0)]
    assert seconds_left([timed("T", None)], left) is None
    assert seconds_left([timed("T", 5.0), timed("U", 9.0)], [Unit("forest", "L", 0)]) is None
