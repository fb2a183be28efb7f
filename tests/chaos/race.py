"""Several processes that commit the same shards at once, any of which may be killed at any moment."""

import multiprocessing
import os
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from random import Random

import pyarrow as pa

from cluster.store import layout
from cluster.store.filesystem import open_filesystem
from cluster.store.units import Unit, shard_key
from cluster.store.writer import StoreWriter
from tasks.tables.schemas import SCHEMAS

PROCESSES = multiprocessing.get_context("forkserver")


def units_of_race(keys: int) -> list[Unit]:
    """One unit a shard."""
    return [Unit("modifiers", f"G{number:03d}", 0) for number in range(keys)]


def row_of(unit: Unit, attempt: int) -> dict[str, object]:
    """What an attempt at a unit commits: another number than any other attempt, so that a mixture is seen."""
    return {"method": unit.method, "target": unit.target, "fold": unit.fold, "pearson": float(attempt)} | {
        "status": "ok"
    }


def commit_all(place: str, run: str, keys: int, seed: int, variables: Mapping[str, str]) -> None:
    """In a process of its own: commit whatever is not committed, in an order of its own."""
    os.environ.update(variables)
    units = units_of_race(keys)
    Random(seed).shuffle(units)  # noqa: S311 - no secret
    writer = StoreWriter(open_filesystem(place), run)
    for unit in units:
        key = shard_key(run, [unit])
        if not writer.fs.exists(layout.commit_path(key)):
            attempt = writer.begin_attempt(key, {})
            rows = pa.Table.from_pylist([row_of(unit, attempt)], schema=SCHEMAS["scores"])
            info = {"seconds": 0.0, "host": "here", "statuses": {"ok": 1}}
            writer.commit(key, attempt, [unit], {"scores": rows}, {}, info=info)


def race(
    writer: StoreWriter, processes: int, keys: int, kills: int, seed: int, variables: Mapping[str, str]
) -> int:
    """Let processes commit `keys` shards; each time a few more are there, kill one of them and start another.

    The number that was killed. AssertionError where a process ends with an error.
    """
    rng = Random(seed)  # noqa: S311 - no secret
    asked = (writer.fs.name, writer.run_digest, keys)
    racers = [_racer(*asked, number, variables) for number in range(processes)]
    killed = 0
    while any(racer.is_alive() for racer in racers):
        racers[0].join(0.005)  # between two looks
        if killed < kills and len(writer.fs.paths(layout.COMMITS)) >= (killed + 1) * keys // (kills + 1):
            victim = rng.randrange(processes)
            racers[victim].kill()
            racers[victim].join()
            killed += 1
            racers[victim] = _racer(*asked, processes + killed, variables)
    assert {racer.exitcode for racer in racers} == {0}
    return killed


def _racer(place: str, run: str, keys: int, seed: int, variables: Mapping[str, str]) -> ForkServerProcess:
    process = PROCESSES.Process(target=commit_all, args=(place, run, keys, seed, dict(variables)))
    process.start()
    return process
