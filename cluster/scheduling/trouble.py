"""What goes wrong in one run, as the ledger keeps it: who failed alone, which node, whether all fails."""

from collections import Counter
from collections.abc import Collection, Mapping

from cluster.scheduling.backoff import Backoff, patience
from cluster.scheduling.guilt import (
    DOUBT_OF_FEW,
    FAILURES_ALONE,
    Evidence,
    Failure,
    is_environmental,
    names_of,
    sign_of,
)
from cluster.scheduling.shards import FailureKind, Instruction, Say, Shard
from cluster.store.units import Unit

INFRASTRUCTURE_RESTARTS = 3  # how often a shard starts again whole after infrastructure failures


class Trouble:
    """Failures and what follows from them. The ledger tells it of every attempt that ended."""

    def __init__(self) -> None:
        self.alone: dict[Unit, tuple[str, ...]] = {}  # the errors that count against a unit
        self.backoff = Backoff()
        self.condemned_lately: set[Unit] = set()  # since the last success
        self.names: Mapping[str, str] = {}  # what people call the nodes
        self._evidence = Evidence()
        self._restarts: Counter[str] = Counter()  # after infrastructure failures, by key
        self._failures: dict[Unit, list[Failure]] = {}  # those behind `alone`
        self._times_alone: Counter[Unit] = Counter()  # also where all failed
        self._uncounted: dict[Unit, tuple[str, ...]] = {}
        self._failed_keys: set[str] = set()
        self._left_out: set[str] = set()  # nodes
        self._last: Failure | None = None
        self._last_error = ""

    @property
    def is_general(self) -> bool:
        """Whether everything fails now, so that nobody is blamed."""
        return self.backoff.active

    @property
    def attempts(self) -> int:
        """How many have ended."""
        return self._evidence.attempts

    def may_be_chance(self, count: int) -> bool:
        """Whether, after `count` failures alone, the next tells something only beside how others fare.

        Then they have their turn first.
        """
        environmental = self._last is not None and is_environmental(self._last.sign)
        return count >= FAILURES_ALONE - environmental

    def end(self, shard: Shard, node: str) -> list[Instruction]:
        """A commit."""
        self._evidence.succeeded(shard.units, node)
        self.condemned_lately.clear()
        if not self.backoff.active:
            return []
        self.backoff.end()
        return [Say("work succeeds again; the run goes on")]

    def fail(
        self,
        shard: Shard,
        node: str,
        kind: FailureKind,
        error: str,
        nodes: Collection[str],
        now: float,
    ) -> list[Instruction]:
        """An attempt without a commit: is it the node, or everything? Returns what to say."""
        self._last = self._evidence.failed(shard.units, node, kind, error)
        self._last_error = f"{kind}: {error}".splitlines()[0]
        self._failed_keys.add(shard.key)
        if len(shard.units) == 1:
            self._times_alone.update(shard.units)
        if self.is_general or node in self._left_out:
            return []
        usable = self._usable(nodes)
        healthy = {other for other in usable if not self._evidence.fails_on(other)}
        if node in usable - healthy and healthy:
            self._left_out.add(node)
            return [
                Say(
                    f"node {self.names.get(node) or node[:12]} is left out: different targets failed there "
                    f"and none succeeded, the last with {self._last_error}"
                )
            ]
        if not healthy if node and len(nodes) > 1 else self._evidence.fails_everywhere():
            self._left_out.clear()
            return self.wait(now)
        return []

    def restart(self, shard: Shard, rest: Shard, kind: FailureKind, error: str) -> str:
        """What to note where what is left of a shard starts again after a failure of what it ran on.

        "" where that happened so often that its work has probably caused it.
        """
        restarts = self._restarts[shard.key] + 1
        if restarts > INFRASTRUCTURE_RESTARTS:
            return ""
        self._restarts[rest.key] = restarts
        count = f"{restarts} of {INFRASTRUCTURE_RESTARTS}"
        return f"{kind}: {error}; not caused by its own work: started again ({count})"

    def wait(self, now: float) -> list[Instruction]:
        """Start nothing for a while."""
        seconds = self.backoff.wait(now)
        return [
            Say(
                f"different targets fail one after another, the last with {self._last_error}; no target is "
                f"blamed for it, and more are tried in {seconds:.0f} s"
            )
        ]

    def has_patience(self, few_left: bool) -> bool:
        """Whether to wait once more."""
        environmental = self._last is not None and is_environmental(self._last.sign)
        return self.backoff.waits < patience(few_left, environmental)

    def recall(self, unit: Unit, errors: tuple[str, ...], nodes: tuple[str, ...]) -> None:
        """Failures that earlier runs recorded; `nodes` where they were, as far as known."""
        self.alone[unit] = errors
        places = nodes or ("",) * len(errors)
        self._failures[unit] = [
            Failure(frozenset([unit]), node, _sign(error)) for error, node in zip(errors, places, strict=True)
        ]
        self._times_alone[unit] = len(errors)

    def counts(self, node: str) -> bool:
        """Whether a failure on a node speaks against a target."""
        return not self.is_general and node not in self._left_out

    def excuse(self, unit: Unit, failure: str) -> None:
        """A unit failed alone, but so did everything."""
        self._uncounted[unit] = (*self._uncounted.get(unit, ()), failure)

    def blame(self, unit: Unit, failure: str) -> tuple[str, ...]:
        """The last failure counts against a unit that stood alone; returns all that do."""
        if self._last is not None:
            self._failures.setdefault(unit, []).append(self._last)
        self.alone[unit] = (*self.alone.get(unit, ()), failure)
        return self.alone[unit]

    def is_guilty(self, unit: Unit, nodes: Collection[str]) -> bool:
        """Whether what counts against it is enough."""
        return self._evidence.is_guilty(unit, self._failures[unit], self._usable(nodes))

    def failed_alone_often(self, shard: Shard) -> bool:
        """Whether it is one target that failed alone three times, counted or not."""
        return len(shard.units) == 1 and self._times_alone[shard.units[0]] >= FAILURES_ALONE

    def is_bad(self, shard: Shard) -> bool:
        """Whether it is one target that failed alone three times, hardly by chance: asked of the few left."""
        (unit, *_), own = shard.units, self._failures.get(shard.units[0])
        last = own[-1] if own else self._last
        if last is None or not self.failed_alone_often(shard):
            return False
        return self._evidence.chance(last.sign) ** self._times_alone[unit] <= DOUBT_OF_FEW

    def condemn(self, unit: Unit) -> tuple[str, ...]:
        """It is guilty, of these errors."""
        self._evidence.condemned(unit)
        self.condemned_lately.add(unit)
        return (*self.alone.get(unit, ()), *self._uncounted.pop(unit, ()))

    def has_failed(self, shard: Shard) -> bool:
        """Whether an attempt of just this shard has failed."""
        return shard.key in self._failed_keys

    def avoided(self, shard: Shard, nodes: Collection[str] = ()) -> frozenset[str]:
        """The nodes that an attempt of it should not run on.

        Where it failed on all that are left, it is tried there again: elsewhere a failure says nothing.
        """
        own = self._failures.get(shard.units[0], ()) if len(shard.units) == 1 else ()
        failed_on = {failure.node for failure in own if failure.node}
        usable = set(nodes) - self._left_out
        return frozenset(self._left_out | (set() if usable <= failed_on else failed_on))

    def farewell(self, left: int) -> str:
        """Why the run ends."""
        lately = names_of(self.condemned_lately)
        return (
            f"nothing succeeds: different targets failed one after another, the last with {self._last_error}"
            f"\n{left + len(lately)} targets are left, and none of them was put in quarantine for it. What "
            "is committed stays: mend the cause, then run `knockcast resume` on the store"
        )

    def _usable(self, nodes: Collection[str]) -> set[str]:
        usable = set(nodes) - self._left_out
        if nodes and not usable:  # those that did well have gone
            self._left_out.clear()
            return set(nodes)
        return usable


def names_by_id(nodes: Collection[str]) -> Mapping[str, str]:
    """What people call the nodes, where that is known."""
    return nodes if isinstance(nodes, Mapping) else {}


def _sign(recorded: str) -> str:
    """The sign of an error as it is recorded, its kind first."""
    kind, _, error = recorded.partition(": ")
    return sign_of("error" if kind == "error" else "killed" if kind == "killed" else "deadline", error)
