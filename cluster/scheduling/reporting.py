"""What the loop of a run tells its observer: events as they come, and how far the run is.

Nothing here decides anything. Time left is estimated from how long shards took on their slots: since they
were seen to begin, or, where that is not seen (in this process), by their receipts.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cluster.observing.events import Event, Observer
from cluster.observing.snapshot import FoldProgress, Snapshot
from cluster.observing.time_left import AtWork, TimeLeft
from cluster.scheduling.executor import Receipt
from cluster.scheduling.ledger import Ledger
from cluster.scheduling.shards import Kind, Shard, kind_of_unit
from cluster.scheduling.signs import Sign
from cluster.store.units import MethodFold, Unit

MOST_NAMED = 5  # nodes, where many go at once
SHOWN_SECONDS = 0.2  # at most so often: with a thousand slots, shards end far more often


class Reporter:
    """Of one run of a ledger, to one observer."""

    def __init__(
        self,
        observer: Observer,
        ledger: Ledger,
        clock: Callable[[], float],
        estimate: Callable[[Shard], float] = lambda shard: 0.0,
        compiling: bool | None = False,
    ) -> None:
        """`estimate`: seconds of a shard; `compiling`: nothing was compiled yet where the work is done.

        None: it is not known whether anything was.
        """
        self._observer, self._ledger, self._clock, self._estimate = observer, ledger, clock, estimate
        self._compiling = compiling
        self._wanted: Counter[Kind] = Counter()
        self._cost: dict[Kind, float] = {}  # seconds of a unit, as estimated; 1 where nothing is
        self._at_work: dict[str, AtWork] = {}  # `elapsed` at time 0 of the clock; since its last part
        self._shown = -SHOWN_SECONDS
        self._preparing: dict[MethodFold, tuple[int, float]] = {}  # which try, since when
        self._prepared: set[MethodFold] = set()
        self._trainings: Sequence[str] = ()
        self._nodes: Mapping[str, str] = {}
        self._time_left = TimeLeft()

    def begin(self, shards: Sequence[Shard], **more: Any) -> None:
        """A run of these shards begins."""
        for shard in shards:
            kind = kind_of_unit(shard.units[0])
            self._wanted[kind] += len(shard.units)
            self._cost[kind] = self._estimate(shard) / len(shard.units) or 1.0
        units = self._wanted.total()
        self._observer.begin(units)
        self._take("run began", units=units, shards=len(shards), slots=self._ledger.slots, **more)

    def end(self, **more: Any) -> None:
        """The run is over."""
        self._observer.show(self.snapshot())
        self._take("run ended", **more)

    def note(self, text: str) -> None:
        """Something that the user should know now."""
        self._take("note", text=text)

    def sent(self, shard: Shard, attempt: int) -> None:
        """An attempt was handed to the executor."""
        self._take("attempt sent", shard, attempt)

    def began(self, shard: Shard, attempt: int) -> None:
        """A worker was seen to have begun it."""
        if not shard.is_fold_level:
            self._prepared.add(shard.method_fold)
        self._at_work[shard.key] = AtWork(shard.method, self._estimated(shard.units), -self._clock())
        self._take("attempt began", shard, attempt)

    def progressed(self, shard: Shard, attempt: int, sign: Sign) -> None:
        """Its worker has said that it is further."""
        self._compiling = False
        self._take("attempt progressed", shard, attempt, steps=sign.steps, node=sign.node)

    def part_committed(
        self, shard: Shard, attempt: int, units: Sequence[Unit], before: Collection[Unit], node: str
    ) -> None:
        """Some of its targets are committed before the rest."""
        now, new = self._clock(), [unit for unit in units if unit not in before]
        if at_work := self._at_work.get(shard.key):
            self._learn(shard, new, now + at_work.elapsed)
            rest = max(0.0, at_work.estimated - self._estimated(new))
            self._at_work[shard.key] = AtWork(shard.method, rest, -now)
        names, more = tuple(unit.target for unit in new), {"node": node}
        self._observer.take(Event("part committed", *shard.method_fold, shard.key, attempt, names, more))

    def committed(
        self, shard: Shard, attempt: int, before: Collection[Unit], receipt: Receipt | None, node: str
    ) -> None:
        """The store holds its commit; `before` are its units that were committed in parts."""
        self._compiling = False
        seen = self._at_work.pop(shard.key, None)
        taken = receipt.seconds if receipt else 0.0
        if seen is not None:
            taken = self._clock() + seen.elapsed
        units = [unit for unit in shard.units if unit not in before]
        self._learn(shard, units, taken)
        more: dict[str, Any] = {"units": len(units), "node": node}
        if receipt is not None:
            more |= {"seconds": receipt.seconds, "host": receipt.host, "statuses": dict(receipt.statuses)}
            more |= {"stages": dict(receipt.stages), "memory": receipt.memory}
        self._take("shard committed", shard, attempt, **more)

    def failed(self, shard: Shard, attempt: int, kind: str, error: str, node: str) -> None:
        """An attempt was seen to fail."""
        self._at_work.pop(shard.key, None)
        self._take("attempt failed", shard, attempt, kind=kind, error=error, node=node)

    def quarantined(self, unit: Unit, errors: Sequence[str]) -> None:
        """A target is set aside."""
        more = {"error": errors[-1] if errors else ""}
        name = (unit.target,) if unit.target else ()
        self._observer.take(Event("target quarantined", unit.method, unit.fold, targets=name, more=more))

    def preparing(self, running: Mapping[MethodFold, int]) -> None:
        """The preparations that were seen to begin and run now."""
        now = self._clock()
        for method_fold, (number, since) in list(self._preparing.items()):
            if running.get(method_fold) != number:
                del self._preparing[method_fold]
                self._prepared.add(method_fold)
                self._time_left.prepared(method_fold.method, now - since)
                self._observer.take(Event("preparation ended", *method_fold, more={"seconds": now - since}))
        for method_fold, number in running.items():
            if method_fold not in self._preparing:
                self._preparing[method_fold] = number, now
                self._observer.take(Event("preparation began", *method_fold))

    def nodes(self, now: Mapping[str, str]) -> None:
        """The nodes that run tasks now, by id, and their names: say which have gone."""
        gone = sorted(name for node, name in self._nodes.items() if node not in now)
        self._nodes = dict(now)
        if gone:
            many = f"{len(gone)} nodes are" if len(gone) > 1 else "a node is"
            names = ", ".join(gone[:MOST_NAMED]) + (", ..." if len(gone) > MOST_NAMED else "")
            self.note(f"{many} gone ({names}): any shard there begins again elsewhere")

    def show(self, trainings: Sequence[str]) -> None:
        """Let the observer know how far everything is; `trainings` are in words."""
        for text in trainings:
            if text not in self._trainings:
                self._take("training progressed", text=text)
        self._trainings = tuple(trainings)
        if self._clock() - self._shown >= SHOWN_SECONDS:
            self._shown = self._clock()
            self._observer.show(self.snapshot())

    def snapshot(self) -> Snapshot:
        """How far the run is now."""
        ledger, now = self._ledger, self._clock()
        wanted, done = Counter[MethodFold](), Counter[MethodFold]()
        for kind, count in self._wanted.items():
            wanted[kind.method_fold] += count
            done[kind.method_fold] += ledger.done.by_kind[kind]
        todo, folds = self._todo(), self._not_prepared(wanted, done)
        at_work = [replace(each, elapsed=now + each.elapsed) for each in self._at_work.values()]
        slots = min(ledger.slots, max(1, ledger.in_flight))
        return Snapshot(
            tuple(FoldProgress(*each, wanted[each], done[each]) for each in sorted(wanted)),
            ledger.failures,
            len(ledger.quarantined),
            len(at_work),
            tuple(map(str, self._preparing)),
            self._trainings,
            self._compiling,
            self._time_left.in_all(todo, at_work, slots, folds),
            left_by_method={m: s / slots for m, s in self._time_left.by_method(todo, at_work, folds).items()},
        )

    def _todo(self) -> dict[str, float]:
        """Seconds of what is neither committed nor given up, by method, as estimated."""
        ledger = self._ledger
        given_up = Counter(kind_of_unit(unit) for unit in {*ledger.quarantined, *ledger.blocked})
        todo = dict[str, float]()
        for kind, wanted in self._wanted.items():
            count = max(0, wanted - ledger.done.by_kind[kind] - given_up[kind])
            todo[kind.method] = todo.get(kind.method, 0.0) + count * self._cost[kind]
        return todo

    def _not_prepared(
        self, wanted: Mapping[MethodFold, int], done: Mapping[MethodFold, int]
    ) -> dict[str, list[float]]:
        """Of each method, the folds with work left whose preparation has not ended: how long it has run."""
        now, found = self._clock(), dict[str, list[float]]()
        for each, count in wanted.items():
            if done[each] < count and each not in self._prepared:
                since = self._preparing[each][1] if each in self._preparing else now
                found.setdefault(each.method, []).append(now - since)
        return found

    def _estimated(self, units: Iterable[Unit]) -> float:
        return sum(self._cost.get(kind_of_unit(unit), 1.0) for unit in units)

    def _learn(self, shard: Shard, units: Sequence[Unit], taken: float) -> None:
        if units and taken > 0:
            self._time_left.ended(shard.method, self._estimated(units), taken)

    def _take(self, name: Any, shard: Shard | None = None, attempt: int | None = None, **more: Any) -> None:
        if shard is None:
            self._observer.take(Event(name, more=more))
            return
        targets = () if shard.is_fold_level else shard.targets
        self._observer.take(Event(name, shard.method, shard.fold, shard.key, attempt, targets, more))
