from typing import Any

from cluster.observing.events import Event
from cluster.observing.totals import SLOWEST, Totals


def committed(shard: str, seconds: float, **more: Any) -> Event:
    said = {"units": 2, "seconds": seconds, "stages": {"fit": seconds, "write": 1.0}, "memory": 2**20}
    return Event("shard committed", "modifiers", -1, shard, 1, ("A", "B"), said | more)


def test_the_slowest_shards_the_stages_and_the_memory_are_told() -> None:
    totals = Totals()
    for number, seconds in enumerate([5.0, 50.0, 1.0, 20.0]):
        totals.take(committed(f"shard{number}", seconds, memory=2**20 * (number + 1)))
    totals.take(Event("preparation ended", "modifiers", 0, more={"seconds": 9.0}))
    work, slowest = totals.lines()
    assert work == (
        "work on a core: modifiers 1 min 16 s; wall time of all shards: fit 1 min 16 s, prepare 9 s, "
        "write 4 s; most memory of a process 4 MiB"
    )
    first = "slowest shards: modifiers final fit shard1 (2 units) 50.0 s, modifiers final fit shard3"
    assert slowest.startswith(first)
    assert slowest.count("units") == SLOWEST
    assert "shard2" not in slowest


def test_a_run_without_a_commit_has_nothing_to_tell() -> None:
    totals = Totals()
    totals.take(Event("attempt failed", "modifiers", 0, "s", 1, ("A",), {"kind": "error"}))
    assert totals.lines() == []
