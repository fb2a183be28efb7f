"""An executor and a clock for tests, without threads, processes or sleeps."""

from collections.abc import Mapping
from types import MappingProxyType

from cluster.scheduling.executor import Ended
from cluster.scheduling.shards import Job
from cluster.scheduling.signs import Sign
from cluster.store.units import MethodFold
from tests.chaos.work import commit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Scripted:
    """An executor whose jobs end when the test says; a second passes with every wait."""

    nodes: Mapping[str, str] = MappingProxyType({})

    def __init__(self, clock: Clock, slots: int, hangs: str = "", busy: float = 0.0) -> None:
        self.slots, self._clock, self._hangs = slots, clock, hangs
        self._busy = busy  # until then others hold every slot
        self.queue: list[Job] = []
        self.cancelled: list[tuple[float, tuple[str, ...]]] = []
        self.released: list[MethodFold] = []
        self.order: list[tuple[str, int]] = []  # what was started or prepared, in that order
        self._gone: list[Ended] = []

    def start(self, job: Job) -> None:
        self.order.append(("start", job.shard.fold))
        self.queue.append(job)

    def prepare(self, method_fold: MethodFold) -> None:
        self.order.append(("prepare", method_fold.fold))

    def preparing(self) -> dict[MethodFold, int]:
        return {}

    def give_up_preparation(self, method_fold: MethodFold, error: str) -> None:
        raise AssertionError("nothing is being prepared")

    def started(self) -> dict[str, Sign]:
        return {job.shard.key: Sign() for job in self.queue[: self.slots] if self._clock.now >= self._busy}

    def wait(self, timeout: float) -> list[Ended]:
        self._clock.now += 1.0
        gone, self._gone = self._gone, []
        for job in self.queue[: self.slots]:
            if job.shard.key in self.started() and self._hangs not in job.shard.targets:
                self.queue.remove(job)
                gone.append(Ended(job.shard.key, commit(job, None, 0.0)))
                break
        return gone

    def status(self) -> tuple[str, ...]:
        return ()

    def cancel(self, key: str) -> None:
        for job in [job for job in self.queue if job.shard.key == key]:
            self.queue.remove(job)
            self.cancelled.append((self._clock.now, job.shard.targets))
            self._gone.append(Ended(key, kind="cancelled"))

    def release(self, method_fold: MethodFold) -> None:
        self.released.append(method_fold)

    def close(self) -> None:
        self.queue.clear()
