"""Workers that die, hang or raise, a node that goes away, a killed driver: what is right stays right."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cluster.ray_engine.identity import package_folders
from cluster.ray_engine.runtime import connected
from cluster.runs.planning import make_shards
from cluster.scheduling.deadlines import Deadlines
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Ended, Preparation
from cluster.scheduling.in_process import InProcessExecutor
from cluster.scheduling.shards import Shard
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from cluster.store.writer import StoreWriter
from tests.chaos.clusters import two_nodes
from tests.chaos.work import Script, Told, commit, hang_on_node_two, marks, misbehave, one_by_one, prepare
from tests.costs import costs_of
from tests.promises import Measured
from tests.stores import planned_store

UNITS = [Unit("modifiers", f"G{i}", fold) for fold in (0, 1) for i in range(6)]
ROOT = package_folders()[0].parent
DEADLINE = 7.0  # far above what a fresh worker needs to start on a busy machine


def new_store(folder: Path) -> StoreWriter:
    return planned_store(folder, UNITS)


def left(writer: StoreWriter, size: int) -> list[Shard]:
    done = StoreReader(writer.fs).committed_units()
    units = [unit for unit in UNITS if unit not in done]
    return make_shards(units, writer.run_digest, costs_of(10, 10), 1, size)


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_only_targets_that_kill_hang_or_raise_are_quarantined(tmp_path: Path, measured: Measured) -> None:
    from cluster.ray_engine.executor import RayExecutor

    culprits = {"G1": "error", "G3": "killed", "G5": "deadline"}
    script = Script(tmp_path, *(frozenset({name}) for name in culprits))
    writer = new_store(tmp_path / "store")
    shards = [shard for shard in left(writer, 2) if shard.fold == 0]
    with connected("local", workers=2):
        executor = RayExecutor(misbehave, Preparation(prepare, script))
        outcome = drive(writer, shards, executor, deadlines=Deadlines(floor=DEADLINE))
    assert {
        unit.target: {e.split(":")[0] for e in errors} for unit, errors in outcome.quarantined.items()
    } == {name: {kind} for name, kind in culprits.items()}
    assert outcome.done == 3
    healed = drive(writer, left(writer, 2), InProcessExecutor(commit, Preparation(prepare, script)))
    assert healed.sealed
    assert StoreReader(writer.fs).quarantined() == {}
    measured(
        targets_set_aside=len(outcome.quarantined),
        of_them_not_guilty=len({u.target for u in outcome.quarantined} - culprits.keys()),
    )


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_what_a_shard_had_finished_before_it_hung_or_died_is_committed_and_what_is_slow_goes_on(
    tmp_path: Path, measured: Measured
) -> None:
    """Six targets of 0.6 s, 15 s without progress allowed: one hangs once, one kills once."""
    from cluster.ray_engine.executor import RayExecutor

    writer = new_store(tmp_path / "store")
    shards = left(writer, 6)
    script = Script(tmp_path, kills=frozenset({"G4"}), hangs=frozenset({"G3"}))
    with connected("local", workers=1):
        executor = RayExecutor(one_by_one, Preparation(prepare, script))
        deadlines = Deadlines(factor=0.0, floor=15.0)
        outcome = drive(writer, shards, executor, deadlines=deadlines, observer=Told(tmp_path))
    assert (outcome.done, outcome.quarantined, outcome.sealed) == (len(UNITS), {}, True)
    tried = [marks(tmp_path, f"tried-G{number}") for number in range(6)]
    assert tried == [2, 2, 2, 3, 3, 2]  # in two folds, and what was planted once more
    reader = StoreReader(writer.fs)
    assert sorted(failure["kind"] for failure in reader.failures()) == ["deadline", "killed"]
    assert {commit.key for commit in reader.commits()}.isdisjoint(shard.key for shard in shards)
    measured(shards_cut_off=len(reader.failures()), targets_done_in_the_end=outcome.done)


@pytest.mark.chaos
def test_a_node_that_dies_costs_its_shards_a_restart_and_no_blame(tmp_path: Path, measured: Measured) -> None:
    from cluster.ray_engine.executor import RayExecutor

    class Saboteur(RayExecutor):
        """Takes node two away once it is at work."""

        def wait(self, timeout: float) -> list[Ended]:
            if victims and marks(tmp_path, "hanging"):
                nodes.remove_node(victims.pop(), allow_graceful=False)
            return super().wait(timeout)

    writer = new_store(tmp_path / "store")
    with two_nodes() as (nodes, second), connected(nodes.address):
        victims: list[Any] = [second]
        executor = Saboteur(hang_on_node_two, Preparation(prepare, Script(tmp_path)))
        outcome = drive(writer, left(writer, 2), executor)
    assert not victims
    assert (outcome.done, outcome.quarantined, outcome.sealed) == (len(UNITS), {}, True)
    recorded = StoreReader(writer.fs).failures()
    assert recorded
    assert {failure["kind"] for failure in recorded} == {"node"}
    measured(nodes_taken_away=1, targets_blamed=len(outcome.quarantined))


DRIVER = """
import sys
from pathlib import Path
from tests.chaos.test_faults import *
from tests.chaos.work import hang_at_last
folder = Path(sys.argv[1])
writer = new_store(folder / "store")
drive(writer, left(writer, 2), InProcessExecutor(hang_at_last, Preparation(prepare, Script(folder))))
"""


@pytest.mark.chaos
def test_a_killed_driver_loses_nothing_and_its_lost_attempt_is_no_failure(
    tmp_path: Path, measured: Measured
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path)], env=environment, cwd=ROOT)
    patience = time.monotonic() + 60
    while not marks(tmp_path, "hanging") and time.monotonic() < patience and driver.poll() is None:
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    assert driver.wait(30) == -signal.SIGKILL
    writer = StoreWriter(open_filesystem(tmp_path / "store"))
    writer.open_run({"seed": 0})
    reader = StoreReader(writer.fs)
    before = {commit.key: commit.sha256 for commit in reader.commits()}
    assert reader.committed_units().keys() == {unit for unit in UNITS if unit.fold == 0}
    assert len(reader.attempts()) > len(before)
    outcome = drive(
        writer, left(writer, 3), InProcessExecutor(commit, Preparation(prepare, Script(tmp_path)))
    )
    assert (outcome.done, outcome.failures, outcome.sealed) == (6, 0, True)
    reader.refresh()
    assert before.items() <= {commit.key: commit.sha256 for commit in reader.commits()}.items()
    assert reader.failures() == []
    measured(drivers_killed=1, commits_kept=len(before))
