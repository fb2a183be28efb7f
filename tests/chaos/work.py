"""Tiny work functions for tests of the driver: a real commit of a small real table, and planted misbehaviour.

What a job does wrong is in `shared`, a `Script`; marks that outlive a killed process are files in its
folder.
"""

import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from cluster.errors import StorageError
from cluster.observing.events import Event, Silent
from cluster.scheduling.executor import Receipt
from cluster.scheduling.shards import Job
from cluster.scheduling.signs import Signs
from cluster.store.units import MethodFold
from cluster.store.writer import StoreWriter
from cluster.worker.parts import Parts
from tasks.methods.shard import TargetRows
from tasks.tables.schemas import SCHEMAS


@dataclass(frozen=True)
class Script:
    """Targets that misbehave, and where marks are left."""

    folder: Path
    raises: frozenset[str] = frozenset()
    kills: frozenset[str] = frozenset()
    hangs: frozenset[str] = frozenset()


class Told(Silent):
    """Leaves a file for each target of which the driver heard that it is committed before its shard."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, event: Event) -> None:
        """Leave the files of one part."""
        if event.name == "part committed":
            for target in event.targets:
                (self._folder / f"told-{target}-{event.fold}").touch()


def prepare(script: Script | None, method_fold: MethodFold) -> float:
    """What a fold needs: a number; leaves one mark for each time it was made."""
    if script is not None:
        mark(script, f"prepared-{method_fold.fold}")
    return 100.0 * method_fold.fold


def prepare_late(script: Script, method_fold: MethodFold) -> float:
    """What a fold needs, once the file `fold` is there."""
    wait_for(script.folder / "fold")
    return prepare(script, method_fold)


def prepare_killed(script: Script, method_fold: MethodFold) -> float:
    """What a fold needs; the process that makes it is killed as often as `script.kills` has names."""
    tried = marks(script.folder, f"tried-{method_fold.fold}")
    mark(script, f"tried-{method_fold.fold}")
    if tried < len(script.kills):
        os.kill(os.getpid(), signal.SIGKILL)
    return prepare(script, method_fold)


def prepare_anywhere_but(script: Script, method_fold: MethodFold) -> float:
    """What a fold needs; on the node that made it first this fails, or hangs if the script says so."""
    first = script.folder / f"first-{method_fold.fold}"
    if not first.exists():
        first.write_text(node())
    if first.read_text() == node():
        mark(script, f"refused-{method_fold.fold}")
        if script.hangs:
            threading.Event().wait()
        raise OSError("this node's disk is gone")
    return prepare(script, method_fold)


def wait_for(path: Path) -> None:
    """Wait until a file is there; TimeoutError after a minute."""
    patience = time.monotonic() + 60
    while not path.exists():
        if time.monotonic() > patience:
            raise TimeoutError(f"{path} never came")
        time.sleep(0.01)


def mark(script: Script, name: str) -> None:
    """Leave a file nobody else leaves."""
    (script.folder / f"{name}.{os.getpid()}.{time.monotonic_ns()}").touch()


def marks(folder: Path, name: str) -> int:
    """How many marks of a name were left."""
    return sum(path.name.startswith(f"{name}.") for path in folder.iterdir())


def score_rows(job: Job, data: float) -> pa.Table:
    """A row of `scores` for each unit, a pure function of the unit."""
    rows = [
        {
            "method": u.method,
            "target": u.target,
            "fold": u.fold,
            "pearson": data + len(u.target),
            "status": "ok",
        }
        for u in job.shard.units
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMAS["scores"])


def commit(job: Job, script: Script | None, data: float, signs: Signs | None = None) -> Receipt:
    """Commit one row a unit."""
    del script
    begun = time.monotonic()
    host = f"{socket.gethostname()} {os.getpid()} {node()}"
    statuses = {"ok": len(job.shard.units)}
    info = {"seconds": 0.0, "host": host, "statuses": statuses}
    writer = StoreWriter.join(job.store, job.run)
    won = writer.commit(
        job.shard.key, job.attempt, job.shard.units, {"scores": score_rows(job, data)}, {}, info=info
    )
    return Receipt(job.shard.key, job.attempt, won, statuses, time.monotonic() - begun, host)


def slowly(job: Job, script: Script, data: float, signs: Signs | None = None) -> Receipt:
    """Commit after a third of a second."""
    time.sleep(0.3)
    return commit(job, script, data)


def misbehave(job: Job, script: Script, data: float, signs: Signs | None = None) -> Receipt:
    """Do what the script says of one of the targets, else commit."""
    targets = set(job.shard.targets)
    if targets & script.raises:
        raise ValueError(f"planted in {sorted(targets & script.raises)[0]}")
    if targets & script.kills:
        os.kill(os.getpid(), signal.SIGKILL)
    if targets & script.hangs:
        threading.Event().wait()
    return commit(job, script, data)


def meet(job: Job, script: Script, data: float, signs: Signs | None = None) -> Receipt:
    """Commit, but never let one node run three shards ahead of the other: both must do several."""
    here, there = ("one", "two") if node() == "one" else ("two", "one")
    mark(script, here)
    wanted, patience = min(marks(script.folder, here), 3), time.monotonic() + 30
    while marks(script.folder, there) < wanted and time.monotonic() < patience:
        time.sleep(0.01)
    return commit(job, script, data)


def stay_alone(job: Job, script: Script, data: float, signs: Signs | None = None) -> Receipt:
    """Commit, but fail where another job runs in the same tenth of a second."""
    (script.folder / "running").touch(exist_ok=False)
    time.sleep(0.1)
    (script.folder / "running").unlink()
    return commit(job, script, data)


def say_gpus(job: Job, script: Script, data: float, signs: Signs | None = None) -> Receipt:
    """Commit, and leave a mark that says what of a GPU Ray gave to which process and where."""
    import ray

    assigned = ray.get_runtime_context().get_assigned_resources().get("GPU", 0)
    mark(script, f"{job.shard.method} {assigned:.4f} {node()} {os.environ.get('CUDA_VISIBLE_DEVICES')}")
    return commit(job, script, data)


def fail_on_node_two(job: Job, script: Script, data: float, signs: Signs | None = None) -> Receipt:
    """Raise on node two, whatever the target; commit anywhere else, after a while."""
    if node() == "two" and script.raises:
        raise StorageError("/store: not mounted here")
    if node() == "two":
        raise OSError("this node's disk is gone")
    time.sleep(0.1)  # so that the other node, which fails at once, takes most of the work
    return commit(job, script, data)


def hang_on_node_two(job: Job, script: Script, data: float, signs: Signs | None = None) -> Receipt:
    """Hang on node two, saying so; commit anywhere else."""
    if node() == "two":
        mark(script, "hanging")
        threading.Event().wait()
    return commit(job, script, data)


def hang_at_last(job: Job, script: Script, data: float, signs: Signs | None = None) -> Receipt:
    """Commit every shard of fold 0, then say so and hang."""
    if job.shard.fold == 1:
        mark(script, "hanging")
        threading.Event().wait()
    return commit(job, script, data)


def one_by_one(job: Job, script: Script, data: float, signs: Signs) -> Receipt:
    """Finish the targets one after another, each slowly, and say so; what the script plants happens once.

    A target that kills does so when the driver knows (`Told`) that those before it are committed.
    """
    parts = Parts(job, job.shard.targets)
    signs.commits_by(parts.commit)
    for number, row in enumerate(score_rows(job, data).to_pylist()):
        target = row["target"]
        mark(script, f"tried-{target}")
        first = marks(script.folder, f"tried-{target}") == 1
        if first and target in script.hangs:
            threading.Event().wait()
        if first and target in script.kills:
            for before in job.shard.targets[:number]:
                wait_for(script.folder / f"told-{before}-{job.shard.fold}")
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.6)
        parts.add(TargetRows(number, "ok", {"scores": [row]}))
        signs.progressed()
    parts.commit()
    return parts.receipt()


def node() -> str:
    """The name a test's cluster gave the node this process runs on."""
    return os.environ.get("KNOCKCAST_TEST_NODE", "none")


