"""The loop that carries out what the ledger says: attempts to disk, jobs to the executor, outcomes back.

Everything that must survive is in the store before the next step: kill this process at any line, and a later
run finds the committed shards and does the rest.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cluster.errors import ExitCode
from cluster.scheduling.executors import Ended, Executor, Job
from cluster.scheduling.interruption import sigterm_as_interrupt
from cluster.scheduling.ledger import (
    INNOCENT,
    Cancel,
    Committed,
    Event,
    Failed,
    Found,
    Instruction,
    Ledger,
    Quarantine,
    Recalled,
    RecordFailure,
    Start,
)
from cluster.scheduling.progress import Progress, Silent
from cluster.scheduling.shard import Shard
from cluster.store import layout
from cluster.store.body import read_json
from cluster.store.reader import StoreReader
from cluster.store.units import MethodFold, Unit
from cluster.store.writer import StoreWriter

POLL_SECONDS = 1.0  # how long one wait may take, and so how late a deadline may be noticed
DRAIN_SECONDS = 5.0  # how long cancelled jobs may take to end after an interruption


@dataclass(frozen=True)
class Deadlines:
    """How long a shard may run: `factor` times its estimate, at least `floor` seconds.

    Wide on purpose: it is there for what hangs, not for what is slow. The clock starts when the executor saw
    the shard begin: waiting for a CPU or for its part's preparation does not count.
    """

    estimate: Callable[[Shard], float] = lambda shard: 0.0
    factor: float = 20.0
    floor: float = 900.0

    def seconds(self, shard: Shard) -> float:
        """The limit of one shard."""
        return max(self.floor, self.factor * self.estimate(shard))


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `stories` tells, for each quarantined unit, what happened to it."""

    done: int
    failures: int
    quarantined: dict[Unit, tuple[str, ...]]
    stories: dict[Unit, list[str]]
    interrupted: bool
    sealed: bool
    seconds: float

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        return ExitCode.QUARANTINED if self.quarantined else ExitCode.DONE


@dataclass
class _Flight:
    shard: Shard
    attempt: int
    limit: float
    started: float | None = None  # when it was seen to run; None while it waits
    overdue: bool = False


