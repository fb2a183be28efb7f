"""What a run took, summed as it goes: for the lines at its end."""

import heapq
from collections import defaultdict

from cluster.observing.events import Event, Silent
from cluster.observing.snapshot import duration
from cluster.store.units import FINAL_FOLD

SLOWEST = 3  # shards that are named


class Totals(Silent):
    """Core-seconds by method, wall time by stage, the slowest shards, and memory."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._stages: defaultdict[str, float] = defaultdict(float)
        self._slowest: list[tuple[float, str]] = []
        self._memory = 0

    def take(self, event: Event) -> None:
        """Add up commits and preparations."""
        if event.name == "preparation ended":
            self._stages["prepare"] += event.more["seconds"]
        if event.name != "shard committed" or "seconds" not in event.more:
            return
        seconds = event.more["seconds"]
        self._seconds[event.method or ""] += seconds
        for stage, took in event.more["stages"].items():
            self._stages[stage] += took
        self._memory = max(self._memory, event.more["memory"])
        fold = "final fit" if event.fold == FINAL_FOLD else f"fold {event.fold}"
        what = f"{event.method} {fold} {(event.shard or '')[:12]} ({event.more['units']} units)"
        heapq.heappush(self._slowest, (seconds, what))
        if len(self._slowest) > SLOWEST:
            heapq.heappop(self._slowest)

    def lines(self) -> list[str]:
        """In words; empty where no shard was committed."""
        if not self._seconds:
            return []
        work = ", ".join(f"{method} {duration(took)}" for method, took in sorted(self._seconds.items()))
        stages = ", ".join(f"{stage} {duration(took)}" for stage, took in sorted(self._stages.items()))
        memory = f"; most memory of a process {self._memory / 2**20:.0f} MiB" if self._memory else ""
        slowest = ", ".join(f"{what} {took:.1f} s" for took, what in sorted(self._slowest, reverse=True))
        return [
            f"work on a core: {work}; wall time of all shards: {stages}{memory}",
            f"slowest shards: {slowest}",
        ]