def full_disk(job: Job, script: Script | None, data: float, signs: Signs | None = None) -> Receipt:
    """Find the disk full."""
    raise StorageError("no space left")


def cannot_prepare(script: Script | None, method_fold: MethodFold) -> float:
    """Fail for want of usable lines."""
    raise ValueError("all constant")


def train_a_while(job: Job, script: Script, data: None, signs: Signs) -> Receipt:
    """Dies the first time; then says how far it is, and ends when the test has heard that."""
    if job.attempt == 1 and not marks(script.folder, "died"):
        mark(script, "died")
        os.kill(os.getpid(), signal.SIGKILL)
    signs.progressed("half way")
    wait_for(script.folder / "go")
    return Receipt(job.shard.key, job.attempt, True, {"ok": 1}, 0.0, node())


def train_in_two_lives(job: Job, script: Script, data: None, signs: Signs) -> Receipt:
    """Dies once four signs were heard, one by one; in its second life raises what is planted, or ends."""
    if not marks(script.folder, "died"):
        for number in range(4):
            signs.progressed()
            wait_for(script.folder / f"heard-{number}")
        mark(script, "died")
        os.kill(os.getpid(), signal.SIGKILL)
    if script.raises:
        raise ValueError("planted in the second life")
    return Receipt(job.shard.key, job.attempt, True, {"ok": 1}, 0.0, node())
