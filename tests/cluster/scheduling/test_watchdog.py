"""What hangs in this process is interrupted, and what does not answer to that ends it, with a word."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ClusterError, ExitCode
from cluster.ray_engine.identity import package_folders
from cluster.scheduling.deadlines import Deadlines
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Preparation, Receipt
from cluster.scheduling.in_process import InProcessExecutor
from cluster.scheduling.shards import Job, name_shard
from cluster.scheduling.signs import Limit, Signs
from cluster.scheduling.watchdog import HungError, watched
from cluster.store.reader import StoreReader
from cluster.store.units import MethodFold, Unit
from cluster.store.writer import StoreWriter
from tests.chaos.work import Script, marks, one_by_one, prepare
from tests.promises import Measured
from tests.stores import planned_store

LIMIT = Limit(1.5, floor=1.5)
UNITS = [Unit("modifiers", f"G{i}", 0) for i in range(4)]
ROOT = package_folders()[0].parent


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    return planned_store(tmp_path / "store", UNITS)


def test_what_is_quiet_is_interrupted_and_what_says_something_is_not() -> None:
    signs, begun, wide = Signs(), time.monotonic(), Limit(4.0, floor=4.0)  # a busy machine pauses us, too
    with watched(signs, wide, "slow"):
        while time.monotonic() < begun + 5.0:  # longer than the limit
            signs.progressed()
            time.sleep(0.05)
    with pytest.raises(HungError, match="no target finished"), watched(Signs(), LIMIT, "hung"):
        threading.Event().wait()
    with watched(Signs(), None, "without a limit"):
        pass


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), watched(Signs(), LIMIT, "interrupted"):
        raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), watched(Signs(), LIMIT, "wrong"):
        raise ZeroDivisionError


def test_in_process_too_what_was_finished_before_a_hang_is_committed(
    writer: StoreWriter, tmp_path: Path, measured: Measured
) -> None:
    script = Script(tmp_path / "marks", hangs=frozenset({"G2"}))
    script.folder.mkdir()
    executor = InProcessExecutor(one_by_one, Preparation(prepare, script))
    shards = [name_shard(writer.run_digest, UNITS)]
    outcome = drive(writer, shards, executor, deadlines=Deadlines(factor=0.0, floor=2.0))
    assert (outcome.done, outcome.failures, outcome.sealed) == (4, 1, True)
    assert [marks(script.folder, f"tried-G{i}") for i in range(4)] == [1, 1, 2, 1]
    assert [failure["kind"] for failure in StoreReader(writer.fs).failures()] == ["deadline"]
    measured(results_kept=outcome.done)


def test_a_preparation_that_hangs_ends_the_run_after_its_third_try(writer: StoreWriter) -> None:
    def hang(shared: Any, method_fold: MethodFold) -> None:
        threading.Event().wait()

    def work(job: Job, shared: Any, data: Any, signs: Any = None) -> Receipt:
        raise AssertionError("nothing is prepared")

    executor = InProcessExecutor(work, Preparation(hang))
    shards = [name_shard(writer.run_digest, UNITS)]
    with pytest.raises(ClusterError, match=r"fold 0 of modifiers .*tried 3 times; last deadline"):
        drive(writer, shards, executor, deadlines=Deadlines(floor=0.3))


DEAF = """
import signal, sys, threading
from pathlib import Path
from cluster.scheduling.deadlines import Deadlines
from cluster.scheduling.driver import drive
from cluster.scheduling.in_process import InProcessExecutor
from cluster.scheduling.executor import Preparation
from cluster.scheduling.shards import name_shard
from cluster.store.filesystem import open_filesystem
from cluster.store.writer import StoreWriter
from tests.chaos.work import one_by_one, prepare, Script
from tests.cluster.scheduling.test_watchdog import UNITS
def deaf(job, script, data, signs):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    return one_by_one(job, script, data, signs)
folder = Path(sys.argv[1])
writer = StoreWriter(open_filesystem(folder / "store"))
writer.open_run({"seed": 0})
executor = InProcessExecutor(deaf, Preparation(prepare, Script(folder, hangs=frozenset({"G2"}))), grace=0.2)
shards = [name_shard(writer.run_digest, UNITS)]
drive(writer, shards, executor, deadlines=Deadlines(factor=0.0, floor=2.0))
"""


def test_what_does_not_answer_ends_the_process_with_a_word_and_keeps_what_was_finished(
    writer: StoreWriter, tmp_path: Path, measured: Measured
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", DEAF, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == ExitCode.STORAGE, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("modifiers, shard ")
    assert "G0, G1, G2, G3" in line
    assert "`knockcast resume`" in line
    assert {unit.target for unit in StoreReader(writer.fs).committed_units()} == {"G0", "G1"}
    measured(results_kept=len(StoreReader(writer.fs).committed_units()))
