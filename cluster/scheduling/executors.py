"""Where jobs run: a small protocol, and the executor that runs them in this process (the truth).

An executor only carries out and observes. What a job does (`work`) and what its part (a method in one fold)
needs prepared (`Preparation`) are handed to it, so it knows nothing of genes or tables.
"""

import traceback
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from cluster.errors import PreparationError, RefusedError, StorageError
from cluster.scheduling.ledger import FailureKind
from cluster.store.units import MethodFold, Unit
from tasks.errors import BadInputError
from tasks.methods.registry import method_named

PARTS_KEPT = 2  # prepared parts held in process: the one being worked on and the next
ERROR_CHARACTERS = 2000  # of a traceback's end; enough to find the line, small enough for a JSON file

STOPPING = (StorageError, RefusedError, BadInputError)  # trouble that is no shard's fault and ends the run


@dataclass(frozen=True)
class Job:
    """One attempt of one shard, as sent to a worker: plain data, small."""

    key: str
    units: tuple[Unit, ...]
    attempt: int
    store: str
    run: str  # the run's digest, for StoreWriter.join
    code: str = ""  # fingerprint of the driver's source files; workers with other code refuse
    dependencies: tuple[str, ...] = ()  # keys of the commits it reads

    @property
    def fold(self) -> int:
        """The fold of all units."""
        return self.units[0].fold

    @property
    def method(self) -> str:
        """The method of all units."""
        return self.units[0].method

    @property
    def is_fold_level(self) -> bool:
        """Whether it is work on a fold as a whole: nothing is prepared for it."""
        return self.units[0].is_fold_level

    @property
    def trains(self) -> bool:
        """Whether it is long and checkpointed: Ray gives it an actor, which goes on after a crash."""
        return self.is_fold_level and method_named(self.method).checkpoints

    @property
    def method_fold(self) -> MethodFold:
        """The method and fold of all units: what is prepared for them is prepared once."""
        return MethodFold(self.method, self.fold)

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets, in the shard's order."""
        return tuple(unit.target for unit in self.units)


@dataclass(frozen=True)
class Receipt:
    """What a worker sends back of a committed shard; the results themselves are in the store."""

    key: str
    attempt: int
    won: bool  # False: another attempt had committed first, and this one's files are spare
    statuses: Mapping[str, int]
    seconds: float
    host: str


@dataclass(frozen=True)
class Ended:
    """One job has ended: with a receipt, or with what was observed of its failure."""

    key: str
    receipt: Receipt | None = None
    kind: FailureKind | None = None
    error: str = ""


# work(job, shared, what the job's part was prepared to); of a job that trains, the last is a `Say` or None.
Work = Callable[[Job, Any, Any], Receipt]
Say = Callable[[str], None]  # takes how far a training is, in words


def _nothing(shared: Any, part: MethodFold) -> None:
    del shared, part


@dataclass(frozen=True)
class Preparation:
    """What shards share: `shared` (the dataset's arrays) and `prepare(shared, part)`, run once a part.

    Both are given to `work`. Under Ray `shared` travels once, and workers must be able to import `prepare`.
    """

    prepare: Callable[[Any, MethodFold], Any] = _nothing
    shared: Any = field(default=None, repr=False)


class Executor(Protocol):
    """Runs jobs. Not thread-safe; one driver uses it.

    `wait` raises StorageError, RefusedError or BadInputError where a job ended with one: they are no shard's
    fault. It raises PreparationError where a part could not be prepared.
    """

    @property
    def slots(self) -> int:
        """How many jobs can run at one time now."""

    def start(self, job: Job) -> None:
        """Take a job; it runs now or when a slot is free."""

    def prepare(self, part: MethodFold, code: str) -> None:
        """Jobs of this part will come: make ready what they share, if that takes no time from others."""

    def started(self) -> Collection[str]:
        """The keys of jobs that were seen to begin and not yet to end; one that waits is not among them."""

    def wait(self, timeout: float) -> list[Ended]:
        """The jobs that have ended, after at most about `timeout` seconds; empty where none has."""

    def cancel(self, key: str) -> None:
        """Stop a job; it still ends (as "cancelled", or with its receipt if it was quicker)."""

    def news(self) -> Sequence[str]:
        """How far trainings in progress are, in words; empty where nothing is known."""

    def release(self, part: MethodFold) -> None:
        """No further job of this part will come: its prepared data may go."""

    def close(self) -> None:
        """Stop what runs and free what is held."""


def describe_error(error: BaseException) -> str:
    """An exception as text for a record: its own words, then the end of its traceback."""
    trace = "".join(traceback.format_exception(error))[-ERROR_CHARACTERS:]
    return f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS] + "\n" + trace


def _interrupted(error: BaseException) -> bool:
    """Whether an interruption lies behind an error: in compiled code it comes out as a SystemError."""
    behind = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt) or (behind is not None and _interrupted(behind))


class InProcessExecutor:
    """Runs each job inside `wait`, one after another, with one numerical thread.

    An exception is an observed failure. Deadlines cannot be enforced here (nothing is left to enforce them
    while a job runs), and a job that kills its process takes the driver along; both need Ray.
    """

    slots = 1

    def __init__(self, work: Work, preparation: Preparation | None = None) -> None:
        self._work = work
        self._preparation = preparation or Preparation()
        self._queue: OrderedDict[str, Job] = OrderedDict()
        self._cancelled: list[str] = []
        self._parts: OrderedDict[MethodFold, Any] = OrderedDict()

    def start(self, job: Job) -> None:
        """Queue the job."""
        self._queue[job.key] = job

    def prepare(self, part: MethodFold, code: str) -> None:
        """Nothing: there is one process, and it prepares a part when its first job runs."""

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
        del self._queue[job.key]  # only now: an interrupted job is still there to be cancelled
        return ended

    def cancel(self, key: str) -> None:
        """Take a job out of the queue; a running one cannot be reached."""
        if self._queue.pop(key, None) is not None:
            self._cancelled.append(key)

    def news(self) -> Sequence[str]:
        """None: nothing is in progress between two waits."""
        return ()

    def release(self, part: MethodFold) -> None:
        """Forget a part's prepared data."""
        self._parts.pop(part, None)

    def close(self) -> None:
        """Forget everything."""
        self._queue.clear()
        self._parts.clear()

    def _run(self, job: Job) -> Ended:
        data = None if job.is_fold_level else self._part_data(job.method_fold)
        try:
            return Ended(job.key, self._work(job, self._preparation.shared, data))
        except STOPPING:
            raise
        except Exception as error:  # the boundary where anything a library throws becomes a recorded failure
            if _interrupted(error):
                raise KeyboardInterrupt from error
            return Ended(job.key, kind="error", error=describe_error(error))

    def _part_data(self, part: MethodFold) -> Any:
        if part not in self._parts:
            try:
                data = self._preparation.prepare(self._preparation.shared, part)
            except STOPPING:
                raise
            except Exception as error:
                raise PreparationError(f"{part} could not be prepared: {describe_error(error)}") from error
            while len(self._parts) >= PARTS_KEPT:
                self._parts.popitem(last=False)
            self._parts[part] = data
        return self._parts[part]
