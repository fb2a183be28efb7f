"""How far a run is, as plain lines for logs: one a minute, and what the user should know at once."""

import time
from collections.abc import Callable
from typing import TextIO

from cluster.observing.events import Event
from cluster.observing.snapshot import A_UNIT, Snapshot, by_method, nothing_yet, time_left, trouble_in

SECONDS_BETWEEN_LINES = 60.0


class ProgressLines:
    """A line a minute at most, and one at the end."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._begun = self._last = 0.0
        self._latest: Snapshot | None = None
        self._printed = -1  # how many units were done as the last line said

    def begin(self, units: int) -> None:
        """Print how much there is to do, and what a unit is."""
        self._begun = self._last = self._clock()
        self._print(f"{units} units to do ({A_UNIT})")

    def take(self, event: Event) -> None:
        """Print notes at once."""
        if event.name == "note":
            self._print(str(event.more["text"]))

    def show(self, snapshot: Snapshot) -> None:
        """Print it if the last line is old enough."""
        self._latest = snapshot
        if self._clock() - self._last >= SECONDS_BETWEEN_LINES:
            self._print_latest(snapshot)

    def close(self) -> None:
        """Print where it ended, unless that is the last line already."""
        if self._latest is not None and self._latest.done != self._printed:
            self._print_latest(self._latest)

    def _print_latest(self, snapshot: Snapshot) -> None:
        self._last, self._printed = self._clock(), snapshot.done
        elapsed = self._last - self._begun
        rate = f", {(snapshot.done - snapshot.before) / elapsed:.1f}/s" if elapsed > 0 else ""
        said = [nothing_yet(snapshot) or f"{snapshot.done} of {snapshot.units} units done{rate}"]
        said += [each for each in (time_left(snapshot), trouble_in(snapshot)) if each]
        folds = [f"{method}: {words}" for method, words in by_method(snapshot)]
        self._print(" | ".join([", ".join(said), *(folds if snapshot.done else ()), *snapshot.trainings]))

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)
