"""When a shard is late, and when the next fold is prepared: by a clock that the test moves."""

from pathlib import Path

import pytest

from cluster.runs.planning import make_shards
from cluster.scheduling.driver import Deadlines, Outcome, drive
from cluster.scheduling.shards import Shard
from cluster.store.filesystem import open_filesystem
from cluster.store.units import MethodFold, Unit
from cluster.store.writer import StoreWriter
from tests.cluster.scheduling.scripted import Clock, Scripted
from tests.costs import costs_of

UNITS = [Unit("modifiers", f"G{i}", fold) for fold in (0, 1) for i in range(8)]


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    writer = StoreWriter(open_filesystem(tmp_path / "store"))
    writer.open_run({"seed": 0})
    writer.add_plan(UNITS)
    return writer


def scripted(
    writer: StoreWriter, slots: int, hangs: str, floor: float, busy: float = 0.0
) -> tuple[Outcome, Scripted]:
    clock = Clock()
    executor = Scripted(clock, slots, hangs, busy)
    shards = make_shards(UNITS, writer.run_digest, costs_of(10, 10), 1, 4)
    return drive(writer, shards, executor, deadlines=Deadlines(floor=floor), clock=clock), executor


def test_what_overruns_its_deadline_is_cut_down_to_the_target_that_hangs(writer: StoreWriter) -> None:
    outcome, executor = scripted(writer, 1, "G2", floor=3.0)
    assert outcome.quarantined.keys() == {Unit("modifiers", "G2", 0), Unit("modifiers", "G2", 1)}
    assert outcome.done == 14
    assert {len(targets) for _, targets in executor.cancelled} == {1, 2, 4}
    assert all("deadline" in error for error in outcome.quarantined[Unit("modifiers", "G2", 0)])
    assert executor.released == [MethodFold("modifiers", 0), MethodFold("modifiers", 1)]


def test_a_fold_is_prepared_when_the_one_before_has_begun(tmp_path: Path) -> None:
    units = [Unit("modifiers", f"G{i}", fold) for fold in (0, 1, 2) for i in range(8)]
    store = StoreWriter(open_filesystem(tmp_path / "three"))
    store.open_run({"seed": 0})
    store.add_plan(units)
    executor = Scripted(Clock(), 1)
    drive(store, make_shards(units, store.run_digest, costs_of(10, 10), 1, 2), executor)
    order = list(dict.fromkeys(executor.order))
    assert order == [("start", 0), ("prepare", 1), ("start", 1), ("prepare", 2), ("start", 2)]
    assert executor.released == [MethodFold("modifiers", fold) for fold in (0, 1, 2)]


def test_a_job_that_waits_for_a_slot_is_not_late(writer: StoreWriter) -> None:
    """Each job takes a second in the one slot and another waits: a deadline of 1.5 s cancels none."""
    outcome, executor = scripted(writer, 1, "", floor=1.5)
    assert executor.cancelled == []
    assert outcome.failures == 0


def test_on_a_cluster_that_others_keep_busy_nothing_is_late(writer: StoreWriter) -> None:
    outcome, executor = scripted(writer, 2, "", floor=3.0, busy=100.0)
    assert executor.cancelled == []
    assert (outcome.done, outcome.failures, outcome.sealed) == (16, 0, True)


def test_the_limit_grows_with_the_estimate() -> None:
    shard = Shard("k", (UNITS[0],))
    deadlines = Deadlines(estimate=lambda s: 60.0, factor=10.0, floor=100.0)
    assert deadlines.seconds(shard) == 600.0
    assert Deadlines(estimate=lambda s: 1.0, factor=10.0, floor=100.0).seconds(shard) == 100.0
