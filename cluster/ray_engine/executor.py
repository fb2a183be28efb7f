"""Jobs as Ray tasks. Ray only moves and runs them: no retries of its own, no truth kept in it.

The dataset's arrays are put into the object store once; a part (a method in one fold) is prepared by one task
whose result stays there and is mapped, not copied, by every shard task on its node. Of a shard task come
back, one after the other, a sign that it has begun (until then it may wait for a CPU or its part) and its
receipt.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
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
from threadpoolctl import threadpool_limits

from cluster.errors import PreparationError, RefusedError
from cluster.ray_engine.gpu_share import share_on
from cluster.ray_engine.identity import check_code
from cluster.ray_engine.trainer import Trainers
from cluster.scheduling.executors import (
    ERROR_CHARACTERS,
    STOPPING,
    Ended,
    Job,
    Preparation,
    Receipt,
    Work,
)
from cluster.scheduling.ledger import FailureKind
from cluster.store.units import MethodFold

PREPARE_RETRIES = 10  # of a part's data, by Ray, when its node dies: also when shards still read it
What = tuple[Work, Callable[[Any, MethodFold], Any]]  # what to run, what to prepare a part with
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
        self._dropped: list[str] = []  # cancelled while held
        self._jobs: dict[Any, Job] = {}  # by the task's stream of signs
        self._streams: dict[str, Any] = {}  # the stream by key
        self._started: set[str] = set()
        self._parts: dict[MethodFold, tuple[Any, Any]] = {}  # what was prepared, and the sign that it was
        self._trainers = Trainers()
        self._stopped: set[str] = set()  # trainers ended by us
        self._shared = ray.put(preparation.shared)
        self._prepare = _remote(_prepared, max_retries=PREPARE_RETRIES, num_returns=2)
        # Left alone, Ray ends a worker after each task with a GPU; ours keep what they sent to theirs.
        self._run = _remote(
            _run, max_retries=0, num_returns="streaming", scheduling_strategy="SPREAD", max_calls=0
        )
        self._what = ray.put((work, preparation.prepare))
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

    def prepare(self, part: MethodFold, code: str) -> None:
        """Let a task prepare the part, unless one did or does; a worker without a shard takes it."""
        if part not in self._parts:
            prepare = self._prepare.options(name=f"prepare {part}")
            self._parts[part] = tuple(prepare.remote(self._what, self._shared, part, code))

    def _hand_over(self) -> None:
        while self._held and (self._most_slots is None or len(self._jobs) < self._most_slots):
            self._send(self._held.popleft())

    def _send(self, job: Job) -> None:
        share = self._share.num_gpus if self._share and job.method in self._gpu_methods else 0
        if job.trains:
            stream = self._trainers.start(self._what, job, self._shared, share)
            self._jobs[stream], self._streams[job.key] = job, stream
            return
        if not job.is_fold_level:
            self.prepare(job.method_fold, job.code)
        name = f"{job.method} fold {job.fold} shard {job.key[:8]} attempt {job.attempt}"
        data, _ = (None, None) if job.is_fold_level else self._parts[job.method_fold]
        run = self._run.options(name=name, num_gpus=share)
        stream = run.remote(self._what, job, self._shared, data)
        self._jobs[stream], self._streams[job.key] = job, stream

    def started(self) -> Collection[str]:
        """The jobs whose worker said that it has begun."""
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
        ended = [end for stream in ready if (end := self._heard(stream)) is not None]
        self._hand_over()
        return ended

    def cancel(self, key: str) -> None:
        """Kill the job's worker."""
        if key in self._trainers:
            self._stopped.add(key)
            self._trainers.stop(key)
        elif key in self._streams:
            ray.cancel(self._streams[key], force=True)
        for job in [job for job in self._held if job.key == key]:
            self._held.remove(job)
            self._dropped.append(key)

    def news(self) -> Sequence[str]:
        """What the trainers said last."""
        return self._trainers.news()

    def release(self, part: MethodFold) -> None:
        """Let a part's data leave the object store."""
        self._parts.pop(part, None)

    def close(self) -> None:
        """Let go of what still runs: its workers end with our connection.

        Tasks are not cancelled here: where one ends that very moment, Ray 2.60 may lose its CPU for good, or
        abort the driver ("Tried to complete task that was not pending").
        """
        self._held.clear()
        self._trainers.close()
        self._jobs.clear()
        self._streams.clear()
        self._started.clear()
        self._parts.clear()

    def _heard(self, stream: Any) -> Ended | None:
        """Take in what a job says next: None where it has only begun."""
        job = self._jobs[stream]
        try:
            receipt: Receipt | None = ray.get(next(stream))
        except RayError as error:
            ended = self._failed(job, error)
        else:
            if receipt is None:
                self._started.add(job.key)
                return None
            ended = Ended(job.key, receipt)
        del self._jobs[stream], self._streams[job.key]
        self._trainers.end(job.key)
        self._started.discard(job.key)
        return ended

    def _failed(self, job: Job, error: RayError) -> Ended:
        _stop_if_nobodys_fault(error)
        if job.key in self._stopped:
            self._stopped.discard(job.key)
            return Ended(job.key, kind="cancelled", error=_line(error))
        if not job.is_fold_level and not self._is_prepared(job.method_fold):
            return Ended(job.key, kind="node", error=f"what its part needs was lost: {_line(error)}")
        return Ended(job.key, kind=kind_of(error), error=_words(error))

    def _is_prepared(self, part: MethodFold) -> bool:
        """False where the part's data went with a node (it is made anew); PreparationError where it fails."""
        if part not in self._parts:
            return False
        _, sign = self._parts[part]
        if not ray.wait([sign], timeout=0)[0]:
            return True  # not even begun: the job itself was cancelled or lost
        try:
            ray.get(sign)
        except RayError as error:
            del self._parts[part]
            _stop_if_nobodys_fault(error)
            if kind_of(error) == "node":
                return False
            raise PreparationError(f"{part} could not be prepared: {_words(error)}") from error
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


def _stop_if_nobodys_fault(error: RayError) -> None:
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, STOPPING):
        raise cause
    if isinstance(cause, (RuntimeEnvSetupError, TaskUnschedulableError)):
        raise RefusedError(f"Ray cannot run our tasks on this cluster: {cause}") from error


def _words(error: RayError) -> str:
    """What the worker's exception said, and the end of its traceback; one line where the worker is gone."""
    if not isinstance(error, RayTaskError):
        return _line(error)
    trace = COLOURS.sub("", str(error))
    return (
        f"{type(error.cause).__name__}: {error.cause}"[:ERROR_CHARACTERS] + "\n" + trace[-ERROR_CHARACTERS:]
    )


def _line(error: RayError) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _remote(function: Callable[..., Any], **options: Any) -> Any:
    return ray.remote(num_cpus=1, retry_exceptions=False, **options)(function)


def _prepared(what: What, shared: Any, part: MethodFold, code: str) -> tuple[Any, bool]:
    """On a worker: what a part needs, and a small sign of success the driver can look at."""
    _, prepare = what
    check_code(code)
    with threadpool_limits(limits=1):
        return prepare(shared, part), True


def _run(what: What, job: Job, shared: Any, data: Any) -> Iterator[Receipt | None]:
    """On a worker: one attempt of one shard. None says that it has begun."""
    work, _ = what
    check_code(job.code)
    yield None
    with threadpool_limits(limits=1):
        receipt = work(job, shared, data)
    yield receipt
