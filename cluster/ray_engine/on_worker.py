"""What runs in Ray's worker processes: preparing a method and fold, and one attempt of a shard."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from threadpoolctl import threadpool_limits

from cluster.ray_engine.identity import check_requirements
from cluster.scheduling.executor import Receipt, Requirements, Work
from cluster.scheduling.shard import Job
from cluster.store.units import MethodFold


@dataclass(frozen=True)
class WorkerCode:
    """What a run does on workers, and what they must have for it; put into Ray's object store once."""

    work: Work
    prepare: Callable[[Any, MethodFold], Any]
    requirements: Requirements


def prepare_method_fold(code: WorkerCode, shared: Any, method_fold: MethodFold) -> tuple[Any, bool]:
    """What a method and fold need, and a small sign of success that the driver can look at.

    RefusedError where this worker lacks what the run requires.
    """
    check_requirements(code.requirements)
    with threadpool_limits(limits=1):
        return code.prepare(shared, method_fold), True


def run_attempt(code: WorkerCode, job: Job, shared: Any, data: Any) -> Iterator[Receipt | None]:
    """One attempt of one shard: None, a sign that it has begun, and then its receipt.

    RefusedError where this worker lacks what the run requires.
    """
    check_requirements(code.requirements)
    yield None
    with threadpool_limits(limits=1):
        receipt = code.work(job, shared, data)
    yield receipt
