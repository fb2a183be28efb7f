"""How many tasks share a GPU of a Ray cluster, and how many of them can run at one time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.errors import RefusedError

# Each task is a process with some 0.8 GiB on the GPU (CUDA's own, and a fold's expression three times).
MOST_TASKS = 16
SMALLEST_SHARE = 1e-4  # Ray rounds resources to it


@dataclass(frozen=True)
class GpuShare:
    """`tasks` of them share one GPU."""

    tasks: int

    @property
    def num_gpus(self) -> float:
        """What a task asks Ray for, rounded down, so that all `tasks` fit on one."""
        return math.floor(1 / self.tasks / SMALLEST_SHARE) * SMALLEST_SHARE

    def slots(self, nodes: Sequence[Mapping[str, Any]]) -> int:
        """How many tasks run at one time: each also takes a CPU of a node that has a GPU."""
        return sum(min(cpus, gpus * self.tasks) for cpus, gpus in _equipped(nodes))


def share_on(nodes: Sequence[Mapping[str, Any]]) -> GpuShare:
    """As many tasks a GPU as keep busy every CPU of every node that has one, at most `MOST_TASKS`.

    `nodes` is what `ray.nodes()` returns. Ray fills one GPU of a node before the next. Raises RefusedError
    where no node has a GPU and a CPU.
    """
    equipped = _equipped(nodes)
    if not equipped:
        raise RefusedError(
            "device cuda: Ray sees no node that has a GPU and a CPU; start one with a GPU, or make a new run "
            "with --device cpu"
        )
    return GpuShare(min(MOST_TASKS, max(math.ceil(cpus / gpus) for cpus, gpus in equipped)))


def _equipped(nodes: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """CPUs and GPUs of the living nodes that have both."""
    counts = [
        (int(node["Resources"].get("CPU", 0)), int(node["Resources"].get("GPU", 0)))
        for node in nodes
        if node["Alive"]
    ]
    return [(cpus, gpus) for cpus, gpus in counts if cpus and gpus]
