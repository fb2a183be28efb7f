"""Jobs as Ray tasks. Ray only moves and runs them: no retries of its own, no truth kept in it.

The dataset's arrays are put into the object store once. A method and fold are prepared by one task, whose
result stays there and is mapped, not copied, by every shard task on its node. A shard task sends back first a
sign that it has begun (until then it may wait for a CPU or for that preparation), then its receipt.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any

import ray
from ray.exceptions import (
    ActorDiedError,
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    RuntimeEnvSetupError,
    TaskCancelledError,
    TaskUnschedulableError,
    WorkerCrashedError,
)

from cluster.errors import PreparationError, RefusedError
from cluster.ray_engine.gpu_share import share_on
from cluster.ray_engine.remote import Trainers, WorkerCode, prepare_method_fold, run_attempt
from cluster.scheduling.executor import STOPPING, Ended, Preparation, Receipt, Work, describe_error
from cluster.scheduling.shards import FailureKind, Job
from cluster.store.units import MethodFold

PREPARE_RETRIES = 10  # of a preparation, by Ray, when its node dies: also when shards still read its result
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
SECONDS_BETWEEN_CENSUS = 5.0  # how often the cluster's size is looked up


class RayExecutor:
    """Runs jobs on the Ray that is connected; `runtime.connected` comes first and ends it."""

    def __init__(
        self,
        work: Work,
        preparation: Preparation | None = None,
        most_slots: int | None = None,
        gpu_methods: frozenset[str] = frozenset(),
    ) -> None:
        """Jobs of `gpu_methods` ask for a share of a GPU; RefusedError where no node has one."""
        preparation = preparation or Preparation()
        self._most_slots = most_slots
        self._gpu_methods = gpu_methods
        self._share = share_on(ray.nodes()) if gpu_methods else None
        self._held: deque[Job] = deque()  # what would be more than `most_slots` at one time
        self._dropped: list[str] = []  # cancelled while held back
        self._jobs: dict[Any, Job] = {}  # by the task's stream of signs
        self._streams: dict[str, Any] = {}  # the stream by key
        self._started: set[str] = set()
        self._prepared: dict[MethodFold, tuple[Any, Any]] = {}  # what was prepared, and the sign that it was
        self._trainers = Trainers()
        self._stopped: set[str] = set()  # trainers ended by us
        self._shared = ray.put(preparation.shared)
        self._prepare = _remote(prepare_method_fold, max_retries=PREPARE_RETRIES, num_returns=2)
        # By default Ray ends a worker after each task with a GPU; ours keep what they have sent to it.
        self._run = _remote(
            run_attempt, max_retries=0, num_returns="streaming", scheduling_strategy="SPREAD", max_calls=0
        )
        self._code = ray.put(WorkerCode(work, preparation.prepare, preparation.requirements))
        self._slots, self._counted = 0, 0.0

    @property
    def slots(self) -> int:
        """The cluster's CPUs, or fewer where asked; one at least (a cluster may be growing).

        With `gpu_methods`, those of nodes with a GPU, as far as tasks may share it.
        """
        if time.monotonic() - self._counted > SECONDS_BETWEEN_CENSUS or not self._slots:
            cpus = int(ray.cluster_resources().get("CPU", 0))
            can_run = cpus if self._share is None else self._share.slots(ray.nodes())
            self._slots = max(1, min(can_run, self._most_slots or can_run))
            self._counted = time.monotonic()
        return self._slots

    def start(self, job: Job) -> None:
        """Hand the job to Ray, or hold it back until fewer than `most_slots` are there."""
        self._held.append(job)
        self._hand_over()

    def prepare(self, method_fold: MethodFold) -> None:
        """Let a task prepare it, unless one did or does; a worker without a shard takes the task."""
        if method_fold not in self._prepared:
            prepare = self._prepare.options(name=f"prepare {method_fold}")
            self._prepared[method_fold] = tuple(prepare.remote(self._code, self._shared, method_fold))

    def _hand_over(self) -> None:
        while self._held and (self._most_slots is None or len(self._jobs) < self._most_slots):
            self._send(self._held.popleft())

    def _send(self, job: Job) -> None:
        shard = job.shard
        share = self._share.num_gpus if self._share and shard.method in self._gpu_methods else 0
        if shard.checkpointed:
            stream = self._trainers.start(self._code, job, self._shared, share)
        else:
            if not shard.is_fold_level:
                self.prepare(shard.method_fold)
            data, _ = (None, None) if shard.is_fold_level else self._prepared[shard.method_fold]
            name = f"{shard.method} fold {shard.fold} shard {shard.key[:8]} attempt {job.attempt}"
            run = self._run.options(name=name, num_gpus=share)
            stream = run.remote(self._code, job, self._shared, data)
        self._jobs[stream], self._streams[shard.key] = job, stream

    def started(self) -> Collection[str]:
        """The jobs whose worker has sent the sign that it has begun."""
        return self._started

    def wait(self, timeout: float) -> list[Ended]:
        """What has ended, as soon as anything has begun or ended."""
        ended = [Ended(key, kind="cancelled", error="cancelled before it ran") for key in self._dropped]
        self._dropped.clear()
        if ended or not self._jobs:
            return ended
        ready, _ = ray.wait(list(self._jobs), num_returns=1, timeout=timeout)
        if ready:
            ready, _ = ray.wait(list(self._jobs), num_returns=len(self._jobs), timeout=0)
        ended = [end for stream in ready if (end := self._next_from(stream)) is not None]
        self._hand_over()
        return ended

    def cancel(self, key: str) -> None:
        """Kill the job's worker."""
        if key in self._trainers:
            self._stopped.add(key)
            self._trainers.stop(key)
        elif key in self._streams:
            ray.cancel(self._streams[key], force=True)
        for job in [job for job in self._held if job.shard.key == key]:
            self._held.remove(job)
            self._dropped.append(key)

    def status(self) -> Sequence[str]:
        """What the trainers reported last."""
        return self._trainers.status()

    def release(self, method_fold: MethodFold) -> None:
        """Let what was prepared leave the object store."""
        self._prepared.pop(method_fold, None)

    def close(self) -> None:
        """Forget what still runs: its workers end with our connection.

        Tasks are not cancelled here: where one ends that very moment, Ray 2.60 may lose its CPU for good, or
        abort the driver ("Tried to complete task that was not pending").
        """
        self._held.clear()
        self._trainers.close()
        self._jobs.clear()
        self._streams.clear()
        self._started.clear()
        self._prepared.clear()

    def _next_from(self, stream: Any) -> Ended | None:
        """Take in what a job sends next: None where it has only begun."""
        job = self._jobs[stream]
        key = job.shard.key
        try:
            receipt: Receipt | None = ray.get(next(stream))
        except RayError as error:
            ended = self._failed(job, error)
        else:
            if receipt is None:
                self._started.add(key)
                return None
            ended = Ended(key, receipt)
        del self._jobs[stream], self._streams[key]
        self._trainers.end(key)
        self._started.discard(key)
        return ended

    def _failed(self, job: Job, error: RayError) -> Ended:
        _raise_if_no_shards_fault(error)
        shard = job.shard
        if shard.key in self._stopped:
            self._stopped.discard(shard.key)
            return Ended(shard.key, kind="cancelled", error=_first_line(error))
        if not shard.is_fold_level and not self._is_prepared(shard.method_fold):
            lost = f"what was prepared for {shard.method_fold} was lost: {_first_line(error)}"
            return Ended(shard.key, kind="node", error=lost)
        return Ended(shard.key, kind=kind_of(error), error=_described(error))

    def _is_prepared(self, method_fold: MethodFold) -> bool:
        """False where the data was lost with a node (it is made again); PreparationError where it failed."""
        if method_fold not in self._prepared:
            return False
        _, sign = self._prepared[method_fold]
        if not ray.wait([sign], timeout=0)[0]:
            return True  # not even begun: the job itself was cancelled or lost
        try:
            ray.get(sign)
        except RayError as error:
            del self._prepared[method_fold]
            _raise_if_no_shards_fault(error)
            if kind_of(error) == "node":
                return False
            raise PreparationError(f"{method_fold} could not be prepared: {_described(error)}") from error
        return True


def kind_of(error: RayError) -> FailureKind:
    """What an error Ray reports says about the shard."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, TaskCancelledError):
        return "cancelled"
    if isinstance(cause, (WorkerCrashedError, OutOfMemoryError, ActorDiedError)):
        return "killed"
    if isinstance(cause, (NodeDiedError, ObjectLostError)):
        return "node"
    return "error" if isinstance(error, RayTaskError) else "node"


def _raise_if_no_shards_fault(error: RayError) -> None:
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, STOPPING):
        raise cause
    if isinstance(cause, (RuntimeEnvSetupError, TaskUnschedulableError)):
        raise RefusedError(f"Ray cannot run our tasks on this cluster: {cause}") from error


def _described(error: RayError) -> str:
    """The worker's exception and the end of its traceback; one line where the worker is gone."""
    if not isinstance(error, RayTaskError):
        return _first_line(error)
    return describe_error(error.cause, COLOURS.sub("", str(error)))


def _first_line(error: RayError) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _remote(function: Callable[..., Any], **options: Any) -> Any:
    return ray.remote(num_cpus=1, retry_exceptions=False, **options)(function)
