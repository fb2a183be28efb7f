"""How far a run is, live on a terminal: a bar for all of it, and a line for each method."""

import sys
import time
from collections.abc import Callable, Iterable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cluster.observing.events import Event, Observer
from cluster.observing.lines import ProgressLines
from cluster.observing.snapshot import (
    A_UNIT,
    Snapshot,
    by_method,
    duration,
    nothing_yet,
    time_left,
    trouble_in,
)

MOST_METHODS = 8  # that have a line; a taller display would scroll
REFRESHED = 4  # times a second


class Terminal:
    """A display that is drawn over itself; what was said stays above it."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._begun = 0.0
        self._latest = Snapshot(())
        self._live = Live(console=console, refresh_per_second=REFRESHED, get_renderable=self._drawn)

    def begin(self, units: int) -> None:
        """Print what a unit is, and show the empty display."""
        self._begun = self._clock()
        self._say(f"{units} units to do ({A_UNIT})")
        self._live.start()

    def take(self, event: Event) -> None:
        """Print notes above the display."""
        if event.name == "note":
            self._say(str(event.more["text"]))

    def show(self, snapshot: Snapshot) -> None:
        """Draw it, the next time that is drawn."""
        self._latest = snapshot

    def close(self) -> None:
        """Leave the display as it stands."""
        self._live.refresh()
        self._live.stop()

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)

    def _drawn(self) -> RenderableType:
        return Group(*drawn(self._latest, self._clock() - self._begun))


def drawn(snapshot: Snapshot, elapsed: float) -> Iterable[RenderableType]:
    """The display: a bar with counts, rate, time and trouble; then methods; then what trains."""
    new = snapshot.done - snapshot.before
    rate = f"{new / elapsed:.1f}/s" if new and elapsed > 0 else ""
    words = [rate, duration(elapsed), time_left(snapshot), trouble_in(snapshot)]
    line = Table.grid(padding=(0, 1))
    line.add_row(
        Text("units"),
        ProgressBar(total=max(1, snapshot.units), completed=snapshot.done, width=30),
        Text(f"{snapshot.done}/{snapshot.units}"),
        Text(", ".join(word for word in words if word)),
    )
    yield line
    waiting = nothing_yet(snapshot)
    yield Text(f"  {waiting}") if waiting else _methods(snapshot)
    yield from (Text(f"  {training}", no_wrap=True, overflow="ellipsis") for training in snapshot.trainings)


def _methods(snapshot: Snapshot) -> Table:
    methods = list(by_method(snapshot))
    table = Table.grid(padding=(0, 2))
    for method, said in methods[:MOST_METHODS]:
        table.add_row(Text(f"  {method}"), Text(said))
    if len(methods) > MOST_METHODS:
        table.add_row(Text("  ..."), Text(f"{len(methods) - MOST_METHODS} methods more"))
    return table


def observer_for(stream: TextIO | None = None) -> Observer:
    """What suits the stream (standard error if not given): a live display on a terminal, else lines."""
    stream = stream or sys.stderr
    console = Console(file=stream)
    return Terminal(console) if console.is_terminal else ProgressLines(stream)
