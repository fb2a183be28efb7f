"""What a run tells whoever observes it: events, one at a time, and how far it is, now and then."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from cluster.observing.snapshot import Snapshot

EventName = Literal[
    "run began",
    "run ended",
    "note",  # something that the user should know now
    "attempt sent",  # to the executor, where it may wait for a CPU
    "attempt began",  # a worker has it
    "attempt progressed",  # a worker has finished targets, or kept a checkpoint
    "attempt failed",
    "part committed",  # of a long shard, before the rest
    "shard committed",
    "target quarantined",
    "preparation began",
    "preparation ended",
    "training progressed",
]


@dataclass(frozen=True)
class Event:
    """One thing that happened. `targets` are empty for work on a whole fold; `fold` is -1 for the final fit.

    `more` holds what only some events have: seconds, host, node, units, memory (bytes), kind, error, text.
    """

    name: EventName
    method: str | None = None
    fold: int | None = None
    shard: str | None = None
    attempt: int | None = None
    targets: Sequence[str] = ()
    more: dict[str, Any] = field(default_factory=dict)


class Observer(Protocol):
    """Learns of a run. It decides nothing, and no result depends on it."""

    def begin(self, units: int) -> None:
        """Work on so many units begins."""

    def take(self, event: Event) -> None:
        """Something happened."""

    def show(self, snapshot: Snapshot) -> None:
        """How far the run is; comes once a second or more often."""

    def close(self) -> None:
        """Nothing more comes."""


class Silent:
    """Shows nothing."""

    def begin(self, units: int) -> None:
        """Show nothing."""

    def take(self, event: Event) -> None:
        """Show nothing."""

    def show(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""


class Several:
    """Tells several observers the same."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def begin(self, units: int) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.begin(units)

    def take(self, event: Event) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.take(event)

    def show(self, snapshot: Snapshot) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.show(snapshot)

    def close(self) -> None:
        """Tell all."""
        for observer in self._observers:
            observer.close()
