import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ExitCode, StorageError
from cluster.runs.planning import make_shards
from cluster.scheduling.driver import drive, seal_if_done
from cluster.scheduling.executor import Preparation, Receipt
from cluster.scheduling.in_process import InProcessExecutor
from cluster.scheduling.shards import Job, Shard
from cluster.store import layout
from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from cluster.store.writer import StoreWriter, move_aside
from tests.chaos.work import Script, commit, marks, misbehave, prepare
from tests.costs import costs_of
from tests.promises import Measured
from tests.stores import planned_store

FIRST = ("G0", "G1", "G2", "G3")
UNITS = [Unit("modifiers", f"G{i}", fold) for fold in (0, 1) for i in range(8)]


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    return planned_store(tmp_path / "store", UNITS)


def left(writer: StoreWriter, size: int = 4) -> list[Shard]:
    done = StoreReader(writer.fs).committed_units()
    units = [unit for unit in UNITS if unit not in done]
    return make_shards(units, writer.run_digest, costs_of(10, 10), 1, size)


def in_process(tmp_path: Path, work: Callable[..., Receipt] = misbehave, **script: Any) -> InProcessExecutor:
    return InProcessExecutor(work, Preparation(prepare, Script(tmp_path, **script)))


def test_a_run_commits_everything_and_seals(writer: StoreWriter, tmp_path: Path) -> None:
    outcome = drive(writer, left(writer), in_process(tmp_path))
    assert (outcome.done, outcome.failures, outcome.exit_code) == (16, 0, ExitCode.DONE)
    assert outcome.sealed
    reader = StoreReader(writer.fs)
    assert reader.is_sealed()
    assert reader.committed_units().keys() == set(UNITS)
    assert reader.table("scores", ["target", "fold", "pearson"]).to_pylist()[:2] == [
        {"target": "G0", "fold": 0, "pearson": 2.0},
        {"target": "G0", "fold": 1, "pearson": 102.0},
    ]
    assert marks(tmp_path, "prepared-0") == marks(tmp_path, "prepared-1") == 1


@pytest.mark.parametrize("size", [1, 3, 8])
def test_the_shard_size_changes_no_row(writer: StoreWriter, tmp_path: Path, size: int) -> None:
    drive(writer, left(writer, size), in_process(tmp_path))
    rows = StoreReader(writer.fs).table("scores").to_pylist()
    assert [(r["target"], r["fold"], r["pearson"]) for r in rows] == [
        (u.target, u.fold, 100.0 * u.fold + 2) for u in sorted(UNITS)
    ]


def test_a_target_that_raises_is_quarantined_alone_with_its_story(
    writer: StoreWriter, tmp_path: Path
) -> None:
    outcome = drive(writer, left(writer), in_process(tmp_path, raises=frozenset({"G5"})))
    failing = {Unit("modifiers", "G5", 0), Unit("modifiers", "G5", 1)}
    assert outcome.exit_code == ExitCode.QUARANTINED
    assert not outcome.sealed
    assert outcome.quarantined.keys() == failing
    assert "split into 2 + 2" in outcome.stories[Unit("modifiers", "G5", 0)][0]
    reader = StoreReader(writer.fs)
    assert reader.quarantined().keys() == failing
    assert reader.committed_units().keys() == set(UNITS) - failing
    recorded = reader.failures()
    assert len(recorded) == outcome.failures == 2 * (2 + 3)
    assert all(f["kind"] == "error" and "planted in G5" in f["error"] for f in recorded)


def test_failures_of_an_earlier_run_count_unless_they_are_retried(
    writer: StoreWriter, tmp_path: Path, measured: Measured
) -> None:
    raising = in_process(tmp_path, raises=frozenset({"G5"}))
    drive(writer, left(writer), raising)
    again = drive(writer, left(writer, 1), in_process(tmp_path, raises=frozenset({"G5"})))
    assert (again.failures, len(again.quarantined)) == (2, 2)  # one more each, as three are on record
    retried = frozenset(StoreReader(writer.fs).quarantined())
    clean = in_process(tmp_path, raises=frozenset({"G5"}))
    assert drive(writer, left(writer, 1), clean, retried=retried).failures == 6
    healed = drive(writer, left(writer), in_process(tmp_path), retried=retried)
    assert healed.exit_code == ExitCode.DONE
    assert healed.sealed
    assert StoreReader(writer.fs).quarantined() == {}
    measured(targets_set_aside=len(again.quarantined), done_when_retried=len(retried))


