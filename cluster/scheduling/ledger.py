"""What is known about every shard of a run, as a machine without clock, disk or network.

Events go in, instructions come out; whoever drives it (driver.py) carries them out. Modelled on
dask.distributed's worker state machine: because nothing here waits or writes, every order of events can be
tested. The rules:

* Only an observed failure counts. A shard that raised, killed its worker or overran its deadline is split in
  halves until the guilty target stands alone; a target that failed alone three times is quarantined.
* A node's death or a cancellation from outside is nobody's fault: the shard starts again whole, three times
  at most, after which it is taken for the killer it probably is.
* A commit always counts, whoever made it: a worker given up for dead may still finish its shard.
* At most twice as many shards are in flight as there are slots.
* A shard that reads other shards' commits starts once they are there; one that reads what is given up is
  `blocked`.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cluster.scheduling.shard import Shard, name_shard
from cluster.store.units import MethodFold, Unit

FAILURES_ALONE = 3  # a target that failed by itself this often is quarantined
INNOCENT_RESTARTS = 3  # how often a shard starts again whole after something that was not its fault
IN_FLIGHT_PER_SLOT = 2  # one running, one waiting, so that no slot idles while the driver thinks

GuiltyKind = Literal["error", "killed", "deadline"]
FailureKind = Literal["error", "killed", "deadline", "node", "cancelled"]
INNOCENT: frozenset[FailureKind] = frozenset({"node", "cancelled"})


@dataclass(frozen=True)
class Committed:
    """The attempt in flight has ended, and the store holds a commit of its shard."""

    key: str


@dataclass(frozen=True)
class Found:
    """The store was seen to hold a commit of a shard given up before (an orphan worker was late)."""

    key: str


@dataclass(frozen=True)
class Failed:
    """An attempt of this shard was seen to end without a commit."""

    key: str
    kind: FailureKind
    error: str


@dataclass(frozen=True)
class Recalled:
    """Errors an earlier run recorded of this target standing alone; they count towards quarantine."""

    unit: Unit
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Start:
    """Begin an attempt of this shard."""

    shard: Shard


@dataclass(frozen=True)
class RecordFailure:
    """Write down the failure of the attempt that has just ended."""

    shard: Shard
    kind: FailureKind
    error: str


@dataclass(frozen=True)
class Quarantine:
    """Give this target up for now, with the errors of its lone failures."""

    unit: Unit
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Cancel:
    """Stop this shard: another commit already holds all its units."""

    shard: Shard


Event = Committed | Found | Failed | Recalled
Instruction = Start | RecordFailure | Quarantine | Cancel


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
        self._leaving: dict[str, Shard] = {}  # told to stop, slot not free yet
        self._split: dict[str, Shard] = {}  # given up whole; an orphan worker may still commit them
        self._innocent: dict[str, int] = {}
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
        """Parts (a method in one fold) that a pending or running shard still needs."""
        left = (*self._pending, *self._waiting, *self._running.values(), *self._leaving.values())
        return {s.method_fold for s in left}

    def next_method_fold(self) -> MethodFold | None:
        """The part of the next pending shard that none in flight shares: worth preparing meanwhile."""
        running = {s.method_fold for s in self._running.values()}
        pending = (s.method_fold for s in self._pending if not s.is_fold_level)
        return next((one for one in pending if one not in running), None)

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
        """Take in one event. Events of shards not in flight (duplicates, latecomers) change nothing amiss."""
        match event:
            case Committed(key):
                instructions = self._commit(key)
            case Found(key):
                instructions = self._find(key)
            case Failed(key, kind, error):
                instructions = self._fail(key, kind, error)
            case Recalled(unit, errors):
                self._alone[unit] = errors
                return []
        self._wake()
        return instructions + self._fill()

    def _wake(self) -> None:
        """Let shards start whose needs have come."""
        ready = [s for s in self._waiting if self._here.issuperset(s.dependencies)]
        if ready:
            self._waiting = [s for s in self._waiting if not self._here.issuperset(s.dependencies)]
            self._pending.extendleft(reversed(ready))  # what is prepared for them is soon free again

    def _block(self) -> None:
        """Drop shards that read what neither is there nor comes, and those that read these in turn."""
        while self._waiting:
            coming = {s.key for s in (*self._pending, *self._waiting, *self._running.values())} | self._here
            lost = [s for s in self._waiting if not coming.issuperset(s.dependencies)]
            if not lost:
                return
            self._waiting = [s for s in self._waiting if coming.issuperset(s.dependencies)]
            for shard in lost:
                self.blocked.update(shard.units)
                self._tell(shard, "what it is made from was given up: left for `resume --retry-failed`")

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
                self._tell(shard, "committed after all: no longer quarantined")

    def _drop_done(self) -> list[Instruction]:
        """Forget pending shards and stop running ones whose every unit a late commit has brought."""
        self._pending = deque(s for s in self._pending if not self.done.issuperset(s.units))
        useless = [s for s in self._running.values() if self.done.issuperset(s.units)]
        for shard in useless:
            self._leaving[shard.key] = self._running.pop(shard.key)
        return [Cancel(shard) for shard in useless]

    def _fail(self, key: str, kind: FailureKind, error: str) -> list[Instruction]:
        if self._leaving.pop(key, None) is not None or key not in self._running:
            return []
        shard = self._running.pop(key)
        if self._stopped and kind == "cancelled":
            self._pending.appendleft(shard)
            return []
        self.failures += 1
        if kind == "node" or kind == "cancelled":  # noqa: PLR1714 - mypy narrows these, not a set
            if self._restart_whole(shard, kind, error):
                return [RecordFailure(shard, kind, error)]
            guilty: GuiltyKind = "killed"
        else:
            guilty = kind
        record = RecordFailure(shard, guilty, error)
        if len(shard.units) > 1:
            self._halve(shard, guilty, error)
            return [record]
        return [record, *self._fail_alone(shard, guilty, error)]

    def _restart_whole(self, shard: Shard, kind: FailureKind, error: str) -> bool:
        restarts = self._innocent.get(shard.key, 0) + 1
        if restarts > INNOCENT_RESTARTS:
            return False
        self._innocent[shard.key] = restarts
        self._tell(
            shard, f"{kind}: {error}; not its fault, started again ({restarts} of {INNOCENT_RESTARTS})"
        )
        self._pending.appendleft(shard)
        return True

    def _halve(self, shard: Shard, kind: GuiltyKind, error: str) -> None:
        middle = len(shard.units) // 2
        parts = (shard.units[:middle], shard.units[middle:])
        halves = [name_shard(self._run_digest, part, shard.dependencies) for part in parts]
        self._split[shard.key] = shard
        self._pending.extendleft(reversed(halves))
        sizes = " + ".join(str(len(half.units)) for half in halves)
        self._tell(shard, f"{kind}: {error}; split into {sizes} to find the guilty target")

    def _fail_alone(self, shard: Shard, kind: GuiltyKind, error: str) -> Sequence[Instruction]:
        (unit,) = shard.units
        errors = (*self._alone.get(unit, ()), f"{kind}: {error}")
        self._alone[unit] = errors
        if len(errors) < FAILURES_ALONE:
            self._tell(shard, f"{kind}: {error}; alone, failure {len(errors)} of {FAILURES_ALONE}")
            self._pending.appendleft(shard)
            return ()
        self._tell(shard, f"{kind}: {error}; alone, failure {len(errors)}: quarantined")
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

    def _tell(self, shard: Shard, what: str) -> None:
        unit, *others = shard.units
        names = f"{len(shard.units)} targets" if others else unit.work or unit.target
        self._events.append((shard, f"shard {shard.key[:12]} ({names}, fold {shard.fold}): {what}"))
