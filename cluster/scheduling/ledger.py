"""What is known about every shard of a run, as a machine without clock, disk or network.

Events go in, instructions come out; whoever drives it (loop.py) carries them out. Modelled on
dask.distributed's worker state machine: because nothing here waits or writes, every order of events can be
tested. The rules:

* Only an observed failure counts. A shard that raised, killed its worker or overran its deadline is split in
  halves until the target that fails stands alone. A target that failed alone three times, on other nodes
  and after others had their turn, is quarantined, unless guilt.py finds it not guilty yet.
* A node on which different targets fail, while others do not, is left out. Where different targets fail
  everywhere, nobody is blamed: the ledger waits, longer each time, and tries a shard a slot. When nothing
  succeeds for long, it gives up; a few that are left are guilty, unless that may be chance.
* A node's death or a cancellation from outside is an infrastructure failure: the shard starts again whole,
  three times at most. After that its work has probably caused it, and it counts as a task failure.
* A commit always counts, whoever made it: a worker given up for dead may still finish its shard.
* At most twice as many shards are in flight as there are slots. A shard that reads other shards' commits
  starts once they are there; one that reads what is given up is `blocked`."""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence

from cluster.scheduling.backoff import LONGEST_SUSPECTED, Suspects, is_few
from cluster.scheduling.guilt import FAILURES_ALONE, RECENT, names_of
from cluster.scheduling.shards import (
    INFRASTRUCTURE_FAILURES,
    Cancel,
    Committed,
    CountedUnits,
    Event,
    Failed,
    Found,
    GiveUp,
    Instruction,
    PartCommitted,
    Quarantine,
    Recalled,
    RecordFailure,
    Shard,
    Start,
    halves_of,
    name_shard,
    rest_of,
)
from cluster.scheduling.trouble import Trouble, names_by_id
from cluster.store.units import MethodFold, Unit

IN_FLIGHT_PER_SLOT = 2  # one running, one waiting, so that no slot idles while the driver thinks


