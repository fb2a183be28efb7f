"""When a shard is late, and when the next fold is prepared: by a clock that the test moves."""

from dataclasses import replace
from pathlib import Path

import pytest

from cluster.runs.planning import make_shards
from cluster.scheduling.deadlines import Deadlines
from cluster.scheduling.driver import Outcome, drive
from cluster.scheduling.executor import Ended
from cluster.scheduling.shards import Shard, name_shard
from cluster.scheduling.signs import Sign
from cluster.store.reader import StoreReader
from cluster.store.units import MethodFold, Unit
from cluster.store.writer import StoreWriter
from tests.chaos.work import commit
from tests.cluster.scheduling.scripted import Clock, Scripted
from tests.costs import costs_of
from tests.promises import Measured
from tests.stores import planned_store

UNITS = [Unit("modifiers", f"G{i}", fold) for fold in (0, 1) for i in range(8)]


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    return planned_store(tmp_path / "store", UNITS)


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
    store = planned_store(tmp_path / "three", units)
    executor = Scripted(Clock(), 1)
    drive(store, make_shards(units, store.run_digest, costs_of(10, 10), 1, 2), executor)
    order = list(dict.fromkeys(executor.order))
    assert order == [("start", 0), ("prepare", 1), ("start", 1), ("prepare", 2), ("start", 2)]
    assert executor.released == [MethodFold("modifiers", fold) for fold in (0, 1, 2)]


class OneByOne(Scripted):
    """Its jobs take ten seconds a target, and say so; the targets before one that hangs are committed."""

    def __init__(self, clock: Clock, hangs: str = "") -> None:
        super().__init__(clock, 1, hangs)
        self._begun: dict[str, float] = {}
        self._signs: dict[str, Sign] = {}

    def started(self) -> dict[str, Sign]:
        return {job.shard.key: self._signs.get(job.shard.key, Sign()) for job in self.queue[:1]}

    def wait(self, timeout: float) -> list[Ended]:
        self._clock.now += 1.0
        gone, self._gone = self._gone, []
        for job in self.queue[:1]:
            key, targets = job.shard.key, job.shard.targets
            begun = self._begun.setdefault(key, self._clock.now)
            healthy = targets.index(self._hangs) if self._hangs in targets else len(targets)
            finished = min(int(self._clock.now - begun) // 10, healthy)
            parts = self._signs.get(key, Sign()).parts
            if finished == healthy < len(targets) and healthy and not parts:
                part = name_shard(job.run, job.shard.units[:healthy])
                commit(replace(job, shard=part), None, 0.0)
                parts = (targets[:healthy],)
            self._signs[key] = Sign(finished, parts)
            if finished == len(targets):
                self.queue.remove(job)
                gone.append(Ended(key, commit(job, None, 0.0)))
        return gone


def one_by_one(writer: StoreWriter, hangs: str = "") -> tuple[Outcome, OneByOne]:
    clock = Clock()
    executor = OneByOne(clock, hangs)
    shards = make_shards(UNITS, writer.run_digest, costs_of(10, 10), 1, 4)
    deadlines = Deadlines(factor=2.0, floor=15.0)
    return drive(writer, shards, executor, deadlines=deadlines, clock=clock), executor


def test_a_slow_shard_that_makes_progress_is_not_late(writer: StoreWriter) -> None:
    outcome, executor = one_by_one(writer)  # forty seconds a shard, none of fifteen without progress
    assert executor.cancelled == []
    assert (outcome.done, outcome.failures, outcome.sealed) == (16, 0, True)


def test_of_a_shard_that_hangs_what_was_finished_is_kept_and_never_started_again(
    writer: StoreWriter, measured: Measured
) -> None:
    outcome, executor = one_by_one(writer, "G2")
    assert outcome.quarantined.keys() == {Unit("modifiers", "G2", fold) for fold in (0, 1)}
    assert (outcome.done, outcome.sealed) == (14, False)
    tried = [targets for _, targets in executor.cancelled]
    assert sorted(tried) == [("G0", "G1", "G2", "G3")] * 2 + [("G2",)] * 6
    committed = StoreReader(writer.fs).committed_units()
    assert len({committed[Unit("modifiers", name, 0)] for name in ("G0", "G1")}) == 1
    assert all("no target finished" in error for error in outcome.quarantined[Unit("modifiers", "G2", 0)])
    (first,) = {story for story in outcome.stories[Unit("modifiers", "G2", 0)] if "split" in story}
    assert "split into 1 + 1" in first
    measured(targets_that_hang=len(outcome.quarantined), others_done=outcome.done)


def test_a_driver_that_stood_still_holds_nothing_late(writer: StoreWriter) -> None:
    class Stopped(OneByOne):
        """An hour passes while the driver sleeps; its worker goes on."""

        def wait(self, timeout: float) -> list[Ended]:
            if 12.0 < self._clock.now < 1000.0:
                self._clock.now += 3600.0
            return super().wait(timeout)

    clock = Clock()
    executor = Stopped(clock)
    shards = make_shards(UNITS, writer.run_digest, costs_of(10, 10), 1, 4)
    outcome = drive(writer, shards, executor, deadlines=Deadlines(floor=100.0), clock=clock)
    assert (executor.cancelled, outcome.failures, outcome.sealed) == ([], 0, True)


def test_a_job_that_waits_for_a_slot_is_not_late(writer: StoreWriter) -> None:
    """Each job takes a second in the one slot and another waits: a deadline of 1.5 s cancels none."""
    outcome, executor = scripted(writer, 1, "", floor=1.5)
    assert executor.cancelled == []
    assert outcome.failures == 0


def test_on_a_cluster_that_others_keep_busy_nothing_is_late(writer: StoreWriter) -> None:
    outcome, executor = scripted(writer, 2, "", floor=3.0, busy=100.0)
    assert executor.cancelled == []
    assert (outcome.done, outcome.failures, outcome.sealed) == (16, 0, True)


def test_the_limit_is_of_the_whole_shard_until_its_first_sign_and_of_its_slowest_step_afterwards() -> None:
    shard = Shard("k", tuple(UNITS[:4]))
    limit = Deadlines(estimate=lambda s: 60.0, factor=10.0, floor=100.0).limit(shard)
    assert limit.quiet == 600.0
    assert limit.after(8.0).quiet == 150.0  # ten times 60 / 4 s
    assert limit.after(30.0).after(1.0).quiet == 300.0
    assert Deadlines(estimate=lambda s: 1.0, factor=10.0, floor=100.0).limit(shard).quiet == 100.0
    slow = Deadlines(estimate=lambda s: 1.0, factor=10.0, floor=100.0).limit(shard, slowest=20.0)
    assert (slow.quiet, slow.after(1.0).quiet) == (200.0, 200.0)
