"""`status --watch`: how far the run into a store is, looked at again and again, from anywhere."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cluster.answers.pace import seconds_left
from cluster.answers.status_record import units_left
from cluster.observing.events import Observer
from cluster.observing.snapshot import FoldProgress, Snapshot
from cluster.store.leases import living
from cluster.store.reader import StoreReader
from cluster.worker.checkpoints import trainings

ANSWERS = 0.2  # seconds after which Ctrl-C is heard at the latest, whatever the store does


@dataclass(frozen=True)
class Look:
    """How far a run is, and whether somebody works on it."""

    snapshot: Snapshot
    at_work: bool


def look_at(reader: StoreReader, before: int | None = None) -> Look:
    """Now; `before` units were done when watching began. Reads what was committed since the last look."""
    reader.refresh()
    wanted, committed = reader.wanted_units(), reader.committed_units().keys()
    quarantined = reader.quarantined().keys() & wanted
    folds: dict[tuple[str, int], list[int]] = {}
    for unit in wanted - quarantined:
        counts = folds.setdefault((unit.method, unit.fold), [0, 0])
        counts[0] += 1
        counts[1] += unit in committed
    done, keys = len(wanted & committed), {commit.key for commit in reader.commits()}
    at_work = bool(living(reader.fs, time.time()))
    return Look(
        Snapshot(
            tuple(FoldProgress(*each, *counts) for each, counts in sorted(folds.items())),
            quarantined=len(quarantined),
            trainings=[words for key, words in trainings(reader.fs).items() if key not in keys],
            left=seconds_left(reader.commits(), units_left(reader)) if at_work else None,
            before=done if before is None else before,
        ),
        at_work,
    )


def watch(reader: StoreReader, observer: Observer, every: float) -> Snapshot:
    """Show how far the run is until nobody works on it, or nothing is left; returns what was seen last."""
    first = look_at(reader)
    before = first.snapshot.before
    observer.begin(first.snapshot.units - before)
    try:
        observer.show(first.snapshot)
        if not _goes_on(first):
            return first.snapshot
        for look in looks(lambda: look_at(reader, before), every):
            observer.show(look.snapshot)
            if not _goes_on(look):
                break
        return look.snapshot
    finally:
        observer.close()


def looks(look: Callable[[], Any], every: float) -> Iterator[Any]:
    """What `look` returns, every so many seconds, from a thread: a store that hangs does not hold us up."""
    found: queue.Queue[Any] = queue.Queue(maxsize=1)
    over = threading.Event()

    def keep_looking() -> None:
        while not over.wait(every):
            try:
                found.put(look())
            except BaseException as error:  # raised where it is waited for
                found.put(error)
                return

    threading.Thread(target=keep_looking, daemon=True).start()
    try:
        while True:
            try:
                seen = found.get(timeout=ANSWERS)
            except queue.Empty:
                continue
            if isinstance(seen, BaseException):
                raise seen
            yield seen
    finally:
        over.set()


def _goes_on(look: Look) -> bool:
    return look.at_work and look.snapshot.done < look.snapshot.units