class Ledger:
    """The state of every unit of one run. `handle` an event, carry out what it returns."""

    def __init__(
        self,
        shards: Iterable[Shard],
        run_digest: str,
        slots: int,
        committed: Collection[str] = (),
        done_before: int = 0,
    ) -> None:
        """`committed`: keys of commits that shards may read; `done_before`: how many units were done."""
        self.done = CountedUnits()
        self.blocked: set[Unit] = set()
        self.quarantined: dict[Unit, tuple[str, ...]] = {}
        self.failures, self.slots = 0, slots
        self.nodes: frozenset[str] = frozenset()  # where work runs; empty where there is no choice
        self.now = 0.0  # seconds, as whoever drives it says
        self._run_digest = run_digest
        self._done_before = done_before
        self._here = set(committed)
        self._pending: deque[Shard] = deque()
        self._waiting: list[Shard] = []  # for commits that shards of this run make
        self._wanted: Counter[MethodFold] = Counter()  # how many units
        for shard in shards:
            (self._pending if self._here.issuperset(shard.dependencies) else self._waiting).append(shard)
            self._wanted[shard.method_fold] += len(shard.units)
        self._running: dict[str, Shard] = {}
        self._leaving: dict[str, Shard] = {}  # asked to stop, slot not free yet
        self._split: dict[str, Shard] = {}  # given up whole; an orphan worker may still commit them
        self._suspects = Suspects()
        self._trouble = Trouble()
        self._events: list[tuple[Shard, str]] = []
        self._stopped = False

    @property
    def in_flight(self) -> int:
        """How many shards hold a slot or wait for one outside the ledger."""
        return len(self._running) + len(self._leaving)

    @property
    def finished(self) -> bool:
        """Whether nothing is in flight and nothing will start."""
        return not self.in_flight and (self._stopped or not (self._pending or self._suspects))

    def method_folds_left(self) -> set[MethodFold]:
        """Those with units neither done nor given up. Counted, since this is asked whenever a shard ends."""
        return self.done.lacking(self._wanted, self.blocked | self.quarantined.keys())

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
        return unit in self._trouble.alone

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
            case Committed(key, node):
                shard = self._running.pop(key, None) or self._leaving.pop(key, None)
                instructions = [] if shard is None else self._finish(shard, node)
            case PartCommitted(key, targets, node):
                instructions = self._finish_part(key, targets, node)
            case Found(key):
                instructions = self._find(key)
            case Failed():
                instructions = self._fail(event)
            case Recalled(unit, errors, nodes):
                self._trouble.recall(unit, errors, nodes)
                return []
        self._wake()
        return instructions + self._weather() + self._fill()

    def tick(self, now: float, nodes: Collection[str] = ()) -> list[Instruction]:
        """Time has passed: start what may start now. `nodes` are those alive, where there is a choice."""
        self.now, self.nodes, self._trouble.names = now, frozenset(nodes), names_by_id(nodes)
        return self._weather() + self._fill()

    def _wake(self) -> None:
        """Let shards start whose dependencies have come."""
        if ready := [s for s in self._waiting if self._here.issuperset(s.dependencies)]:
            self._waiting = [s for s in self._waiting if not self._here.issuperset(s.dependencies)]
            self._pending.extendleft(reversed(ready))  # first, so that what they share is soon free again

    def _block(self) -> None:
        """Drop shards that read what is not there and will not come, and shards that read theirs in turn."""
        while self._waiting:
            coming = {s.key for s in (*self._queued(), *self._waiting, *self._running.values())} | self._here
            lost = [s for s in self._waiting if not coming.issuperset(s.dependencies)]
            if not lost:
                return
            self._waiting = [s for s in self._waiting if coming.issuperset(s.dependencies)]
            for shard in lost:
                self.blocked.update(shard.units)
                self._note(shard, "what it depends on was given up: left for `resume --retry-failed`")

    def _find(self, key: str) -> list[Instruction]:
        waiting = next((s for s in self._queued() if s.key == key), None)
        shard = self._split.get(key) or self._running.get(key) or waiting
        return [] if shard is None else [*self._finish(shard, ""), *self._drop_done()]

    def _finish(self, shard: Shard, node: str) -> list[Instruction]:
        self._here.add(shard.key)
        self.done.update(shard.units)
        for unit in shard.units:
            if self.quarantined.pop(unit, None) is not None:
                self._note(shard, "committed after all: no longer quarantined")
        return self._trouble.end(shard, node)

    def _finish_part(self, key: str, targets: Collection[str], node: str) -> list[Instruction]:
        shard = self._running.get(key) or self._leaving.get(key)
        units = [unit for unit in (shard.units if shard else ()) if unit.target in targets]
        return self._finish(name_shard(self._run_digest, units), node) if units else []

    def _drop_done(self) -> list[Instruction]:
        """Forget pending shards and stop running ones whose every unit a late commit has brought."""
        self._drop({s.key for s in self._queued() if self.done.issuperset(s.units)})
        useless = [s for s in self._running.values() if self.done.issuperset(s.units)]
        for shard in useless:
            self._leaving[shard.key] = self._running.pop(shard.key)
        return [Cancel(shard) for shard in useless]

    def _queued(self) -> list[Shard]:
        return [*self._pending, *self._suspects]

    def _drop(self, keys: set[str]) -> None:
        self._pending = deque(shard for shard in self._pending if shard.key not in keys)
        self._suspects.drop(keys)

    def _fail(self, event: Failed) -> list[Instruction]:
        key, kind = event.key, event.kind
        if self._leaving.pop(key, None) is not None or key not in self._running:
            return []
        whole = self._running.pop(key)
        rest = rest_of(self._run_digest, whole, self.done)
        if self._stopped and kind == "cancelled":
            self._pending.appendleft(whole)
            return []
        self.failures += 1
        if rest is None:
            return []  # others have done its work
        if kind in INFRASTRUCTURE_FAILURES:
            if note := self._trouble.restart(whole, rest, kind, event.error):
                self._note(whole, note)
                self._pending.appendleft(rest)
                return [RecordFailure(whole, event.attempt, kind, event.error)]
            kind = "killed"
        said = self._trouble.fail(rest, event.node, kind, event.error, self.nodes, self.now)
        counts = self._trouble.counts(event.node)
        record = RecordFailure(whole, event.attempt, kind, event.error, event.node, counts)
        failure = f"{kind}: {event.error}"
        if len(whole.units) > 1:
            self._halve(whole, rest, failure)
            return [record, *said]
        return [record, *said, *self._fail_alone(rest, failure, counts)]

    def _halve(self, shard: Shard, rest: Shard, failure: str) -> None:
        halves = halves_of(self._run_digest, rest)
        self._split[shard.key] = shard
        self._pending.extendleft(reversed(halves))
        sizes = " + ".join(str(len(half.units)) for half in halves)
        self._note(shard, f"{failure}; split into {sizes} to find the target that fails")

    def _fail_alone(self, shard: Shard, failure: str, counts: bool) -> Sequence[Instruction]:
        (unit,) = shard.units
        if not counts:
            self._trouble.excuse(unit, failure)
            self._note(shard, f"{failure}; alone, but all failed there then: not counted")
            self._pending.append(shard)
            return ()
        count = len(self._trouble.blame(unit, failure))
        if self._trouble.is_guilty(unit, self.nodes):
            self._note(shard, f"{failure}; alone, failure {count}: quarantined")
            return [self._condemn(unit)]
        of = f" of {FAILURES_ALONE}" if count < FAILURES_ALONE else ""
        self._note(shard, f"{failure}; alone, failure {count}{of}")
        if self._trouble.may_be_chance(count):
            wait = min(LONGEST_SUSPECTED, 2.0 ** (count - 2)) if count >= FAILURES_ALONE else 0.0
            self._suspects.add(shard, self.now + wait, self._trouble.attempts + RECENT)
        else:
            self._pending.appendleft(shard)
        return ()

    def _condemn(self, unit: Unit) -> Quarantine:
        self.quarantined[unit] = self._trouble.condemn(unit)
        self._block()
        return Quarantine(unit, self.quarantined[unit])

    def _weather(self) -> list[Instruction]:
        """Where everything fails and what was tried has ended: wait once more, or come to an end."""
        trouble = self._trouble
        if self.in_flight or self._stopped or not trouble.backoff.is_tried(self.now):
            return []
        left = self._queued()
        names = names_of(unit for shard in left for unit in shard.units)
        few = is_few(len(names), len(self.done) + self._done_before)
        if trouble.has_patience(few):
            return trouble.wait(self.now)
        bad = [shard for shard in left if few and trouble.is_bad(shard)]
        if not bad:
            goes_on = trouble.has_patience(False) or (few and not all(map(trouble.failed_alone_often, left)))
            return trouble.wait(self.now) if goes_on else [self._give_up(len(names))]
        self._drop({shard.key for shard in bad})
        for shard in bad:
            self._note(shard, "few are left, and it failed too often for chance: quarantined")
        condemned = [self._condemn(shard.units[0]) for shard in bad]
        return [*condemned, *(trouble.wait(self.now) if len(bad) < len(left) else ())]

    def _give_up(self, left: int) -> GiveUp:
        self.stop()
        released = tuple(sorted(self._trouble.condemned_lately & self.quarantined.keys()))
        self.quarantined = {unit: errors for unit, errors in self.quarantined.items() if unit not in released}
        return GiveUp(self._trouble.farewell(left), released)

    def _fill(self) -> list[Instruction]:
        starts, limit, trouble = list[Instruction](), IN_FLIGHT_PER_SLOT * self.slots, self._trouble
        is_busy = bool(self._pending) or self.in_flight >= self.slots
        self._pending.extendleft(reversed(self._suspects.take(self.now, trouble.attempts, is_busy)))
        if trouble.is_general:
            limit = trouble.backoff.allows(self.slots, self.in_flight, self.now)
            self._pending = deque(sorted(self._pending, key=trouble.has_failed))  # what never failed first
        while self._pending and not self._stopped and self.in_flight < limit:
            shard = self._pending.popleft()
            self._running[shard.key] = shard
            starts.append(Start(shard, trouble.avoided(shard, self.nodes)))
        trouble.backoff.tried += len(starts)
        return starts

    def _note(self, shard: Shard, what: str) -> None:
        self._events.append((shard, f"{shard}: {what}"))
