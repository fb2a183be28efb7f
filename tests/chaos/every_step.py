"""A small run killed before each of the calls by which it changes a disk or a bucket, and a reader beside it.

Nobody names the steps: the interpreter's profiler sees every call, so that a step that is new is tried, too.
"""

import io
import itertools
import multiprocessing
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.runs.planning import make_shards
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Preparation
from cluster.scheduling.in_process import InProcessExecutor
from cluster.store.filesystem import open_filesystem
from cluster.store.layout import SUCCESS
from cluster.store.leases import Lease
from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from cluster.store.writer import StoreWriter
from tasks.errors import BadInputError
from tests.chaos.torture.kept import Kept
from tests.chaos.work import Script, misbehave, prepare
from tests.costs import costs_of
from tests.stores import table_bytes

# The first run; a second that adds work, some of which fails; a third that tries that again.
FIRST = tuple(Unit("modifiers", target, fold) for fold in (0, 1) for target in ("A", "BB"))
MORE = (Unit("modifiers", "CCC", 0), Unit("modifiers", "RAISES", 0))
CALLS = {"link", "unlink", "write", "put", "delete"}  # a kill between two of them shows as before the second
TORN = b"half of a fil"
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def small_run(place: str, folder: Path, more: bool = True) -> None:
    """Make a store, or go on with it, to its end: what was committed before is not asked for again.

    Without `more`, the first of the three runs alone.
    """
    _one_run(place, FIRST, Script(folder))
    if not more:
        return
    _one_run(place, MORE, Script(folder, raises=frozenset({"RAISES"})))
    again = StoreWriter(open_filesystem(place))
    again.open_run({"seed": 0})
    retried = frozenset(StoreReader(again.fs).quarantined())
    for unit in retried:
        again.release(unit)
    _one_run(place, MORE, Script(folder), retried)


def _one_run(
    place: str, wanted: tuple[Unit, ...], script: Script, retried: frozenset[Unit] = frozenset()
) -> None:
    writer = StoreWriter(open_filesystem(place))
    writer.open_run({"seed": 0})
    writer.add_plan(wanted)
    reader = StoreReader(writer.fs)
    gone = {*reader.committed_units(), *reader.quarantined()}
    shards = make_shards(
        [unit for unit in wanted if unit not in gone], writer.run_digest, costs_of(10, 10), 1, 2
    )
    lease = Lease.take(writer.fs, ["modifiers"])
    assert lease is not None
    executor = InProcessExecutor(misbehave, Preparation(prepare, script))
    drive(writer, shards, executor, retried=retried, pause=lambda seconds: None)
    lease.end()


def run_killed(
    place: str, folder: Path, more: bool, at: int, variables: Mapping[str, str], seen: Any
) -> None:
    """In a process of its own: `small_run`, killed before the call of that number, whose name `seen` gets."""
    os.environ.update(variables)

    def die(step: str) -> None:
        seen.send(step)
        os.kill(os.getpid(), signal.SIGKILL)

    with met_at(at, die):
        small_run(place, folder, more)
    seen.send("")


@contextmanager
def met_at(at: int, meet: Callable[[str], None]) -> Iterator[None]:
    """Within, `meet` is called with a step's name before the call of that number.

    A file that is being written then has a few bytes of what it should have.
    """
    count = itertools.count(1)

    def watch(frame: FrameType, event: str, called: Any) -> None:
        if event != "c_call" or called.__name__ not in CALLS:
            return
        about = getattr(called, "__self__", None)
        if called.__name__ == "write" and not isinstance(about, io.BufferedWriter):
            return
        if next(count) == at:
            if isinstance(about, io.BufferedWriter):
                os.write(about.fileno(), TORN)
            meet(_where(frame, called.__name__))

    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(None)


def _where(frame: FrameType | None, called: str) -> str:
    """The call, and what of the store it is about: `create commits: link`."""
    while frame is not None:
        name, path = frame.f_code.co_name, frame.f_locals.get("path")
        if name in ("create", "delete", "discard") and path:
            return f"{name} {path.partition('/')[0]}: {called}"
        frame = frame.f_back
    return called


