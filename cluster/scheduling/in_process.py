"""The executor that runs jobs in this process, one after another: the results all others must equal."""

import traceback
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from threadpoolctl import threadpool_limits

from cluster.scheduling.executor import STOPPING, Ended, Preparation, Work, describe_error
from cluster.scheduling.preparing import FailedPreparations
from cluster.scheduling.shards import Job
from cluster.scheduling.signs import Limit, Sign, Signs, no_progress
from cluster.scheduling.watchdog import GRACE_SECONDS, HungError, is_interruption, watched
from cluster.store.units import MethodFold

SHOWN_TARGETS = 5  # names in a message
PREPARED_KEPT = 2  # method folds whose data is held: the one being worked on and the next


class InProcessExecutor:
    """Runs each job inside `wait`, with one numerical thread.

    An exception is an observed failure. What hangs is interrupted by a watchdog, as by Ctrl-C; native code
    that does not answer to that, and a job that kills its process, take the driver along. Ray spares it that.
    """

    slots = 1
    nodes: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, work: Work, preparation: Preparation | None = None, grace: float = GRACE_SECONDS
    ) -> None:
        """`grace`: seconds that what is interrupted may take to end, before the process ends."""
        self._work = work
        self._grace = grace
        self._preparation = preparation or Preparation()
        self._queue: OrderedDict[str, Job] = OrderedDict()
        self._cancelled: list[str] = []
        self._prepared: OrderedDict[MethodFold, Any] = OrderedDict()
        self._failed = FailedPreparations()

    def start(self, job: Job) -> None:
        """Queue the job."""
        self._queue[job.shard.key] = job

    def prepare(self, method_fold: MethodFold) -> None:
        """Nothing: there is one process, and it prepares a method and fold when their first job runs."""

    def preparing(self) -> Mapping[MethodFold, int]:
        """None: a preparation runs only while `wait` does."""
        return {}

    def give_up_preparation(self, method_fold: MethodFold, error: str) -> None:
        """Nothing: none is ever seen to run."""

    def started(self) -> Mapping[str, Sign]:
        """None: a job runs only while `wait` does."""
        return {}

    def wait(self, timeout: float) -> list[Ended]:
        """Run the oldest queued job to its end, however long it takes."""
        del timeout
        ended = [Ended(key, kind="cancelled", error="cancelled before it ran") for key in self._cancelled]
        self._cancelled.clear()
        if ended or not self._queue:
            return ended
        job = next(iter(self._queue.values()))
        with threadpool_limits(limits=1):
            ended = [self._run(job)]
        del self._queue[job.shard.key]  # only now: an interrupted job is still there to be cancelled
        return ended

    def cancel(self, key: str) -> None:
        """Take a job out of the queue; a running one cannot be reached."""
        if self._queue.pop(key, None) is not None:
            self._cancelled.append(key)

    def status(self) -> Sequence[str]:
        """None: nothing is in progress between two waits."""
        return ()

    def release(self, method_fold: MethodFold) -> None:
        """Forget what was prepared for a method and fold."""
        self._prepared.pop(method_fold, None)

    def close(self) -> None:
        """Forget everything."""
        self._queue.clear()
        self._prepared.clear()

    def _run(self, job: Job) -> Ended:
        shard, signs = job.shard, Signs()
        data = None if shard.is_fold_level else self._prepared_for(job)
        try:
            with watched(signs, job.limit, _named(job), self._grace):
                receipt = self._work(job, self._preparation.shared, data, signs)
            return Ended(shard.key, receipt, sign=signs.latest)
        except STOPPING:
            raise
        except HungError as error:
            return Ended(shard.key, kind="deadline", error=no_progress(error.seconds), sign=signs.latest)
        except Exception as error:  # the boundary where anything a library throws becomes a recorded failure
            if is_interruption(error):
                raise KeyboardInterrupt from error
            return Ended(shard.key, kind="error", error=_described(error), sign=signs.latest)

    def _prepared_for(self, job: Job) -> Any:
        method_fold = job.shard.method_fold
        limit = None if job.preparation is None else Limit(job.preparation, floor=job.preparation)
        while method_fold not in self._prepared:
            try:
                with watched(Signs(), limit, f"preparing {method_fold}", self._grace):
                    data = self._preparation.prepare(self._preparation.shared, method_fold)
            except STOPPING:
                raise
            except HungError as error:
                said = f"still being prepared after {error.seconds:.0f} s, its deadline"
                self._failed.add(method_fold, "deadline", said)
                continue
            except Exception as error:
                if is_interruption(error):
                    raise KeyboardInterrupt from error
                self._failed.add(method_fold, "error", _described(error))
                continue
            while len(self._prepared) >= PREPARED_KEPT:
                self._prepared.popitem(last=False)
            self._prepared[method_fold] = data
        return self._prepared[method_fold]


def _described(error: BaseException) -> str:
    return describe_error(error, "".join(traceback.format_exception(error)))


def _named(job: Job) -> str:
    """The job as a message names it: with its targets, as far as there are few."""
    targets = job.shard.targets
    names = ", ".join(targets[:SHOWN_TARGETS]) + (", ..." if len(targets) > SHOWN_TARGETS else "")
    return f"{job.shard.method}, {job.shard}" + (f": {names}" if len(targets) > 1 else "")