class Driver:
    """One run of a ledger over a store and an executor. Use `drive`."""

    def __init__(
        self,
        writer: StoreWriter,
        ledger: Ledger,
        executor: Executor,
        *,
        code: str = "",
        deadlines: Deadlines | None = None,
        retried: frozenset[Unit] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._ledger = ledger
        self._executor = executor
        self._code = code
        self._deadlines = deadlines or Deadlines()
        self._forgiven = retried
        self._clock = clock
        self._flights: dict[str, _Flight] = {}  # in the order they were started
        self._ended: dict[str, int] = {}  # attempt numbers of shards whose failure is being handled
        self._parts: set[MethodFold] = set()  # with data in the executor
        self._begun: set[MethodFold] = set()
        self._ahead = False  # whether a part was begun, and the one after it not yet thought of

    def loop(self, progress: Progress) -> None:
        """Run until nothing is left to start and nothing is in flight."""
        self._carry_out(self._ledger.begin())
        while not self._ledger.finished:
            self._prepare_ahead()
            self._cancel_overdue()
            self._ledger.slots = self._executor.slots  # a cluster may grow or shrink under way
            for ended in self._executor.wait(POLL_SECONDS):
                self._absorb(ended)
            self._release_parts()
            progress.tell(self._executor.news())
            progress.update(len(self._ledger.done), self._ledger.failures, len(self._ledger.quarantined))

    def drain(self) -> None:
        """Start nothing more, stop what runs, and take in what still ends within a few seconds."""
        self._ledger.stop()
        for key in self._flights:
            self._executor.cancel(key)
        end = self._clock() + DRAIN_SECONDS
        while self._flights and self._clock() < end:
            for ended in self._executor.wait(POLL_SECONDS):
                self._absorb(ended)

    def _carry_out(self, instructions: Sequence[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Start(shard):
                    self._start(shard)
                case RecordFailure(shard, kind, error):
                    record = {"kind": kind, "error": error, "units": len(shard.units)}
                    self._writer.record_failure(shard.key, self._ended[shard.key], record)
                case Quarantine(unit, errors):
                    self._writer.quarantine(unit, errors)
                case Cancel(shard):
                    self._executor.cancel(shard.key)

    def _start(self, shard: Shard) -> None:
        info = {"units": len(shard.units), "method": shard.method, "fold": shard.fold}
        attempt = self._writer.begin_attempt(shard.key, info)
        unit = shard.units[0]
        if attempt > 1 and len(shard.units) == 1 and not (unit in self._forgiven or self._ledger.knows(unit)):
            self._recall(shard, attempt)
        store, run = self._writer.fs.name, self._writer.run_digest
        job = Job(shard.key, shard.units, attempt, store, run, self._code, shard.dependencies)
        self._flights[shard.key] = _Flight(shard, attempt, self._deadlines.seconds(shard))
        self._executor.start(job)
        self._ahead = self._ahead or shard.method_fold not in self._begun
        self._begun.add(shard.method_fold)
        self._parts.add(shard.method_fold)

    def _recall(self, shard: Shard, attempt: int) -> None:
        """Let what earlier runs saw of a lone target count."""
        fs = self._writer.fs
        paths = [layout.failed_path(shard.key, n) for n in range(1, attempt)]
        seen = [read_json(fs.read(path), path) for path in paths if fs.exists(path)]
        errors = tuple(f"{f['kind']}: {f['error']}" for f in seen if f["kind"] not in INNOCENT)
        self._ledger.handle(Recalled(shard.units[0], errors))

    def _absorb(self, ended: Ended) -> None:
        flight = self._flights.pop(ended.key)
        self._ended = {ended.key: flight.attempt}
        for event in self._events(ended, flight):
            self._carry_out(self._ledger.handle(event))

    def _events(self, ended: Ended, flight: _Flight) -> Iterator[Event]:
        if ended.kind is None or self._is_committed(ended.key):  # it may have committed and then died
            yield Committed(ended.key)
            return
        for key in self._ledger.orphans():
            if self._is_committed(key):
                yield Found(key)
        if flight.overdue:
            error = f"still running after {flight.limit:.0f} s, its deadline"
            yield Failed(ended.key, "deadline", error)
        else:
            yield Failed(ended.key, ended.kind, ended.error)

    def _is_committed(self, key: str) -> bool:
        return self._writer.fs.exists(layout.commit_path(key))

    def _cancel_overdue(self) -> None:
        """Stop jobs past their deadline. A job that was not seen to start is never late."""
        now = self._clock()
        running = self._executor.started()
        for key, flight in self._flights.items():
            if flight.started is None and key in running:
                flight.started = now
            late = flight.started is not None and now - flight.started > flight.limit
            if late and not flight.overdue:
                flight.overdue = True
                self._executor.cancel(key)

    def _prepare_ahead(self) -> None:
        """Once a part is begun, let the next be prepared, so that no worker waits for that at its start."""
        part = self._ledger.next_method_fold() if self._ahead else None
        self._ahead = False
        if part is not None and part not in self._parts:
            self._parts.add(part)
            self._executor.prepare(part, self._code)

    def _release_parts(self) -> None:
        idle = self._parts - {flight.shard.method_fold for flight in self._flights.values()}
        for part in idle - self._ledger.method_folds_left() if idle else ():
            self._executor.release(part)
            self._parts.discard(part)


def drive(
    writer: StoreWriter,
    shards: Sequence[Shard],
    executor: Executor,
    *,
    code: str = "",
    deadlines: Deadlines | None = None,
    retried: frozenset[Unit] = frozenset(),
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Work off `shards` and seal the store if that leaves nothing wanted.

    The run is open in `writer` and its plan added. `retried` units (`--retry-failed`) start with a clean
    slate. Ctrl-C or SIGTERM ends the run early, with `interrupted` set; what is committed stays. Raises
    StorageError, RefusedError, BadInputError or PreparationError where the run cannot go on.
    """
    progress = progress or Silent()
    ledger = Ledger(shards, writer.run_digest, executor.slots, _committed(writer, shards))
    driver = Driver(writer, ledger, executor, code=code, deadlines=deadlines, retried=retried, clock=clock)
    begun = clock()
    interrupted = False
    try:
        with sigterm_as_interrupt():
            progress.start(sum(len(shard.units) for shard in shards))
            driver.loop(progress)
    except KeyboardInterrupt:
        interrupted = True
        driver.drain()
    finally:
        executor.close()
        progress.close()
    sealed = not interrupted and seal_if_done(writer)
    stories = {unit: ledger.story(unit) for unit in ledger.quarantined}
    seconds = clock() - begun
    return Outcome(
        len(ledger.done), ledger.failures, ledger.quarantined, stories, interrupted, sealed, seconds
    )


def _committed(writer: StoreWriter, shards: Sequence[Shard]) -> set[str]:
    """Of the commits that shards read, those that are there."""
    read = {key for shard in shards for key in shard.dependencies}
    return {key for key in read if writer.fs.exists(layout.commit_path(key))}


def seal_if_done(writer: StoreWriter) -> bool:
    """Write _SUCCESS if every wanted unit is committed; returns whether that is so.

    Another driver may ask for more meanwhile, so the store is looked at again once it is sealed, and unsealed
    if work is left. A store that wants nothing (its plans were moved aside) is never done.
    """
    reader = StoreReader(writer.fs)
    if _is_done(reader):
        writer.seal()
        reader.refresh()
        if _is_done(reader):
            return True
    writer.unseal()
    return False


def _is_done(reader: StoreReader) -> bool:
    wanted = reader.wanted_units()
    return bool(wanted) and reader.committed_units().keys() >= wanted
