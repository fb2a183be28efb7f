"""The targets that one attempt has finished, and their commits.

Most attempts commit once, at their end, under their shard's key. One that takes long, or hangs, commits what
it has finished before: a part is a commit like any other, named by the units in it, with an attempt of its
own. Readers and drivers ask which units are committed, never by which shards.
"""

import resource
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cluster.scheduling.executor import Receipt
from cluster.scheduling.shards import Job, name_shard
from cluster.store.writer import StoreWriter
from tasks.methods.shard import TargetRows, put_together


def peak_memory() -> int:
    """The most that this process has held so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def info_of(seconds: float, statuses: Mapping[str, int]) -> dict[str, Any]:
    """What a commit says of the work: core-seconds, host, memory, when it was done (Unix seconds)."""
    done = {"host": socket.gethostname(), "memory": peak_memory(), "ended": round(time.time(), 3)}
    return {"seconds": seconds, **done, "statuses": statuses}


class Parts:
    """Finished targets of one attempt. `add` is called by the thread that works, `commit` by another, too."""

    def __init__(self, job: Job, names: Sequence[str]) -> None:
        """`names` are those of all targets, by number."""
        self._job, self._names = job, names
        self._units = {unit.target: unit for unit in job.shard.units}
        self._writer = StoreWriter.join(job.store, job.run)
        self._finished: list[TargetRows] = []
        self._statuses: Counter[str] = Counter()  # of those committed
        self._committing = threading.Lock()
        self._begun, self._seconds = time.process_time(), 0.0
        self._since, self._writing = time.monotonic(), 0.0
        self._won = True

    def add(self, rows: TargetRows) -> None:
        """One target is finished."""
        self._finished.append(rows)

    def commit(self) -> tuple[str, ...]:
        """Commit those that are finished and not yet committed, and name them."""
        with self._committing:
            found = list(self._finished)
            if not found:
                return ()
            targets = tuple(self._names[rows.target] for rows in found)
            now = time.process_time()
            since = time.monotonic()
            self._commit_as(targets, found, now - self._begun)
            self._writing += time.monotonic() - since
            del self._finished[: len(found)]
            self._begun, self._seconds = now, self._seconds + now - self._begun
            self._statuses.update(rows.status for rows in found)
            return targets

    def receipt(self) -> Receipt:
        """Of all that was committed; `commit` comes first."""
        key, attempt = self._job.shard.key, self._job.attempt
        statuses = dict(sorted(self._statuses.items()))
        fitting = time.monotonic() - self._since - self._writing
        stages = {"fit": fitting, "write": self._writing}
        host = socket.gethostname()
        return Receipt(key, attempt, self._won, statuses, self._seconds, host, peak_memory(), stages)

    def _commit_as(self, targets: Sequence[str], found: Sequence[TargetRows], seconds: float) -> None:
        job, shard = self._job, self._job.shard
        units = [self._units[name] for name in targets]
        attempt = job.attempt
        if len(units) < len(shard.units):
            shard = name_shard(job.run, units, shard.dependencies)
            info = {"units": len(units), "method": shard.method, "fold": shard.fold}
            attempt = self._writer.begin_attempt(shard.key, {**info, "part_of": [job.shard.key, job.attempt]})
        result = put_together(found)
        won = self._writer.commit(
            shard.key,
            attempt,
            shard.units,
            result.tables,
            {},
            shard.dependencies,
            info=info_of(seconds, result.statuses),
        )
        self._won = self._won and won
