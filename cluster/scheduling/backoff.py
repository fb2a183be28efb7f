"""Waiting: while everything fails, longer each time; and of a suspect, until others have had their turn."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from cluster.scheduling.shards import Shard

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0  # seconds; each wait is twice the one before
LONGEST_SUSPECTED = 15.0  # seconds that one target waits which fails while others do not
MOST_WAITS = 14  # ten minutes in all
FEW_WAITS = 6  # two minutes, where only a few targets are left and so may be bad themselves
FEW, FEW_SHARE = 5, 0.1  # this many targets, or this share of the units that are done, are few
WAITS_FOR_ERRORS = 2  # where what fails is code: waiting mends nothing


class Backoff:
    """Whether everything fails now, and until when nothing is started then. `now` is in seconds."""

    def __init__(self) -> None:
        self.waits = 0
        self.tried = 0  # shards started since the last wait
        self._until = 0.0

    @property
    def active(self) -> bool:
        """Whether everything is failing."""
        return self.waits > 0

    def allows(self, slots: int, in_flight: int, now: float) -> int:
        """How many shards may be in flight: nothing new while it waits, then one try a slot."""
        return 0 if now < self._until else min(slots, in_flight + slots - self.tried)

    def is_tried(self, now: float) -> bool:
        """Whether everything failed, a wait is over, and something was tried since."""
        return self.active and now >= self._until and self.tried > 0

    def wait(self, now: float) -> float:
        """Wait once more; returns for how long."""
        seconds = min(LONGEST_WAIT, FIRST_WAIT * 2**self.waits)
        self.waits += 1
        self._until = now + seconds
        self.tried = 0
        return seconds

    def end(self) -> None:
        """Something succeeded."""
        self.waits = 0


def patience(few_left: bool, environmental: bool) -> int:
    """How many waits it is worth."""
    if not environmental:
        return WAITS_FOR_ERRORS
    return FEW_WAITS if few_left else MOST_WAITS


def is_few(left: int, done: int) -> bool:
    """Whether so few targets are left, of a run in which so many units succeeded, that they may be bad."""
    return done > 0 and left <= max(FEW, done * FEW_SHARE)


@dataclass(frozen=True)
class Suspect:
    """A shard of one target that failed alone. It starts again once it is time and others have ended."""

    shard: Shard
    time: float  # seconds
    turn: int  # how many attempts of the run must have ended, unless a slot is idle


class Suspects:
    """Those that wait."""

    def __init__(self) -> None:
        self._waiting: list[Suspect] = []

    def __iter__(self) -> Iterator[Shard]:
        return (suspect.shard for suspect in self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, shard: Shard, time: float, turn: int) -> None:
        """One more."""
        self._waiting.append(Suspect(shard, time, turn))

    def drop(self, keys: Collection[str]) -> None:
        """Forget those of these keys."""
        self._waiting = [suspect for suspect in self._waiting if suspect.shard.key not in keys]

    def take(self, now: float, ended: int, is_busy: bool) -> list[Shard]:
        """Take out those that may start: it is time, and enough have ended, or a slot is idle."""
        due = [s.shard for s in self._waiting if s.time <= now and (s.turn <= ended or not is_busy)]
        self.drop({shard.key for shard in due})
        return due
