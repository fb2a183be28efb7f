"""Nodes that run a ledger's shards in a time of their own, and fail as a test says: no process, no sleep."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cluster.scheduling.ledger import Ledger
from cluster.scheduling.shards import (
    Committed,
    Failed,
    FailureKind,
    GiveUp,
    Instruction,
    RecordFailure,
    Say,
    Shard,
    Start,
)


@dataclass(frozen=True)
class Running:
    """A shard on a node, and how it will end if nothing kills it before."""

    shard: Shard
    node: str
    end: float
    failure: tuple[FailureKind, str] | None


# What becomes of a shard on a node at a time: seconds, and None or how it fails.
Fate = Callable[[Shard, str, float], tuple[float, tuple[FailureKind, str] | None]]


@dataclass
class Machines:
    """Runs a ledger to its end. `kills` says which of the running shards die at a time."""

    ledger: Ledger
    cpus: dict[str, int]
    fate: Fate
    kills: Callable[[float, list[Running]], list[Running]] = lambda now, running: []
    now: float = 0.0
    queue: list[Start] = field(default_factory=list)
    running: list[Running] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    given_up: str = ""
    recorded: list[RecordFailure] = field(default_factory=list)

    def run(self, until: float = 1e5) -> "Machines":
        """Until nothing is left, half a second at a time."""
        self._carry_out(self.ledger.begin())
        while not self.ledger.finished:
            assert self.now < until, f"not done after {until} s: {self.said[-3:]}"
            self._carry_out(self.ledger.tick(self.now, {node: f"{node}.lab" for node in self.cpus}))
            self._place()
            self.now += 0.5
            for dead in self.kills(self.now, self.running):
                self._end(dead, Failed(dead.shard.key, 1, "killed", "signal 9", dead.node))
            for one in [one for one in self.running if one.end <= self.now]:
                if one.failure is None:
                    self._end(one, Committed(one.shard.key, one.node))
                else:
                    self._end(one, Failed(one.shard.key, 1, *one.failure, one.node))
        return self

    def _end(self, one: Running, event: Committed | Failed) -> None:
        self.running.remove(one)
        self.ledger.now = self.now
        self._carry_out(self.ledger.handle(event))

    def _place(self) -> None:
        """Each shard on the node with the most free CPUs of those it may use."""
        for start in list(self.queue):
            free = {n: c - sum(r.node == n for r in self.running) for n, c in self.cpus.items()}
            allowed = [n for n in free if n not in start.avoid] or list(free)
            node = max(allowed, key=lambda name: free[name])
            if free[node] > 0:
                seconds, failure = self.fate(start.shard, node, self.now)
                self.queue.remove(start)
                self.running.append(Running(start.shard, node, self.now + seconds, failure))

    def _carry_out(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Start():
                    self.queue.append(instruction)
                case Say(text):
                    self.said.append(text)
                case GiveUp(text):
                    self.given_up = text
                case RecordFailure():
                    self.recorded.append(instruction)
                case _:
                    pass
