"""A worker dies each second for a while, or a target crashes or exhausts memory: the rest is done."""

import os
import resource
import signal
import threading
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil
import pytest

from cluster.ray_engine.runtime import connected
from cluster.runs.planning import make_shards
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Preparation, Receipt
from cluster.scheduling.guilt import MOST_FAILURES
from cluster.scheduling.in_process import InProcessExecutor
from cluster.scheduling.shards import Job
from cluster.scheduling.signs import Signs
from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from tests.chaos.work import Script, commit, mark, marks, prepare, slowly
from tests.costs import costs_of
from tests.promises import Measured
from tests.stores import planned_store, table_bytes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

SHARDS, KILLS = 60, 20
FILLS = 6 << 30  # bytes that a target takes to fill the machine's memory
ROOM = 1 << 28  # bytes that a worker may hold beyond what it has when its target exhausts memory


def test_a_worker_killed_each_second_costs_time_and_no_result(tmp_path: Path, measured: Measured) -> None:
    from cluster.ray_engine.executor import RayExecutor

    units = [Unit("modifiers", f"G{number}", 0) for number in range(SHARDS)]
    writer, alone = planned_store(tmp_path / "store", units), planned_store(tmp_path / "alone", units)
    shards = make_shards(units, writer.run_digest, costs_of(10, 10), 1, 1)
    drive(alone, shards, InProcessExecutor(commit, Preparation(prepare, None)))
    over, kills = threading.Event(), list[int]()
    with connected("local", workers=2):
        killer = threading.Thread(target=kill_each_second, args=(over, kills))
        killer.start()
        try:
            outcome = drive(writer, shards, RayExecutor(slowly, Preparation(prepare, Script(tmp_path))))
        finally:
            over.set()
            killer.join()
    assert not outcome.quarantined
    assert len(kills) > KILLS // 4
    assert table_bytes(tmp_path / "store") == table_bytes(tmp_path / "alone")
    reader = StoreReader(writer.fs)
    assert reader.is_sealed()
    assert len(reader.commits()) == SHARDS
    measured(shards=SHARDS, workers_killed=len(kills), innocent_targets_set_aside=len(outcome.quarantined))


def kill_each_second(over: threading.Event, kills: list[int]) -> None:
    """SIGKILL one of our workers that is at work, each second, until it is over or `KILLS` are dead."""
    rng = Random(0)  # noqa: S311 - no secret
    while len(kills) < KILLS and not over.wait(1.0):
        workers = [each for each in psutil.Process().children(recursive=True) if is_at_work(each)]
        if workers:
            worker = rng.choice(workers)
            with suppress(psutil.NoSuchProcess):  # it has just ended
                worker.kill()
                kills.append(worker.pid)


def is_at_work(process: psutil.Process) -> bool:
    """Whether it runs a shard; agents have such titles, too, and a raylet dies with them."""
    try:
        return any(word.startswith("ray::modifiers") for word in process.cmdline())
    except psutil.Error:  # it has just ended
        return False


def crash(job: Job, script: Script, data: float, signs: Signs | None = None) -> Receipt:
    """End by SIGSEGV, or want more memory than there is, where the script says so; else commit."""
    targets = set(job.shard.targets)
    if targets & script.kills:
        os.kill(os.getpid(), signal.SIGSEGV)
        threading.Event().wait()  # Ray's handler takes a while, in which a commit would be made
    if targets & script.raises:
        most = psutil.Process().memory_info().vms + ROOM
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
        try:
            bytearray(4 * ROOM)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return commit(job, script, data)


def test_a_target_that_crashes_or_exhausts_memory_is_set_aside_alone(
    tmp_path: Path, measured: Measured
) -> None:
    from cluster.ray_engine.executor import RayExecutor

    units = [Unit("modifiers", f"G{number}", 0) for number in range(16)]
    writer = planned_store(tmp_path / "store", units)
    script = Script(tmp_path, kills=frozenset({"G3"}), raises=frozenset({"G8"}))
    shards = make_shards(units, writer.run_digest, costs_of(10, 10), 1, 2)
    with connected("local", workers=2):
        outcome = drive(writer, shards, RayExecutor(crash, Preparation(prepare, script)))
    said = {unit.target: errors for unit, errors in outcome.quarantined.items()}
    assert said.keys() == {"G3", "G8"}
    assert all("MemoryError" in error for error in said["G8"])
    assert outcome.done == len(units) - 2
    measured(targets_set_aside=len(said), others_done=outcome.done)


def fill_memory(job: Job, script: Script, data: float, signs: Signs | None = None) -> Receipt:
    """Take memory until Ray ends this process, where the script says so; else commit."""
    del signs
    if set(job.shard.targets) & script.kills:
        mark(script, "filled")
        held = [bytearray(os.urandom(1 << 20) * 64) for _ in range(FILLS // (64 << 20))]
        threading.Event().wait(60)
        del held
    return commit(job, script, data)


def test_a_target_that_fills_the_machines_memory_is_tried_a_bounded_number_of_times(
    tmp_path: Path, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray's memory monitor kills its worker, with a threshold a little above what is used now."""
    from cluster.ray_engine.executor import RayExecutor

    memory = psutil.virtual_memory()
    if memory.available < 2 * FILLS:
        pytest.skip(
            f"{memory.available} bytes of memory are free: what Ray does when it is full was not tested"
        )
    threshold = (memory.total - memory.available + FILLS / 2) / memory.total
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{threshold:.3f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    units = [Unit("modifiers", f"G{number}", 0) for number in range(12)]
    writer = planned_store(tmp_path / "store", units)
    script = Script(tmp_path, kills=frozenset({"G5"}))
    shards = make_shards(units, writer.run_digest, costs_of(10, 10), 1, 2)
    with connected("local", workers=1):
        outcome = drive(writer, shards, RayExecutor(fill_memory, Preparation(prepare, script)))
    assert {unit.target for unit in outcome.quarantined} == {"G5"}
    (errors,) = outcome.quarantined.values()
    assert all("memory" in error for error in errors)
    assert outcome.done == len(units) - 1
    attempts = marks(tmp_path, "filled")
    assert 4 <= attempts <= MOST_FAILURES + 1  # with others in one shard, then alone
    measured(
        workers_killed_for_memory=attempts,
        targets_set_aside=len(outcome.quarantined),
        others_done=outcome.done,
    )