@dataclass
class Reader:
    """What somebody who looks at the store again and again has seen of it, and what was wrong with that."""

    place: str
    keys: frozenset[str] = frozenset()
    looks: int = 0
    faults: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Look once more: no commit may be gone, and each must have its rows, all of them and no others."""
        self.looks += 1
        try:
            reader = StoreReader.open(self.place)
            keys = frozenset(commit.key for commit in reader.commits())
            rows = Counter(_shown(row) for row in reader.table("scores").to_pylist())
        except BadInputError:
            if self.keys:
                self.faults.append("the store was gone")
            return
        except Exception as error:  # whatever a reader is told instead of rows is a fault
            self.faults.append(repr(error))
            return
        expected = Counter(
            (u.target, u.fold, 100.0 * u.fold + len(u.target)) for u in reader.committed_units()
        )
        if self.keys - keys:
            self.faults.append(f"commits were gone: {sorted(self.keys - keys)}")
        if rows != expected:
            self.faults.append(f"rows {dict(rows)}, expected {dict(expected)}")
        self.keys = keys


def _shown(row: Mapping[str, Any]) -> tuple[str, int, float]:
    return row["target"], row["fold"], row["pearson"]


def keep_looking(places: Any, answers: Any, variables: Mapping[str, str]) -> None:
    """In a process of its own: look at each place that is named, until asked; answer what was seen."""
    os.environ.update(variables)
    while True:
        reader = Reader(places.recv())
        while not places.poll():
            reader.look()
        places.recv()
        reader.look()
        answers.send(reader)


@dataclass
class Tried:
    """What every step's trial came to: the steps by name, the looks of the reader, and all faults."""

    steps: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    faults: list[str] = field(default_factory=list)


def try_every_step(
    new_place: Callable[[], tuple[str, Path]],
    whole: Mapping[str, bytes],
    variables: Mapping[str, str],
    more: bool = True,
    each: int = 1,
) -> Tried:
    """Kill a run before its first such call, another before its second, and so on, until one ends by itself.

    `new_place` gives a new store's place and a folder for marks, `whole` is what its tables must be. With
    `each`, only one call of so many is tried.
    """
    tried = Tried()
    ours, places = PROCESSES.Pipe()
    answers, theirs = PROCESSES.Pipe()
    watcher = PROCESSES.Process(target=keep_looking, args=(places, theirs, dict(variables)))
    watcher.start()
    try:
        for number in itertools.count(1, each):
            place, folder = new_place()
            ours.send(place)
            step = _killed_at(place, folder, more, number, variables)
            wrong = what_is_wrong(place, whole, partial(small_run, place, folder, more))
            ours.send("that is all")
            seen = answers.recv()
            tried.looks += seen.looks
            tried.faults += [f"{step}: {fault}" for fault in wrong]
            tried.faults += [f"{step}: a reader: {fault}" for fault in seen.faults]
            if not step:
                break
            tried.steps[step] += 1
    finally:
        watcher.kill()
        watcher.join()
    return tried


def what_is_wrong(place: str, whole: Mapping[str, bytes], go_on: Callable[[], None]) -> list[str]:
    """Of a store whose writer was killed, and then of the same when its run was gone on with."""
    fs = open_filesystem(place)
    kept = Kept.of(fs)
    go_on()
    wrong = kept.changed(fs)
    gc(fs, stale_seconds=0)
    wrong += [str(problem) for problem in verify(fs).problems]
    wrong += [] if fs.exists(SUCCESS) else ["not sealed"]
    return wrong + ([] if table_bytes(place) == whole else ["other bytes"])


def _killed_at(place: str, folder: Path, more: bool, number: int, variables: Mapping[str, str]) -> str:
    """The name of the step before which the run was killed; "" where it ended before."""
    hear, tell = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=run_killed, args=(place, folder, more, number, dict(variables), tell))
    process.start()
    tell.close()
    process.join()
    step = ""
    with suppress(EOFError):
        step = hear.recv()
    assert process.exitcode == (-signal.SIGKILL if step else 0), (step, process.exitcode)
    return step
