"""The log of a run as JSON lines: one object for each event, and one a minute for how far the run is."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from cluster.observing.events import Event
from cluster.observing.snapshot import Snapshot
from tasks.errors import BadInputError

SECONDS_BETWEEN = 60.0  # two lines of how far the run is


class JsonLog:
    """Appends to a file. A log that cannot be written any more is given up with a word; the run goes on."""

    def __init__(
        self,
        path: Path | str,
        run: str,
        store: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`run` is the run's digest. Raises BadInputError where the file cannot be opened."""
        self._path, self._clock, self._last = Path(path), clock, clock()
        self._always = {"run": run, "store": store}
        self._file = _opened(self._path)

    def begin(self, units: int) -> None:
        """Nothing: the event `run began` says it."""

    def take(self, event: Event) -> None:
        """Write it down."""
        named = {"method": event.method, "fold": event.fold, "shard": event.shard, "attempt": event.attempt}
        body: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        if event.targets:
            body["targets"] = list(event.targets)
        self._write(event.name, body | event.more)

    def show(self, snapshot: Snapshot) -> None:
        """Once a minute: how far each method and fold is, and the time left in seconds."""
        if self._clock() - self._last < SECONDS_BETWEEN:
            return
        self._last = self._clock()
        body = {"units": snapshot.units, "done": snapshot.done, "running": snapshot.running}
        folds = [[each.method, each.fold, each.units, each.done] for each in snapshot.folds]
        more = {"left": snapshot.left, "left_by_method": dict(snapshot.left_by_method), "folds": folds}
        self._write("progress", body | more)

    def close(self) -> None:
        """Nothing more comes."""
        self._file.close()

    def _write(self, event: str, body: dict[str, Any]) -> None:
        if self._file.closed:
            return
        line = {"time": round(self._clock(), 3), "event": event.replace(" ", "_"), **self._always, **body}
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            print(f"--log {self._path}: given up ({error.strerror}); the run goes on", file=sys.stderr)
            try:
                self._file.close()
            except OSError:  # what it still held is lost, too
                return


def check_log(path: str | None) -> None:
    """Raise BadInputError where a log cannot be written: before a run writes anything else."""
    if path is not None:
        _opened(Path(path)).close()


def _opened(path: Path) -> TextIO:
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise BadInputError(
            f"--log {path}: cannot be written ({error.strerror}); expected a file in a folder that exists"
        ) from error
