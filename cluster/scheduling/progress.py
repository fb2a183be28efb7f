"""How far a run is: a bar on a terminal, a plain line every few seconds where there is none."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichBar

SECONDS_BETWEEN_LINES = 5.0


class Progress(Protocol):
    """Learns from the driver how many units there are and how many are done."""

    def start(self, total: int) -> None:
        """Work on `total` units begins."""

    def update(self, done: int, failures: int, quarantined: int) -> None:
        """So many units are done, so many attempts have failed, so many targets are set aside."""

    def report_status(self, status: Sequence[str]) -> None:
        """How far trainings are, in words; empty where nothing trains."""

    def say(self, line: str) -> None:
        """Something that the user should know now."""

    def close(self) -> None:
        """Nothing more comes."""


class Silent:
    """Shows nothing."""

    def start(self, total: int) -> None:
        """Show nothing."""

    def update(self, done: int, failures: int, quarantined: int) -> None:
        """Show nothing."""

    def report_status(self, status: Sequence[str]) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""


class ProgressBar:
    """A progress bar with rate, time left and failures."""

    def __init__(self, console: Console) -> None:
        self._bar = RichBar(
            TextColumn("units"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[trouble]}"),
            TextColumn("{task.fields[status]}"),
            console=console,
        )
        self._task = self._bar.add_task("units", total=None, rate="", trouble="", status="")

    def start(self, total: int) -> None:
        """Print what a unit is, and show the empty bar."""
        self._bar.console.print(_units_to_do(total), highlight=False)
        self._bar.update(self._task, total=total)
        self._bar.start()

    def update(self, done: int, failures: int, quarantined: int) -> None:
        """Move the bar."""
        speed = self._bar.tasks[0].speed
        rate = f"{speed:.1f}/s" if speed else ""
        self._bar.update(self._task, completed=done, rate=rate, trouble=_trouble(failures, quarantined))

    def report_status(self, status: Sequence[str]) -> None:
        """Beside the bar."""
        self._bar.update(self._task, status="; ".join(status))

    def say(self, line: str) -> None:
        """Above the bar."""
        self._bar.console.print(line, highlight=False, markup=False)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()


class ProgressLines:
    """A line at most every few seconds, and one at the end: for logs."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._total = self._begun = self._last = 0.0
        self._latest = (0, 0, 0)
        self._printed: tuple[int, int, int] | None = None
        self._status: Sequence[str] = ()

    def start(self, total: int) -> None:
        """Print how much there is to do, and what a unit is."""
        self._total = total
        self._begun = self._last = self._clock()
        self._print(_units_to_do(total))

    def update(self, done: int, failures: int, quarantined: int) -> None:
        """Print it if the last line is old enough."""
        self._latest = (done, failures, quarantined)
        if self._clock() - self._last >= SECONDS_BETWEEN_LINES:
            self._print_latest()

    def report_status(self, status: Sequence[str]) -> None:
        """With the next line."""
        self._status = status

    def say(self, line: str) -> None:
        """Print it at once."""
        self._print(line)

    def close(self) -> None:
        """Print where it ended, unless that is the last line already."""
        if self._latest != self._printed:
            self._print_latest()

    def _print_latest(self) -> None:
        done, failures, quarantined = self._latest
        self._last, self._printed = self._clock(), self._latest
        elapsed = self._last - self._begun
        rate = done / elapsed if elapsed > 0 else 0.0
        left = (
            f", about {_duration((self._total - done) / rate)} left"
            if self._total / 100 <= done < self._total and rate and not self._status  # a training is one unit
            else ""
        )
        trouble = _trouble(failures, quarantined)
        for status in self._status:
            self._print(f"  {status}")
        self._print(
            f"{done} of {self._total:.0f} units done, {rate:.1f}/s{left}{', ' if trouble else ''}{trouble}"
        )

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def progress_for(stream: TextIO | None = None) -> Progress:
    """What suits the stream (standard error if not given): a bar on a terminal, else lines."""
    stream = stream or sys.stderr
    console = Console(file=stream)
    return ProgressBar(console) if console.is_terminal else ProgressLines(stream)


def _units_to_do(total: int) -> str:
    return f"{total} units to do (a unit is one target in one fold, or one fold as a whole)"


def _trouble(failures: int, quarantined: int) -> str:
    parts = [f"{failures} failed attempts"] if failures else []
    parts += [f"{quarantined} quarantined"] if quarantined else []
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    )
