"""The loop of a run: it does what the ledger orders, and tells the ledger what came of it.

Everything that must survive is in the store before the next step: kill this process at any line, and a later
run finds the committed shards and does the rest.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cluster.errors import ClusterError
from cluster.scheduling.executor import Ended, Executor
from cluster.scheduling.ledger import Ledger
from cluster.scheduling.progress import Progress
from cluster.scheduling.shards import (
    INFRASTRUCTURE_FAILURES,
    Cancel,
    Committed,
    Event,
    Failed,
    Found,
    GiveUp,
    Instruction,
    Job,
    Quarantine,
    Recalled,
    RecordFailure,
    Say,
    Shard,
    Start,
)
from cluster.store import layout
from cluster.store.body import read_json
from cluster.store.units import MethodFold, Unit
from cluster.store.writer import StoreWriter

POLL_SECONDS = 1.0  # how long one wait may take, and so how late a deadline may be noticed
DRAIN_SECONDS = 5.0  # how long cancelled jobs may take to end after an interruption


@dataclass(frozen=True)
class Deadlines:
    """How long a shard may run: `factor` times its estimate, at least `floor` seconds.

    Wide on purpose: it is there for what hangs, not for what is slow. The clock starts when the executor saw
    the shard begin: waiting for a CPU or for the preparation of its fold does not count. A preparation has
    its own limit, made the same way of `preparation`, its estimate.
    """

    estimate: Callable[[Shard], float] = lambda shard: 0.0
    preparation: Callable[[MethodFold], float] = lambda method_fold: 0.0
    factor: float = 20.0
    floor: float = 900.0

    def seconds(self, shard: Shard) -> float:
        """The limit of one shard."""
        return max(self.floor, self.factor * self.estimate(shard))

    def of_preparation(self, method_fold: MethodFold) -> float:
        """The limit of preparing one method and fold, in seconds."""
        return max(self.floor, self.factor * self.preparation(method_fold))


@dataclass
class _Flight:
    """A job handed to the executor and not seen to end."""

    shard: Shard
    attempt: int
    limit: float
    started: float | None = None  # when it was seen to run; None while it waits
    overdue: bool = False


class DriverLoop:
    """One run of a ledger over a store and an executor. Use `driver.drive`."""

    def __init__(
        self,
        writer: StoreWriter,
        ledger: Ledger,
        executor: Executor,
        *,
        deadlines: Deadlines,
        retried: frozenset[Unit] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`retried` units start without the failures that earlier runs recorded."""
        self._writer = writer
        self._ledger = ledger
        self._executor = executor
        self._deadlines = deadlines
        self._retried = retried
        self._clock, self._pause = clock, pause
        self._say: Callable[[str], None] = lambda line: None
        self._flights: dict[str, _Flight] = {}  # in the order they were started
        self._prepared: set[MethodFold] = set()  # with data in the executor
        self._begun: set[MethodFold] = set()
        self._look_ahead = False  # whether one was begun, and the next not yet prepared
        self._preparing: dict[MethodFold, float] = {}  # those seen to run, and since when

    def run(self, progress: Progress) -> None:
        """Run until nothing is left to start and nothing is in flight.

        Raises ClusterError where nothing succeeds for long.
        """
        self._say = progress.say
        self._carry_out(self._ledger.begin())
        while not self._ledger.finished:
            self._carry_out(self._ledger.tick(self._clock(), self._executor.nodes))
            self._prepare_ahead()
            self._cancel_overdue()
            self._give_up_overdue_preparations()
            self._ledger.slots = self._executor.slots  # a cluster may grow or shrink meanwhile
            for ended in self._executor.wait(POLL_SECONDS):
                self._absorb(ended)
            if not self._flights and not self._ledger.finished:
                self._pause(POLL_SECONDS)  # only time can help
            self._release_unneeded()
            progress.report_status(self._executor.status())
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
                case Start(shard, avoid):
                    self._start(shard, avoid)
                case RecordFailure(shard, attempt, kind, error, node, counts):
                    record = {"kind": kind, "error": error, "units": len(shard.units)}
                    record |= ({"node": node} if node else {}) | ({} if counts else {"counts": False})
                    self._writer.record_failure(shard.key, attempt, record)
                case Quarantine(unit, errors):
                    self._writer.quarantine(unit, errors)
                case Cancel(shard):
                    self._executor.cancel(shard.key)
                case Say(text):
                    self._say(text)
                case GiveUp(text, released):
                    for unit in released:
                        self._writer.release(unit)
                    raise ClusterError(text)

    def _start(self, shard: Shard, avoid: frozenset[str]) -> None:
        info = {"units": len(shard.units), "method": shard.method, "fold": shard.fold}
        attempt = self._writer.begin_attempt(shard.key, info)
        unit = shard.units[0]
        if attempt > 1 and len(shard.units) == 1 and not (unit in self._retried or self._ledger.knows(unit)):
            self._recall(shard, attempt)
        self._flights[shard.key] = _Flight(shard, attempt, self._deadlines.seconds(shard))
        self._executor.start(Job(shard, attempt, self._writer.fs.name, self._writer.run_digest, avoid))
        self._look_ahead = self._look_ahead or shard.method_fold not in self._begun
        self._begun.add(shard.method_fold)
        self._prepared.add(shard.method_fold)

    def _recall(self, shard: Shard, attempt: int) -> None:
        """Let the failures that earlier runs recorded of a lone target count."""
        fs = self._writer.fs
        paths = [layout.failed_path(shard.key, n) for n in range(1, attempt)]
        recorded = [read_json(fs.read(path), path) for path in paths if fs.exists(path)]
        counting = [
            record
            for record in recorded
            if record["kind"] not in INFRASTRUCTURE_FAILURES and record.get("counts", True)
        ]
        errors = tuple(f"{record['kind']}: {record['error']}" for record in counting)
        nodes = tuple(record.get("node", "") for record in counting)
        self._ledger.handle(Recalled(shard.units[0], errors, nodes))

    def _absorb(self, ended: Ended) -> None:
        flight = self._flights.pop(ended.key)
        for event in self._events(ended, flight):
            self._carry_out(self._ledger.handle(event))

    def _events(self, ended: Ended, flight: _Flight) -> Iterator[Event]:
        if ended.kind is None or self._is_committed(ended.key):  # it may have committed and then died
            yield Committed(ended.key, ended.node)
            return
        for key in self._ledger.orphans():
            if self._is_committed(key):
                yield Found(key)
        if flight.overdue:
            error = f"still running after {flight.limit:.0f} s, its deadline"
            yield Failed(ended.key, flight.attempt, "deadline", error, ended.node)
        else:
            yield Failed(ended.key, flight.attempt, ended.kind, ended.error, ended.node)

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

    def _give_up_overdue_preparations(self) -> None:
        now, running = self._clock(), set(self._executor.preparing())
        self._preparing = {m: self._preparing.get(m, now) for m in running}
        for method_fold, begun in list(self._preparing.items()):
            limit = self._deadlines.of_preparation(method_fold)
            if now - begun > limit:
                del self._preparing[method_fold]
                error = f"still being prepared after {limit:.0f} s, its deadline"
                self._executor.give_up_preparation(method_fold, error)

    def _prepare_ahead(self) -> None:
        """Once a method and fold is begun, let the next be prepared, so that no worker has to wait for it."""
        following = self._ledger.next_method_fold() if self._look_ahead else None
        self._look_ahead = False
        if following is not None and following not in self._prepared:
            self._prepared.add(following)
            self._executor.prepare(following)

    def _release_unneeded(self) -> None:
        idle = self._prepared - {flight.shard.method_fold for flight in self._flights.values()}
        for method_fold in idle - self._ledger.method_folds_left() if idle else ():
            self._executor.release(method_fold)
            self._prepared.discard(method_fold)
