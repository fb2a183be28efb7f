"""What is known about every shard of a run, as a machine without clock, disk or network.

Events go in, instructions come out; whoever drives it (driver.py) carries them out. Modelled on
dask.distributed's worker state machine: because nothing here waits or writes, every order of events can be
tested. The rules:

* Only an observed failure counts. A shard that raised, killed its worker or overran its deadline is a task
  failure: it is split in halves until the target that fails stands alone, and a target that failed alone
  three times is quarantined.
* A node's death or a cancellation from outside is an infrastructure failure: the shard starts again whole,
  three times at most. After that its work has probably caused it, and it counts as a task failure.
* A commit always counts, whoever made it: a worker given up for dead may still finish its shard.
* At most twice as many shards are in flight as there are slots.
* A shard that reads other shards' commits starts once they are there; one that reads what is given up is
  `blocked`.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence

from cluster.scheduling.shards import (
    Cancel,
    Committed,
    Event,
    Failed,
    Found,
    InfrastructureFailure,
    Instruction,
    Quarantine,
    Recalled,
    RecordFailure,
    Shard,
    Start,
    name_shard,
)
from cluster.store.units import MethodFold, Unit

FAILURES_ALONE = 3  # a target that failed by itself this often is quarantined
INFRASTRUCTURE_RESTARTS = 3  # how often a shard starts again whole after infrastructure failures
IN_FLIGHT_PER_SLOT = 2  # one running, one waiting, so that no slot idles while the driver thinks


class Ledger:
    """The state of every unit of one run. `handle` an event, carry out what it returns."""

    def __init__(
        self, shards: Iterable[Shard], run_digest: str, slots: int, committed: Collection[str] = ()
    ) -> None:
        """`committed` are keys of commits that shards may read."""
        self.done: set[Unit] = set()
        self.blocked: set[Unit] = set()
        self.quarantined: dict[Unit, tuple[str, ...]] = {}
        self.failures = 0
        self.slots = slots
        self._run_digest = run_digest
        self._here = set(committed)
        self._pending: deque[Shard] = deque()
        self._waiting: list[Shard] = []  # for commits that shards of this run make
        for shard in shards:
            (self._pending if self._here.issuperset(shard.dependencies) else self._waiting).append(shard)
        self._running: dict[str, Shard] = {}
        self._leaving: dict[str, Shard] = {}  # asked to stop, slot not free yet
        self._split: dict[str, Shard] = {}  # given up whole; an orphan worker may still commit them
        self._restarts: dict[str, int] = {}  # after infrastructure failures, by key
        self._alone: dict[Unit, tuple[str, ...]] = {}
        self._events: list[tuple[Shard, str]] = []
        self._stopped = False

    @property
    def in_flight(self) -> int:
        """How many shards hold a slot or wait for one outside the ledger."""
        return len(self._running) + len(self._leaving)

    @property
    def finished(self) -> bool:
        """Whether nothing is in flight and nothing will start."""
        return not self.in_flight and (self._stopped or not self._pending)

    def method_folds_left(self) -> set[MethodFold]:
        """What a pending, waiting or running shard still needs prepared."""
        left = (*self._pending, *self._waiting, *self._running.values(), *self._leaving.values())
        return {s.method_fold for s in left}

    def next_method_fold(self) -> MethodFold | None:
        """That of the next pending shard, if no running shard shares it: worth preparing meanwhile."""
        running = {s.method_fold for s in self._running.values()}
        pending = (s.method_fold for s in self._pending if not s.is_fold_level)
        return next((method_fold for method_fold in pending if method_fold not in running), None)

    def orphans(self) -> list[str]:
        """Keys of split shards of which a late commit would still bring something."""
        return [key for key, shard in self._split.items() if not self.done.issuperset(shard.units)]

    def story(self, unit: Unit) -> list[str]:
        """What happened to one unit, oldest first: every shard it failed in and what was done about it."""
        return [text for shard, text in self._events if unit in shard.units]

    def knows(self, unit: Unit) -> bool:
        """Whether the lone failures of a unit are counted already."""
        return unit in self._alone

    def stop(self) -> None:
        """Start nothing more (an interruption); what is in flight may still end."""
        self._stopped = True

    def begin(self) -> list[Instruction]:
        """The first starts."""
        self._block()
        return self._fill()

    def handle(self, event: Event) -> list[Instruction]:
        """Take in one event. Those of shards not in flight (duplicates, late ones) do no harm."""
        match event:
            case Committed(key):
                instructions = self._commit(key)
            case Found(key):
                instructions = self._find(key)
            case Failed():
                instructions = self._fail(event)
            case Recalled(unit, errors):
                self._alone[unit] = errors
                return []
        self._wake()
        return instructions + self._fill()

    def _wake(self) -> None:
        """Let shards start whose dependencies have come."""
        ready = [s for s in self._waiting if self._here.issuperset(s.dependencies)]
        if ready:
            self._waiting = [s for s in self._waiting if not self._here.issuperset(s.dependencies)]
            self._pending.extendleft(reversed(ready))  # first, so that what they share is soon free again

    def _block(self) -> None:
        """Drop shards that read what is not there and will not come, and shards that read theirs in turn."""
        while self._waiting:
            coming = {s.key for s in (*self._pending, *self._waiting, *self._running.values())} | self._here
            lost = [s for s in self._waiting if not coming.issuperset(s.dependencies)]
            if not lost:
                return
            self._waiting = [s for s in self._waiting if coming.issuperset(s.dependencies)]
            for shard in lost:
                self.blocked.update(shard.units)
                self._note(shard, "what it depends on was given up: left for `resume --retry-failed`")

    def _commit(self, key: str) -> list[Instruction]:
        shard = self._running.pop(key, None) or self._leaving.pop(key, None)
        if shard is not None:
            self._finish(shard)
        return []

    def _find(self, key: str) -> list[Instruction]:
        waiting = next((s for s in self._pending if s.key == key), None)
        shard = self._split.get(key) or self._running.get(key) or waiting
        if shard is None:
            return []
        self._finish(shard)
        return self._drop_done()

    def _finish(self, shard: Shard) -> None:
        self._here.add(shard.key)
        self.done.update(shard.units)
        for unit in shard.units:
            if self.quarantined.pop(unit, None) is not None:
                self._note(shard, "committed after all: no longer quarantined")

    def _drop_done(self) -> list[Instruction]:
        """Forget pending shards and stop running ones whose every unit a late commit has brought."""
        self._pending = deque(s for s in self._pending if not self.done.issuperset(s.units))
        useless = [s for s in self._running.values() if self.done.issuperset(s.units)]
        for shard in useless:
            self._leaving[shard.key] = self._running.pop(shard.key)
        return [Cancel(shard) for shard in useless]

    def _fail(self, event: Failed) -> list[Instruction]:
        key, kind = event.key, event.kind
        if self._leaving.pop(key, None) is not None or key not in self._running:
            return []
        shard = self._running.pop(key)
        if self._stopped and kind == "cancelled":
            self._pending.appendleft(shard)
            return []
        self.failures += 1
        if kind == "node" or kind == "cancelled":  # noqa: PLR1714 - mypy narrows these, not a tuple
            if self._restart_whole(shard, kind, event.error):
                return [RecordFailure(shard, event.attempt, kind, event.error)]
            kind = "killed"
        record = RecordFailure(shard, event.attempt, kind, event.error)
        failure = f"{kind}: {event.error}"
        if len(shard.units) > 1:
            self._halve(shard, failure)
            return [record]
        return [record, *self._fail_alone(shard, failure)]

    def _restart_whole(self, shard: Shard, kind: InfrastructureFailure, error: str) -> bool:
        restarts = self._restarts.get(shard.key, 0) + 1
        if restarts > INFRASTRUCTURE_RESTARTS:
            return False
        self._restarts[shard.key] = restarts
        count = f"{restarts} of {INFRASTRUCTURE_RESTARTS}"
        self._note(shard, f"{kind}: {error}; not caused by its own work: started again ({count})")
        self._pending.appendleft(shard)
        return True

    def _halve(self, shard: Shard, failure: str) -> None:
        middle = len(shard.units) // 2
        parts = (shard.units[:middle], shard.units[middle:])
        halves = [name_shard(self._run_digest, part, shard.dependencies) for part in parts]
        self._split[shard.key] = shard
        self._pending.extendleft(reversed(halves))
        sizes = " + ".join(str(len(half.units)) for half in halves)
        self._note(shard, f"{failure}; split into {sizes} to find the target that fails")

    def _fail_alone(self, shard: Shard, failure: str) -> Sequence[Instruction]:
        (unit,) = shard.units
        errors = (*self._alone.get(unit, ()), failure)
        self._alone[unit] = errors
        if len(errors) < FAILURES_ALONE:
            self._note(shard, f"{failure}; alone, failure {len(errors)} of {FAILURES_ALONE}")
            self._pending.appendleft(shard)
            return ()
        self._note(shard, f"{failure}; alone, failure {len(errors)}: quarantined")
        self.quarantined[unit] = errors
        self._block()
        return (Quarantine(unit, errors),)

    def _fill(self) -> list[Instruction]:
        starts: list[Instruction] = []
        while self._pending and not self._stopped and self.in_flight < IN_FLIGHT_PER_SLOT * self.slots:
            shard = self._pending.popleft()
            self._running[shard.key] = shard
            starts.append(Start(shard))
        return starts

    def _note(self, shard: Shard, what: str) -> None:
        unit, *others = shard.units
        names = f"{len(shard.units)} targets" if others else unit.work or unit.target
        self._events.append((shard, f"shard {shard.key[:12]} ({names}, fold {shard.fold}): {what}"))
