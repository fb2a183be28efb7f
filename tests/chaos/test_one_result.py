"""One result a shard: whoever races, is killed, or wakes up when others have long done his work."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.scheduling.shards import name_shard
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.writer import StoreWriter
from tests.chaos.every_step import met_at
from tests.chaos.places import in_memory
from tests.chaos.race import race, row_of, units_of_race
from tests.made_stores import made_commit, made_tables, units_of
from tests.promises import Measured
from tests.stores import planned_store

KEYS, RACERS, KILLS = 200, 8, 30


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with in_memory(tmp_path) as folder:
        yield folder


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_of_eight_processes_under_sigkill_each_shard_has_one_result(place: Path, measured: Measured) -> None:
    units = units_of_race(KEYS)
    writer = planned_store(place / "store", units)
    assert race(writer, RACERS, KEYS, KILLS, seed=0, variables={}) == KILLS
    reader = StoreReader(writer.fs)
    commits = reader.commits()
    assert sorted(unit for commit in commits for unit in commit.units) == sorted(units)
    rows = {row["target"]: row for row in reader.table("scores").to_pylist()}
    assert reader.table("scores").num_rows == len(rows) == KEYS
    for commit in commits:
        (unit,) = commit.units
        assert rows[unit.target].items() >= row_of(unit, commit.attempt).items()
    gc(writer.fs, stale_seconds=0)
    assert verify(writer.fs).ok
    measured(shards=len(commits), processes_killed=KILLS, results_that_are_not_one=KEYS - len(rows))


def test_a_writer_taken_for_dead_that_wakes_up_at_any_step_changes_nothing(
    place: Path, measured: Measured
) -> None:
    """Its own thread stands still before a step; others commit the shard and seal; then it goes on."""
    number, woken = 0, True
    while woken:
        number += 1
        writer = planned_store(place / str(number), units_of("AB", [0]))
        woken = wakes_up_late(writer, number)
    assert number > 6  # its data and its commit are each written, linked and unlinked
    measured(steps_slept_before=number - 1)


def wakes_up_late(writer: StoreWriter, step: int) -> bool:
    """Whether there is such a step."""
    units = units_of("AB", [0])
    key = name_shard(writer.run_digest, units).key
    attempt = writer.begin_attempt(key, {})
    steps: list[str] = []

    def sleep(name: str) -> None:
        others = threading.Thread(target=lambda: (made_commit(writer, units, shift=1.0), writer.seal()))
        others.start()  # the profiler watches our thread alone
        others.join()
        steps.append(name)

    orphan = StoreWriter(open_filesystem(writer.fs.name), writer.run_digest)
    info = {"seconds": 0.0, "host": "here", "statuses": {"ok": 2}}
    with met_at(step, sleep):
        won = orphan.commit(key, attempt, units, made_tables(units), {}, info=info)
    if not steps:
        return False
    is_late = steps[0] == "create commits: unlink"  # it had committed before it slept
    assert won is is_late
    rows = StoreReader(writer.fs).table("scores")
    assert rows.equals(made_tables(units, 0.0 if is_late else 1.0)["scores"])
    assert rows.num_rows == len(units)
    gc(writer.fs, stale_seconds=0)
    assert verify(writer.fs).ok
    return True
