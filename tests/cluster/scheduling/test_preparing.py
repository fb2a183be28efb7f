"""Preparations that fail, hang or are lost: how often they are tried, and how the run ends then."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from cluster.errors import EXIT_CODES, ClusterError, ExitCode, PreparationError
from cluster.runs.planning import make_shards
from cluster.scheduling.deadlines import Deadlines
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Ended
from cluster.scheduling.preparing import LOST_PREPARATIONS, PREPARATION_ATTEMPTS, FailedPreparations
from cluster.scheduling.shards import FailureKind, Job
from cluster.scheduling.signs import Sign
from cluster.store.reader import StoreReader
from cluster.store.units import MethodFold, Unit
from tests.chaos.work import commit
from tests.costs import costs_of
from tests.stores import planned_store

FOLD = MethodFold("modifiers", 0)
UNITS = [Unit("modifiers", f"G{i}", 0) for i in range(4)]


@pytest.mark.parametrize(
    ("kind", "ending", "code"),
    [
        ("error", PreparationError, ExitCode.FAILED),
        ("killed", ClusterError, ExitCode.STORAGE),
        ("deadline", ClusterError, ExitCode.STORAGE),
    ],
)
def test_the_third_failure_ends_the_run(kind: FailureKind, ending: type[Exception], code: ExitCode) -> None:
    failed = FailedPreparations()
    for number in range(PREPARATION_ATTEMPTS - 1):
        failed.add(FOLD, kind, "no", f"node {number}")
        failed.add(MethodFold("modifiers", number + 1), kind, "others count for themselves")
    assert failed.nodes(FOLD) == {"node 0", "node 1"}
    with pytest.raises(ending, match=rf"fold 0 of modifiers .*tried 3 times; last {kind}: the last"):
        failed.add(FOLD, kind, "the last")
    assert EXIT_CODES[ending] == code


def test_what_died_with_its_node_has_more_patience() -> None:
    failed = FailedPreparations()
    for _ in range(LOST_PREPARATIONS - 1):
        failed.add(FOLD, "node", "gone")
    failed.add(FOLD, "error", "counts apart")
    with pytest.raises(ClusterError, match="tried 10 times"):
        failed.add(FOLD, "node", "gone")


class Hung:
    """An executor whose preparation hangs, the first `times` times; a minute passes with every wait."""

    slots = 1
    nodes: Mapping[str, str] = MappingProxyType({})

    def __init__(self, times: int) -> None:
        self.now, self.failed, self._times = 0.0, FailedPreparations(), times
        self.given_up: list[float] = []
        self.queue: list[Job] = []

    def start(self, job: Job) -> None:
        self.queue.append(job)

    def prepare(self, method_fold: MethodFold) -> None: ...

    def preparing(self) -> dict[MethodFold, int]:
        return {FOLD: len(self.given_up)} if self._hangs else {}

    def give_up_preparation(self, method_fold: MethodFold, error: str) -> None:
        self.given_up.append(self.now)
        self.failed.add(method_fold, "deadline", error)

    def started(self) -> dict[str, Sign]:
        return {}

    def wait(self, timeout: float) -> list[Ended]:
        self.now += 60.0
        if self._hangs:
            return []
        jobs, self.queue = self.queue, []
        return [Ended(job.shard.key, commit(job, None, 0.0)) for job in jobs]

    def cancel(self, key: str) -> None: ...

    def status(self) -> tuple[str, ...]:
        return ()

    def release(self, method_fold: MethodFold) -> None: ...

    def close(self) -> None: ...

    @property
    def _hangs(self) -> bool:
        return len(self.given_up) < self._times


class Restless(Hung):
    """An executor whose preparation is killed and begun anew every nine minutes, three times."""

    def preparing(self) -> dict[MethodFold, int]:
        return {FOLD: int(self.now // 540)} if self._hangs else {}

    @property
    def _hangs(self) -> bool:
        return self.now < 3 * 540


def test_the_clock_of_a_preparation_that_is_tried_again_starts_anew(tmp_path: Path) -> None:
    writer = planned_store(tmp_path / "store", UNITS)
    shards = make_shards(UNITS, writer.run_digest, costs_of(10, 10), 1, 2)
    executor = Restless(0)
    deadlines = Deadlines(preparation=lambda method_fold: 30.0, floor=100.0)  # ten minutes
    outcome = drive(writer, shards, executor, deadlines=deadlines, clock=lambda: executor.now)
    assert (executor.given_up, outcome.sealed) == ([], True)


@pytest.mark.parametrize("times", [2, 3])
def test_a_preparation_that_hangs_is_given_up_at_its_deadline(tmp_path: Path, times: int) -> None:
    writer = planned_store(tmp_path / "store", UNITS)
    shards = make_shards(UNITS, writer.run_digest, costs_of(10, 10), 1, 2)
    executor = Hung(times)
    deadlines = Deadlines(preparation=lambda method_fold: 30.0, floor=100.0)  # 20 x 30 s
    if times == PREPARATION_ATTEMPTS:
        with pytest.raises(ClusterError, match="still being prepared after 600 s"):
            drive(writer, shards, executor, deadlines=deadlines, clock=lambda: executor.now)
    else:
        outcome = drive(writer, shards, executor, deadlines=deadlines, clock=lambda: executor.now)
        assert (outcome.done, outcome.failures, outcome.sealed) == (4, 0, True)
    assert executor.given_up[0] == 660.0  # the first look after ten minutes
    assert StoreReader(writer.fs).failures() == []
