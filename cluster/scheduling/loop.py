"""The loop of a run: it does what the ledger orders, and tells the ledger what came of it.

Everything that must survive is in the store before the next step: kill this process at any line, and a later
run finds the committed shards and does the rest.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cluster.errors import ClusterError
from cluster.scheduling.deadlines import Deadlines, Patience
from cluster.scheduling.executor import Ended, Executor
from cluster.scheduling.ledger import Ledger
from cluster.scheduling.reporting import Reporter
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
    PartCommitted,
    Quarantine,
    Recalled,
    RecordFailure,
    Say,
    Shard,
    Start,
    rest_of,
)
from cluster.scheduling.signs import SILENT, Limit, Sign, no_progress
from cluster.store import layout
from cluster.store.body import read_json
from cluster.store.packs import is_committed
from cluster.store.units import MethodFold, Unit
from cluster.store.writer import StoreWriter

POLL_SECONDS = 1.0  # how long one wait may take, and so how late a deadline may be noticed
DRAIN_SECONDS = 5.0  # how long cancelled jobs may take to end after an interruption


@dataclass
class _Flight:
    """A job handed to the executor and not seen to end."""

    shard: Shard
    attempt: int
    limit: Limit
    sign: Sign = SILENT  # the last that was heard of it
    patience: Patience | None = None  # since it was seen to run; None while it waits
    overdue: bool = False
    done: set[Unit] = field(default_factory=set)  # committed already, in parts


class DriverLoop:
    """One run of a ledger over a store and an executor. Use `driver.drive`."""

    def __init__(
        self,
        writer: StoreWriter,
        ledger: Ledger,
        executor: Executor,
        reporter: Reporter,
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
        self._reporter = reporter
        self._flights: dict[str, _Flight] = {}  # in the order they were started
        self._prepared: set[MethodFold] = set()  # with data in the executor
        self._begun: set[MethodFold] = set()
        self._look_ahead = False  # whether one was begun, and the next not yet prepared
        self._preparing: dict[MethodFold, tuple[int, Patience]] = {}  # which try is seen to run, since when
        self._slowest: dict[str, float] = {}  # by method: seconds of the slowest step that ended

    def run(self) -> None:
        """Run until nothing is left to start and nothing is in flight.

        Raises ClusterError where nothing succeeds for long.
        """
        self._carry_out(self._ledger.begin())
        while not self._ledger.finished:
            nodes = self._executor.nodes
            self._reporter.nodes(nodes)
            self._carry_out(self._ledger.tick(self._clock(), nodes))
            self._prepare_ahead()
            self._listen()
            self._cancel_overdue()
            self._give_up_overdue_preparations()
            self._ledger.slots = self._executor.slots  # a cluster may grow or shrink meanwhile
            for ended in self._executor.wait(POLL_SECONDS):
                self._absorb(ended)
            if not self._flights and not self._ledger.finished:
                self._pause(POLL_SECONDS)  # only time can help
            self._release_unneeded()
            self._reporter.show(self._executor.status())

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
                    self._reporter.quarantined(unit, errors)
                case Cancel(shard):
                    self._executor.cancel(shard.key)
                case Say(text):
                    self._reporter.note(text)
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
        limit = self._deadlines.limit(shard, self._slowest.get(shard.method, 0.0))
        self._flights[shard.key] = _Flight(shard, attempt, limit)
        preparation = self._deadlines.of_preparation(shard.method_fold)
        self._executor.start(
            Job(shard, attempt, self._writer.fs.name, self._writer.run_digest, avoid, limit, preparation)
        )
        self._reporter.sent(shard, attempt)
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
        self._hear(flight, ended.sign)
        for event in self._events(ended, flight):
            self._carry_out(self._ledger.handle(event))

    def _events(self, ended: Ended, flight: _Flight) -> Iterator[Event]:
        if ended.kind is None or self._is_committed(flight):  # it may have committed and then died
            self._reporter.committed(flight.shard, flight.attempt, flight.done, ended.receipt, ended.node)
            yield Committed(ended.key, ended.node)
            return
        for key in self._ledger.orphans():
            if self._is_there(key):
                yield Found(key)
        kind, error = ended.kind, ended.error
        if flight.overdue:
            kind, error = "deadline", no_progress(flight.limit.quiet)
        self._reporter.failed(flight.shard, flight.attempt, kind, error, ended.node)
        yield Failed(ended.key, flight.attempt, kind, error, ended.node)

    def _is_committed(self, flight: _Flight) -> bool:
        rest = rest_of(self._writer.run_digest, flight.shard, flight.done)
        return rest is None or self._is_there(rest.key) or self._is_there(flight.shard.key)

    def _is_there(self, key: str) -> bool:
        return is_committed(self._writer.fs, key)

    def _listen(self) -> None:
        """Take in the signs of what runs. A job that was not seen to start is never late."""
        now = self._clock()
        for key, sign in self._executor.started().items():
            flight = self._flights.get(key)
            if flight is None:
                continue
            if flight.patience is None:
                flight.patience = Patience(now)
                self._reporter.began(flight.shard, flight.attempt)
            flight.patience.look(now)
            self._hear(flight, sign)

    def _hear(self, flight: _Flight, sign: Sign) -> None:
        before, flight.sign = flight.sign, sign
        if sign.steps != before.steps:
            self._reporter.progressed(flight.shard, flight.attempt, sign)
        if flight.patience is not None and sign.steps != before.steps:
            flight.limit = flight.limit.after(flight.patience.renew())
            method = flight.shard.method
            self._slowest[method] = max(self._slowest.get(method, 0.0), flight.limit.step)
        for targets in sign.parts[len(before.parts) :]:
            units = [unit for unit in flight.shard.units if unit.target in targets]
            self._reporter.part_committed(flight.shard, flight.attempt, units, flight.done, sign.node)
            flight.done.update(units)
            self._carry_out(self._ledger.handle(PartCommitted(flight.shard.key, targets, sign.node)))

    def _cancel_overdue(self) -> None:
        """Stop jobs that have made no progress for too long."""
        for key, flight in self._flights.items():
            late = flight.patience is not None and flight.patience.quiet > flight.limit.quiet
            if late and not flight.overdue:
                flight.overdue = True
                self._executor.cancel(key)

    def _give_up_overdue_preparations(self) -> None:
        now, running = self._clock(), self._executor.preparing()
        self._reporter.preparing(running)
        before, self._preparing = self._preparing, {}
        for method_fold, number in running.items():
            seen, patience = before.get(method_fold, (None, None))
            if patience is None or seen != number:  # another try, whose clock starts now
                patience = Patience(now)
            limit = self._deadlines.of_preparation(method_fold)
            if patience.look(now) > limit:
                error = f"still being prepared after {limit:.0f} s, its deadline"
                self._executor.give_up_preparation(method_fold, error)
            else:
                self._preparing[method_fold] = number, patience

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
