"""Where jobs run: the protocol that executors fulfil, and what goes into and comes out of them.

An executor only carries out and observes. What a job does (`work`) and what its method and fold need prepared
(`Preparation`) are handed to it, so it knows nothing of genes or tables.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cluster.errors import RefusedError, StorageError
from cluster.libraries import UsedPlugin
from cluster.scheduling.shards import FailureKind, Job
from cluster.scheduling.signs import SILENT, Sign, Signs
from cluster.store.units import MethodFold
from tasks.errors import BadInputError

ERROR_CHARACTERS = 2000  # of a traceback's end; enough to find the line, small enough for a JSON file

STOPPING = (StorageError, RefusedError, BadInputError)  # trouble that is no shard's fault and ends the run


@dataclass(frozen=True)
class Receipt:
    """What a worker sends back of a committed shard; the results themselves are in the store."""

    key: str
    attempt: int
    won: bool  # False: another attempt had committed first, and this one's files are spare
    statuses: Mapping[str, int]
    seconds: float
    host: str
    memory: int = 0  # the most that its process has held, in bytes; 0 where that is not known
    stages: Mapping[str, float] = field(default_factory=dict)  # seconds of each stage of the work


@dataclass(frozen=True)
class Ended:
    """One job has ended: with a receipt, or with what was observed of its failure."""

    key: str
    receipt: Receipt | None = None
    kind: FailureKind | None = None
    error: str = ""
    node: str = ""  # where it ran, if there is more than this process and it has begun
    sign: Sign = SILENT  # the last that was heard of it


# work(job, shared, what was prepared for the job's method and fold, the attempt's signs). Nothing is prepared
# for fold-level work.
Work = Callable[[Job, Any, Any, Signs], Receipt]


def _nothing(shared: Any, method_fold: MethodFold) -> None:
    del shared, method_fold


@dataclass(frozen=True)
class Requirements:
    """What a worker must have, or refuse to work: plain data, empty where nothing is checked."""

    code: str = ""  # fingerprint of the driver's source files and libraries
    plugins: tuple[UsedPlugin, ...] = ()


@dataclass(frozen=True)
class Needs:
    """Bytes that work needs, estimated: of each worker's memory, by method, and of what a node's share.

    A method without is taken to need little.
    """

    worker: Mapping[str, int] = field(default_factory=dict)
    shared: int = 0


@dataclass(frozen=True)
class Preparation:
    """What shards share: `shared` (the dataset's arrays), and `prepare(shared, method_fold)`, run once each.

    Both are given to `work`. Under Ray `shared` travels once, and workers must be able to import `prepare`
    and must fulfil the `requirements`; tasks are placed by what they `need`.
    """

    prepare: Callable[[Any, MethodFold], Any] = _nothing
    shared: Any = field(default=None, repr=False)
    requirements: Requirements = field(default_factory=Requirements)
    needs: Needs = field(default_factory=Needs)


class Executor(Protocol):
    """Runs jobs. Not thread-safe; one driver uses it.

    `wait` raises StorageError, RefusedError or BadInputError where a job ended with one: they are no shard's
    fault. A preparation that fails is tried again; where it has failed too often, `wait` and
    `give_up_preparation` raise PreparationError or ClusterError.
    """

    @property
    def slots(self) -> int:
        """How many jobs can run at one time now."""

    @property
    def nodes(self) -> Mapping[str, str]:
        """What people call those that are alive, by id; empty where there is only this process."""

    def start(self, job: Job) -> None:
        """Take a job; it runs now or when a slot is free."""

    def prepare(self, method_fold: MethodFold) -> None:
        """Jobs of this method and fold will come: prepare what they share, if that delays nothing else."""

    def preparing(self) -> Mapping[MethodFold, int]:
        """What was seen to begin being prepared and is not yet ready; the number differs for every try."""

    def give_up_preparation(self, method_fold: MethodFold, error: str) -> None:
        """Stop one of `preparing`: a failure of it, and it is tried again."""

    def started(self) -> Mapping[str, Sign]:
        """The jobs that were seen to begin and not yet to end, by key, and their last signs."""

    def wait(self, timeout: float) -> list[Ended]:
        """The jobs that have ended, after at most about `timeout` seconds; empty where none has."""

    def cancel(self, key: str) -> None:
        """Stop a job; it still ends (as "cancelled", or with its receipt if it was quicker)."""

    def status(self) -> Sequence[str]:
        """How far trainings in progress are, in words; empty where nothing is known."""

    def release(self, method_fold: MethodFold) -> None:
        """No further job of this method and fold will come: what was prepared for it may go."""

    def close(self) -> None:
        """Stop what runs and free what is held."""


def describe_error(error: BaseException, trace: str) -> str:
    """An exception as text for a record: its own words, then the end of its traceback."""
    return f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS] + "\n" + trace[-ERROR_CHARACTERS:]
