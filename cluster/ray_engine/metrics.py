"""What a run counts for Ray's own Prometheus endpoint: Ray puts `ray_` before each name.

The driver reports all of it, also what its workers measured, so that nothing is counted twice where Ray runs
an attempt again. Every metric has the tags `run` (the start of the run's digest) and `method`.
"""

from collections.abc import Mapping
from typing import Any

from ray.util.metrics import Counter, Gauge

from cluster.observing.events import Event
from cluster.observing.snapshot import Snapshot

COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "knockcast_units_done": ("Units committed.", ()),
    "knockcast_shards_committed": ("Shards committed.", ()),
    "knockcast_attempts_failed": (
        "Attempts that were seen to fail.",
        ("kind",),
    ),
    "knockcast_retries": ("Attempts that were not the first of their shard.", ()),
    "knockcast_targets_quarantined": ("Targets set aside in a fold.", ()),
    "knockcast_stage_seconds": ("Wall time of workers by stage: prepare, fit, train, write.", ("stage",)),
    "knockcast_core_seconds": ("Processor time of committed shards.", ()),
}
GAUGES: Mapping[str, str] = {
    "knockcast_units": "Units that the run has to do.",
    "knockcast_units_left": "Units that the run has still to do.",
    "knockcast_seconds_left": "Seconds that the method still takes, as if it had all slots.",
    "knockcast_worker_memory_bytes": "The most that a worker process of the method has held.",
}
TAGS = ("run", "method")


class RayMetrics:
    """An observer that counts. Ray must be connected."""

    def __init__(self, run: str) -> None:
        self._run = run[:12]
        self._counters: dict[str, Any] = {
            name: Counter(name, said, (*TAGS, *more)) for name, (said, more) in COUNTERS.items()
        }
        self._gauges: dict[str, Any] = {name: Gauge(name, said, TAGS) for name, said in GAUGES.items()}
        self._memory: dict[str, int] = {}

    def begin(self, units: int) -> None:
        """Nothing: the snapshots say it by method."""

    def take(self, event: Event) -> None:
        """Count what happened."""
        method, more = event.method or "", event.more
        match event.name:
            case "attempt sent" if (event.attempt or 1) > 1:
                self._count("knockcast_retries", method)
            case "attempt failed":
                self._count("knockcast_attempts_failed", method, kind=more["kind"])
            case "target quarantined":
                self._count("knockcast_targets_quarantined", method)
            case "preparation ended":
                self._count("knockcast_stage_seconds", method, more["seconds"], stage="prepare")
            case "part committed":
                self._count("knockcast_units_done", method, len(event.targets))
            case "shard committed":
                self._count_commit(method, more)

    def show(self, snapshot: Snapshot) -> None:
        """Set how far each method is."""
        units, done = dict[str, int](), dict[str, int]()
        for fold in snapshot.folds:
            units[fold.method] = units.get(fold.method, 0) + fold.units
            done[fold.method] = done.get(fold.method, 0) + fold.done
        for method, count in units.items():
            self._set("knockcast_units", method, count)
            self._set("knockcast_units_left", method, count - done[method])
        for method, seconds in snapshot.left_by_method.items():
            self._set("knockcast_seconds_left", method, seconds)

    def close(self) -> None:
        """Nothing: Ray sends what it holds."""

    def _count_commit(self, method: str, more: Mapping[str, Any]) -> None:
        self._count("knockcast_shards_committed", method)
        self._count("knockcast_units_done", method, more["units"])
        self._count("knockcast_core_seconds", method, more.get("seconds", 0.0))
        for stage, seconds in more.get("stages", {}).items():
            self._count("knockcast_stage_seconds", method, seconds, stage=stage)
        self._memory[method] = max(self._memory.get(method, 0), more.get("memory", 0))
        self._set("knockcast_worker_memory_bytes", method, self._memory[method])

    def _count(self, name: str, method: str, value: float = 1, **tags: str) -> None:
        if value > 0:  # Ray refuses to count nothing
            self._counters[name].inc(value, {"run": self._run, "method": method, **tags})

    def _set(self, name: str, method: str, value: float) -> None:
        self._gauges[name].set(value, {"run": self._run, "method": method})
