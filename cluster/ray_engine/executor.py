"""Jobs as Ray tasks. Ray only moves and runs them: no retries of its own, no truth kept in it.

The dataset's arrays are put into the object store once. A method and fold are prepared by one task, whose
result stays there and is mapped, not copied, by every shard task on its node; shards are handed to Ray once
it is there. A shard task sends back first on which node it has begun (until then it may wait for a CPU), then
signs of progress every few seconds, if there are any, then its receipt.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import RayError

from cluster.ray_engine.failures import (
    StorageTrouble,
    described,
    first_line,
    is_loss,
    kind_of,
    raise_if_no_shards_fault,
)
from cluster.ray_engine.gpu_share import share_on
from cluster.ray_engine.nodes import Nodes
from cluster.ray_engine.preparations import Preparations
from cluster.ray_engine.remote import Trainers, WorkerCode, run_attempt
from cluster.ray_engine.watch import RayWatch
from cluster.scheduling.executor import Ended, Preparation, Receipt, Work
from cluster.scheduling.shards import Job
from cluster.scheduling.signs import SILENT, Sign
from cluster.store.units import MethodFold


class RayExecutor:
    """Runs jobs on the Ray that is connected; `runtime.connected` comes first and ends it."""

    def __init__(
        self,
        work: Work,
        preparation: Preparation | None = None,
        most_slots: int | None = None,
        gpu_methods: frozenset[str] = frozenset(),
        watch: RayWatch | None = None,
    ) -> None:
        """Jobs of `gpu_methods` ask for a share of a GPU; RefusedError where no node has one.

        RefusedError, too, where a node's object store is too small for what is shared, or nodes cannot reach
        this one. With a `watch`, `wait` raises ClusterError once Ray is not there any more.
        """
        preparation = preparation or Preparation()
        self._needs = preparation.needs
        self._watch = watch
        self._most_slots = most_slots
        self._gpu_methods = gpu_methods
        self._nodes = Nodes()
        self._nodes.refuse_unreachable_driver()
        self._nodes.refuse_small_stores(self._needs.shared)
        self._share = share_on(self._nodes.listed()) if gpu_methods else None
        self._held: deque[Job] = deque()  # not prepared yet, or more than `most_slots` at one time
        self._dropped: list[str] = []  # cancelled while held back
        self._jobs: dict[Any, Job] = {}  # by the task's stream of signs
        self._streams: dict[str, Any] = {}  # the stream by key
        self._data: dict[str, Any] = {}  # what was prepared for a job handed to Ray, by key
        self._began_on: dict[str, str] = {}  # the node by key
        self._signs: dict[str, Sign] = {}  # the last of each job that has begun
        self._kept_off: dict[str, frozenset[str]] = {}  # the nodes that a job may not run on, by key
        self._trainers = Trainers()
        self._stopped: set[str] = set()  # trainers ended by us
        self._shared = ray.put(preparation.shared)
        # By default Ray ends a worker after each task with a GPU; ours keep what they have sent to it.
        self._run: Any = ray.remote(
            num_cpus=1,
            retry_exceptions=False,
            max_retries=0,
            num_returns="streaming",
            scheduling_strategy="SPREAD",
            max_calls=0,
        )(run_attempt)
        self._code = ray.put(WorkerCode(work, preparation.prepare, preparation.requirements))
        self._trouble = StorageTrouble(self._nodes)
        self._preparations = Preparations(
            self._code, self._shared, self._nodes, self._trouble, self._needs.worker
        )

    @property
    def slots(self) -> int:
        """The cluster's CPUs, or fewer where asked; one at least (a cluster may be growing).

        With `gpu_methods`, those of nodes with a GPU, as far as tasks may share it.
        """
        can_run = self._nodes.cpus if self._share is None else self._share.slots(self._nodes.listed())
        return max(1, min(can_run, self._most_slots or can_run))

    @property
    def nodes(self) -> Mapping[str, str]:
        """The nodes that run tasks, and what people call them."""
        return self._nodes.names

    def start(self, job: Job) -> None:
        """Hand the job to Ray, or hold it back until its fold is prepared and `most_slots` allow it."""
        self._held.append(job)
        self._hand_over()

    def prepare(self, method_fold: MethodFold) -> None:
        """Let a task prepare it, unless one did or does; a worker without a shard takes the task."""
        self._preparations.ask_for(method_fold)

    def preparing(self) -> Mapping[MethodFold, int]:
        """What a worker has begun to prepare, and which try that is."""
        return self._preparations.begun

    def give_up_preparation(self, method_fold: MethodFold, error: str) -> None:
        """Kill its worker, and begin it again elsewhere."""
        self._preparations.give_up(method_fold, "deadline", error)

    def started(self) -> Mapping[str, Sign]:
        """The jobs whose worker has sent the sign that it has begun."""
        return self._signs

    def wait(self, timeout: float) -> list[Ended]:
        """What has ended, as soon as anything has begun or ended."""
        if self._watch is not None:
            self._watch.check()
        self._cancel_stranded()
        ended = [Ended(key, kind="cancelled", error="cancelled before it ran") for key in self._dropped]
        self._dropped.clear()
        streams = [*self._jobs, *self._preparations.streams]
        if ended or not streams:
            return ended
        ready, _ = ray.wait(streams, num_returns=1, timeout=timeout)
        if ready:
            ready, _ = ray.wait(streams, num_returns=len(streams), timeout=0)
        for stream in ready:
            if stream not in self._jobs:
                self._preparations.take_from(stream)
            elif (end := self._next_from(stream)) is not None:
                ended.append(end)
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
        self._preparations.release(method_fold)

    def close(self) -> None:
        """Forget what still runs: its workers end with our connection.

        Tasks are not cancelled here: where one ends that very moment, Ray 2.60 may lose its CPU for good, or
        abort the driver ("Tried to complete task that was not pending").
        """
        self._held.clear()
        self._trainers.close()
        self._jobs.clear()
        self._streams.clear()
        self._data.clear()
        self._began_on.clear()
        self._signs.clear()
        self._preparations.close()

    def _hand_over(self) -> None:
        """Send what may run now, in the order it came."""
        waiting, self._held = self._held, deque()
        for job in waiting:
            full = self._most_slots is not None and len(self._jobs) >= self._most_slots
            if not full and self._is_prepared(job):
                self._send(job)
            else:
                self._held.append(job)

    def _is_prepared(self, job: Job) -> bool:
        if job.shard.is_fold_level or self._preparations.data(job.shard.method_fold) is not None:
            return True
        self._preparations.ask_for(job.shard.method_fold, job.avoid)
        return False

    def _send(self, job: Job) -> None:
        shard = job.shard
        share = self._share.num_gpus if self._share and shard.method in self._gpu_methods else 0
        elsewhere = self._nodes.without(job.avoid)
        memory = self._nodes.memory_for(self._needs.worker.get(shard.method, 0))
        options = {"num_gpus": share, **memory, **elsewhere}
        if elsewhere:
            self._kept_off[shard.key] = job.avoid
        if shard.checkpointed:
            stream = self._trainers.start(self._code, job, self._shared, options)
        else:
            data = None if shard.is_fold_level else self._preparations.data(shard.method_fold)
            name = f"{shard.method} fold {shard.fold} shard {shard.key[:8]} attempt {job.attempt}"
            stream = self._run.options(name=name, **options).remote(self._code, job, self._shared, data)
            self._data[shard.key] = data
        self._jobs[stream], self._streams[shard.key] = job, stream

    def _cancel_stranded(self) -> None:
        """Take back what only nodes could run that have died meanwhile; it is then started anywhere."""
        self._preparations.cancel_stranded()
        for key, avoided in list(self._kept_off.items()):
            if self._nodes.are_all_in(avoided) and key not in self._began_on:
                del self._kept_off[key]
                self.cancel(key)

    def _next_from(self, stream: Any) -> Ended | None:
        """Take in what a job sends next: None where it has only begun, or is handed over once more."""
        job = self._jobs[stream]
        key = job.shard.key
        try:
            sent: Receipt | Sign | str = ray.get(next(stream))
        except StopIteration:  # cut off without a word, as by a stop that comes as it ends
            if (again := self._trainers.ending(key)) is not None:
                del self._jobs[stream]
                self._jobs[again], self._streams[key] = job, again
                return None
            ended: Ended | None = Ended(key, kind="cancelled", error="its task ended without a receipt")
        except RayError as error:
            ended = self._failed(job, error)
        else:
            if isinstance(sent, str):
                self._began_on[key], self._signs[key] = sent, SILENT
                return None
            if isinstance(sent, Sign):
                self._signs[key] = replace(sent, node=self._began_on.get(key, ""))
                return None
            ended = Ended(key, sent, node=self._began_on.get(key, ""))
            self._trouble.succeeded(ended.node)
        if ended is not None:
            ended = replace(ended, sign=self._signs.pop(key, SILENT))
        del self._jobs[stream], self._streams[key]
        self._data.pop(key, None)
        self._kept_off.pop(key, None)
        self._trainers.end(key)
        self._began_on.pop(key, None)
        return ended

    def _failed(self, job: Job, error: RayError) -> Ended | None:
        key = job.shard.key
        if not self._trouble.is_of_one_node(error, self._began_on.get(key, "")):
            raise_if_no_shards_fault(error)
        if key in self._stopped:
            self._stopped.discard(key)
            return Ended(key, kind="cancelled", error=first_line(error))
        if is_loss(error) and key not in self._began_on and self._data.get(key) is not None:
            self._preparations.lose(job.shard.method_fold, self._data[key], first_line(error))
            self._held.appendleft(job)
            return None
        return Ended(key, None, kind_of(error), described(error), self._began_on.get(key, ""))