def test_trouble_with_the_store_stops_the_run_and_blames_no_shard(
    writer: StoreWriter, tmp_path: Path
) -> None:
    def full(job: Job, script: Any, data: Any, signs: Any = None) -> Receipt:
        raise StorageError("the disk is full")

    with pytest.raises(StorageError, match="full"):
        drive(writer, left(writer), in_process(tmp_path, full))
    assert StoreReader(writer.fs).failures() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_goes_on_later(
    writer: StoreWriter, tmp_path: Path, number: signal.Signals
) -> None:
    def interrupt_third(job: Job, script: Any, data: float, signs: Any = None) -> Receipt:
        if job.shard.fold == 1:
            os.kill(os.getpid(), number)
        return commit(job, script, data)

    before = signal.getsignal(signal.SIGTERM)
    outcome = drive(writer, left(writer), in_process(tmp_path, interrupt_third))
    assert signal.getsignal(signal.SIGTERM) is before
    assert (outcome.interrupted, outcome.exit_code) == (True, ExitCode.INTERRUPTED)
    assert outcome.done == 8
    assert StoreReader(writer.fs).failures() == []
    rest = drive(writer, left(writer), in_process(tmp_path))
    assert (rest.done, rest.exit_code, rest.sealed) == (8, ExitCode.DONE, True)


def test_a_commit_counts_even_if_its_worker_died_before_saying_so(
    writer: StoreWriter, tmp_path: Path
) -> None:
    def commit_then_fail(job: Job, script: Any, data: float, signs: Any = None) -> Receipt:
        commit(job, script, data)
        raise ConnectionResetError("worker gone")

    outcome = drive(writer, left(writer), in_process(tmp_path, commit_then_fail))
    assert (outcome.done, outcome.failures, outcome.sealed) == (16, 0, True)


def test_an_orphans_late_commit_spares_the_halves_their_work(writer: StoreWriter, tmp_path: Path) -> None:
    """The whole shard is given up; its worker commits it while the first half fails for another reason."""
    orphan: list[Job] = []
    ran: list[tuple[str, ...]] = []

    def late(job: Job, script: Any, data: float, signs: Any = None) -> Receipt:
        if job.shard.fold == 1 or not set(job.shard.targets) <= set(FIRST):
            return commit(job, script, data)
        ran.append(job.shard.targets)
        if not orphan:
            orphan.append(job)
            raise ConnectionResetError("thought dead")
        commit(orphan[0], script, data)
        raise ValueError("half failed")

    outcome = drive(writer, left(writer), in_process(tmp_path, late))
    assert (outcome.done, outcome.failures, outcome.sealed) == (16, 1, True)
    assert ran == [FIRST, FIRST[:2]]


def test_a_store_without_a_plan_is_not_complete(writer: StoreWriter, tmp_path: Path) -> None:
    drive(writer, left(writer), in_process(tmp_path))
    for path in writer.fs.paths(layout.PLANS):
        move_aside(writer.fs, path)
    assert not seal_if_done(writer)
    assert not StoreReader(writer.fs).is_sealed()


@pytest.mark.parametrize("moment", ["seal", "unseal"])
def test_no_seal_stands_over_work_another_driver_asks_for(
    writer: StoreWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The other's plan comes before our sealing, or our sealing between its unsealing and its plan."""
    drive(writer, left(writer), in_process(tmp_path))
    writer.unseal()
    more = [Unit("modifiers", "G99", 0)]
    act = getattr(StoreWriter, moment)

    def at_that_moment(self: StoreWriter) -> None:
        monkeypatch.undo()
        if moment == "seal":
            writer.add_plan(more)
        act(self)
        if moment == "unseal":
            assert seal_if_done(writer)

    monkeypatch.setattr(StoreWriter, moment, at_that_moment)
    if moment == "seal":
        assert not seal_if_done(writer)
    else:
        writer.add_plan(more)
    assert StoreReader(writer.fs).wanted_units() > set(UNITS)
    assert not StoreReader(writer.fs).is_sealed()
