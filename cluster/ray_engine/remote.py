"""What runs in Ray's worker processes: preparing a method and fold, one attempt of a shard, and trainings.

A shard that keeps checkpoints runs in an actor: one for each, several at a time where there are CPUs. If an
actor's process dies, Ray starts it again, here or on another node, and calls `train` again, which continues
from the last checkpoint in the store. So a crash costs some epochs and is no failure of the shard; only the
death of an actor that has been restarted `RESTARTS` times is one."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError
from threadpoolctl import threadpool_limits

from cluster.ray_engine.identity import check_requirements
from cluster.scheduling.executor import Receipt, Requirements, Work
from cluster.scheduling.shards import Job
from cluster.scheduling.signs import Sign, Signs, part_seconds, report_seconds
from cluster.store.units import MethodFold


@dataclass(frozen=True)
class WorkerCode:
    """What a run does on workers, and what they must have for it; put into Ray's object store once."""

    work: Work
    prepare: Callable[[Any, MethodFold], Any]
    requirements: Requirements


def prepare_method_fold(code: WorkerCode, shared: Any, method_fold: MethodFold) -> Iterator[Any]:
    """The node's id, then what a method and fold need, then True: a small sign that this is whole.

    RefusedError where this worker lacks what the run requires.
    """
    check_requirements(code.requirements)
    yield ray.get_runtime_context().get_node_id()
    with threadpool_limits(limits=1):
        data = code.prepare(shared, method_fold)
    yield data
    yield True


def run_attempt(
    code: WorkerCode, job: Job, shared: Any, data: Any, tell: Callable[[str], None] | None = None
) -> Iterator[Receipt | Sign | str]:
    """One attempt of one shard: its node's id when it has begun, its signs, and then its receipt.

    The work runs in a thread, so that this one can send signs and commit what is finished; a worker that does
    not get to it has native code that lets no other thread run, and is then quiet. RefusedError where this
    worker lacks what the run requires.
    """
    check_requirements(code.requirements)
    yield ray.get_runtime_context().get_node_id()
    signs = Signs(tell)
    running = InThread(lambda: code.work(job, shared, data, signs))
    sent, kept = signs.latest, time.monotonic()
    while not running.wait(report_seconds(job.limit)):
        if time.monotonic() - kept > part_seconds(job.limit):
            signs.keep()
            kept = time.monotonic()
        if signs.latest != sent:
            sent = signs.latest
            yield sent
    if signs.latest.parts != sent.parts:
        yield signs.latest
    yield running.result()


class InThread:
    """Work that runs in a thread of its own, with one numerical thread."""

    def __init__(self, work: Callable[[], Receipt]) -> None:
        self._work = work
        self._receipt: Receipt | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, after at most so long."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def result(self) -> Receipt:
        """What it returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        if self._receipt is None:
            raise RuntimeError("the work has not ended")
        return self._receipt

    def _run(self) -> None:
        try:
            with threadpool_limits(limits=1):
                self._receipt = self._work()
        except BaseException as error:  # raised where it is waited for
            self._error = error


RESTARTS = 20
SECONDS_BETWEEN_STATUS_CALLS = 2.0


class Trainer:
    """Runs one training at a time, and answers meanwhile how far it is."""

    def __init__(self) -> None:
        self._status = ""
        self._last: Receipt | Sign | str | None = None
        self._error: Exception | None = None

    def train(self, code: WorkerCode, job: Job, shared: Any) -> Iterator[Receipt | Sign | str]:
        """One attempt of one shard; see `run_attempt`."""
        try:
            for sent in run_attempt(code, job, shared, None, self._report_progress):
                self._last = sent
                yield sent
        except Exception as error:
            self._error = error
            raise

    def ending(self) -> Iterator[Receipt]:
        """The receipt once more, or the error; nothing where the training has not ended.

        Ray numbers what a call sends, from the beginning where it calls again, and delivers no number twice.
        So the end of a training that was begun again is not heard, if it had sent more in its life before.
        """
        if self._error is not None:
            raise self._error
        if isinstance(self._last, Receipt):
            yield self._last

    def status(self) -> str:
        """How far it is, in words."""
        return self._status

    def _report_progress(self, status: str) -> None:
        self._status = status


class Trainers:
    """The trainers of one executor, by the key of the shard each trains."""

    def __init__(self) -> None:
        self._actor: Any = ray.remote(Trainer)
        self._trainers: dict[str, Any] = {}
        self._asked: dict[str, Any] = {}  # calls of `status` not answered yet
        self._asked_for_ending: set[str] = set()  # shards whose trainer was asked how it ended
        self._status: dict[str, str] = {}
        self._last_call = 0.0

    def __contains__(self, key: str) -> bool:
        return key in self._trainers

    def start(self, code: Any, job: Job, shared: Any, options: Mapping[str, Any]) -> Any:
        """Begin a job in a trainer of its own, with Ray's `options`; returns its stream of results."""
        trainer = self._actor.options(
            num_cpus=1,
            **options,
            max_restarts=RESTARTS,
            max_task_retries=RESTARTS,
            max_concurrency=2,  # one thread trains, one answers `status`
        ).remote()
        self._trainers[job.shard.key] = trainer
        return trainer.train.options(num_returns="streaming").remote(code, job, shared)

    def ending(self, key: str) -> Any | None:
        """The stream that says how a training ended of which that was not heard; None if it was asked for."""
        trainer = None if key in self._asked_for_ending else self._trainers.get(key)
        if trainer is None:
            return None
        self._asked_for_ending.add(key)
        return trainer.ending.options(num_returns="streaming").remote()

    def end(self, key: str) -> None:
        """End a trainer, whatever it does."""
        self._asked_for_ending.discard(key)
        if (trainer := self._trainers.pop(key, None)) is not None:
            self._asked.pop(key, None)
            self._status.pop(key, None)
            with contextlib.suppress(RayError):  # gone already
                ray.kill(trainer, no_restart=True)

    def stop(self, key: str) -> None:
        """Let the process die; its stream then ends."""
        with contextlib.suppress(RayError):
            ray.kill(self._trainers[key], no_restart=True)

    def close(self) -> None:
        """End them all."""
        for key in list(self._trainers):
            self.end(key)

    def status(self) -> list[str]:
        """What the trainers reported last; asks again every few seconds, and waits for no answer."""
        for key, asked in list(self._asked.items()):
            if ray.wait([asked], timeout=0)[0]:
                del self._asked[key]
                with contextlib.suppress(RayError):  # its process is being started again
                    self._status[key] = ray.get(asked)
        if time.monotonic() - self._last_call > SECONDS_BETWEEN_STATUS_CALLS:
            self._last_call = time.monotonic()
            for key, trainer in self._trainers.items():
                if key not in self._asked:
                    self._asked[key] = trainer.status.remote()
        return [status for _, status in sorted(self._status.items()) if status]
