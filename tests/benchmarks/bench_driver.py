"""The driver's own cost: empty units through the real loop, with a real store on disk.

    python -m tests.benchmarks.bench_driver [UNITS]     # 90 000 without: a genome in five folds

Once cut as a run of the preset `quick` would be, and then ever finer, where making attempts and commits
durable (each a few fsyncs) is nearly all of the time.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from cluster.observing.events import Silent
from cluster.observing.snapshot import Snapshot
from cluster.runs.planning import make_shards
from cluster.scheduling.driver import drive
from cluster.scheduling.executor import Receipt
from cluster.scheduling.in_process import InProcessExecutor
from cluster.scheduling.shards import Job
from cluster.scheduling.signs import Signs
from cluster.store.units import Unit
from cluster.store.writer import StoreWriter
from tests.costs import costs_of
from tests.stores import planned_store

GENOME, FOLDS = 90_000, 5
LIMIT_SECONDS, LIMIT_BYTES = 150, 2**30  # of a genome
UNIT_BYTES, SLACK_BYTES = (
    200,
    2**26,
)  # by which memory may grow between a tenth and the end: for each unit, and in all


class Watch(Silent):
    """Notes the process's memory as the run goes."""

    def __init__(self) -> None:
        self.bytes: dict[int, int] = {}

    def show(self, snapshot: Snapshot) -> None:
        """Note the memory at each tenth."""
        self.bytes.setdefault(10 * snapshot.done // snapshot.units, psutil.Process().memory_info().rss)


class Syncs:
    """How long the disk took to make files durable, and how often it was asked."""

    def __init__(self) -> None:
        self.seconds, self.count = 0.0, 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Every `os.fsync` within the block."""
        plain = os.fsync

        def fsync(descriptor: Any) -> None:
            begun = time.perf_counter()
            plain(descriptor)
            self.seconds += time.perf_counter() - begun
            self.count += 1

        os.fsync = fsync
        try:
            yield
        finally:
            os.fsync = plain


def empty(job: Job, shared: None, data: None, signs: Signs | None = None) -> Receipt:
    """Commit no rows."""
    del shared, data
    won = StoreWriter.join(job.store, job.run).commit(job.shard.key, job.attempt, job.shard.units, {}, {})
    return Receipt(job.shard.key, job.attempt, won, {}, 0.0, "")


def measure(folder: Path, count: int, shard_size: int | None) -> tuple[int, float, Syncs, Watch]:
    """Shards, seconds (planning, sealing and all), the disk's part and memory of one run of `count` units."""
    units = [Unit("modifiers", f"GENE{t}", fold) for fold in range(FOLDS) for t in range(count // FOLDS)]
    begun = time.perf_counter()
    writer = planned_store(folder, units)
    shards = make_shards(units, writer.run_digest, costs_of(18_000, 720), 2, shard_size)
    watch, syncs = Watch(), Syncs()
    with syncs.counted():
        outcome = drive(writer, shards, InProcessExecutor(empty), observer=watch)
    if outcome.done != len(units) or not outcome.sealed:
        raise RuntimeError(f"the run did not finish: {outcome}")
    return len(shards), time.perf_counter() - begun, syncs, watch


def main() -> int:
    """Print time and memory for several shard sizes; of more than a genome, not for the finest.

    1 where a bound is passed: a genome's time and peak, and at any size what makes memory flat.
    """
    failed = False
    count = int(sys.argv[1]) if len(sys.argv) > 1 else GENOME
    must = f"; must: {LIMIT_SECONDS} s, 1 GiB, memory flat" if count == GENOME else ""
    print(f"{count} empty units{must}\n")
    print("| shards | seconds | of these, fsync | memory at a tenth, a half and the end | peak |")
    print("|---|---|---|---|---|")
    for shard_size in (None, 100, 10)[: 3 if count <= GENOME else 2]:
        with tempfile.TemporaryDirectory() as folder:
            shards, seconds, syncs, watch = measure(Path(folder) / "store", count, shard_size)
        course = ", ".join(
            f"{watch.bytes[max(k for k in watch.bytes if k <= at)] / 2**20:.0f}" for at in (1, 5, 10)
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        grown = watch.bytes[max(watch.bytes)] - watch.bytes[min(watch.bytes)]
        is_over = grown > UNIT_BYTES * count + SLACK_BYTES
        is_over |= count == GENOME and (seconds > LIMIT_SECONDS or peak > LIMIT_BYTES)
        failed |= is_over
        verdict = " (over the limit)" if is_over else ""
        disk = f"{syncs.seconds:.1f} ({syncs.count} of {syncs.seconds / max(1, syncs.count) * 1e3:.1f} ms)"
        print(
            f"| {shards} | {seconds:.1f}{verdict} | {disk} | {course} MiB | {peak / 2**20:.0f} MiB |",
            flush=True,
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
