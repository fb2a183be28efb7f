"""The executor that runs jobs in this process, one after another: the results all others must equal."""

import traceback
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any

from threadpoolctl import threadpool_limits

from cluster.scheduling.executor import STOPPING, Ended, Preparation, Work, describe_error
from cluster.scheduling.preparing import FailedPreparations
from cluster.scheduling.shards import Job
from cluster.store.units import MethodFold

PREPARED_KEPT = 2  # method folds whose data is held: the one being worked on and the next


class InProcessExecutor:
    """Runs each job inside `wait`, with one numerical thread.

    An exception is an observed failure. Deadlines cannot be enforced here (nothing is left to enforce them
    while a job runs), and a job that kills its process takes the driver along; both need Ray.
    """

    slots = 1
    nodes: Collection[str] = ()

    def __init__(self, work: Work, preparation: Preparation | None = None) -> None:
        self._work = work
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

    def preparing(self) -> Collection[MethodFold]:
        """None: a preparation runs only while `wait` does."""
        return ()

    def give_up_preparation(self, method_fold: MethodFold, error: str) -> None:
        """Nothing: none is ever seen to run."""

    def started(self) -> Collection[str]:
        """None: a job runs only while `wait` does."""
        return ()

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
        shard = job.shard
        data = None if shard.is_fold_level else self._prepared_for(shard.method_fold)
        try:
            return Ended(shard.key, self._work(job, self._preparation.shared, data))
        except STOPPING:
            raise
        except Exception as error:  # the boundary where anything a library throws becomes a recorded failure
            if _interrupted(error):
                raise KeyboardInterrupt from error
            return Ended(shard.key, kind="error", error=_described(error))

    def _prepared_for(self, method_fold: MethodFold) -> Any:
        while method_fold not in self._prepared:
            try:
                data = self._preparation.prepare(self._preparation.shared, method_fold)
            except STOPPING:
                raise
            except Exception as error:
                if _interrupted(error):
                    raise KeyboardInterrupt from error
                self._failed.add(method_fold, "error", _described(error))
                continue
            while len(self._prepared) >= PREPARED_KEPT:
                self._prepared.popitem(last=False)
            self._prepared[method_fold] = data
        return self._prepared[method_fold]


def _described(error: BaseException) -> str:
    return describe_error(error, "".join(traceback.format_exception(error)))


def _interrupted(error: BaseException) -> bool:
    """Whether an interruption lies behind an error: in compiled code it comes out as a SystemError."""
    behind = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt) or (behind is not None and _interrupted(behind))
