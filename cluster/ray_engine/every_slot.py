"""The same work on every slot at one time, to see how fast they are together: in this process, or on Ray."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from cluster.errors import ClusterError
from cluster.libraries import UsedPlugin
from cluster.ray_engine.identity import check_plugins, check_requirements, fingerprint
from cluster.ray_engine.runtime import connected
from cluster.ray_engine.watch import RayWatch
from cluster.scheduling.executor import Requirements

Given = TypeVar("Given")
Result = TypeVar("Result")

MOST_ASKED = 64  # slots of a large cluster: the others are taken to be like them
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class ThisProcess:
    """One slot."""

    slots: int = 1
    nodes: int = 1

    def results(self, work: Callable[[Given, int], Result], given: Given) -> list[Result]:
        """What the one slot gives."""
        return [_with_one_thread(work, given, 0)]


@dataclass(frozen=True)
class RaySlots:
    """Those of a Ray that is connected: `slots` of `nodes` that run tasks."""

    slots: int
    nodes: int
    requirements: Requirements
    watch: RayWatch

    def results(self, work: Callable[[Given, int], Result], given: Given) -> list[Result]:
        """What a task gives on each slot, or on `MOST_ASKED` of them.

        Raises ClusterError where Ray goes away or a task fails, RefusedError where a worker lacks what the
        work requires.
        """
        import ray  # noqa: PLC0415 - after its settings

        task: Any = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(_on_worker)
        put = ray.put(given)
        left = [task.remote(self.requirements, work, put, i) for i in range(min(self.slots, MOST_ASKED))]
        done: list[Result] = []
        while left:
            self.watch.check()
            ready, left = ray.wait(left, timeout=POLL_SECONDS)
            done += _taken(ready)
        return done


@contextmanager
def every_slot(
    address: str = "local",
    workers: int | None = None,
    insecure: bool = False,
    plugins: Sequence[UsedPlugin] = (),
) -> Iterator[ThisProcess | RaySlots]:
    """The slots that a run with these options would have; Ray is started or joined, and left with the block.

    Of a cluster they are those that are there now, or once its first worker is.
    Raises as `cluster.ray_engine.runtime.connected` does, and RefusedError where nodes cannot reach this one.
    """
    check_plugins(plugins)
    if workers == 0:
        yield ThisProcess()
        return
    with connected(address, workers, insecure) as watch:
        from cluster.ray_engine.nodes import Nodes  # noqa: PLC0415 - Ray comes after its settings

        requirements, nodes = Requirements(fingerprint(), tuple(plugins)), Nodes()
        nodes.refuse_unreachable_driver()
        if not nodes.cpus:  # a cluster may begin without a worker: one comes for the first task
            RaySlots(1, 1, requirements, watch).results(_nothing, None)
            nodes = Nodes()
        slots = max(1, min(nodes.cpus, workers or nodes.cpus))
        yield RaySlots(slots, max(1, len(nodes.alive)), requirements, watch)


def _taken(ready: Sequence[Any]) -> list[Any]:
    import ray  # noqa: PLC0415 - after its settings

    from cluster.ray_engine.failures import cause_of, raise_if_no_shards_fault  # noqa: PLC0415

    try:
        return list(ray.get(list(ready)))
    except ray.exceptions.RayError as error:
        raise_if_no_shards_fault(error)
        raise ClusterError(f"a worker could not do its part: {cause_of(error)!r}") from error


def _with_one_thread(work: Callable[[Given, int], Result], given: Given, slot: int) -> Result:
    with threadpool_limits(limits=1):
        return work(given, slot)


def _nothing(given: None, slot: int) -> None:
    """What a task does that only wants a node to be there."""


def _on_worker(
    requirements: Requirements, work: Callable[[Given, int], Result], given: Given, slot: int
) -> Result:
    check_requirements(requirements)
    return _with_one_thread(work, given, slot)
