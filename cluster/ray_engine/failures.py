"""What an error that Ray reports says about the work: its kind, in words, and whether it ends the run."""

import re

from ray.exceptions import (
    ActorDiedError,
    LocalRayletDiedError,
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

from cluster.errors import ClusterError, RefusedError, StorageError
from cluster.ray_engine.nodes import Nodes
from cluster.scheduling.executor import STOPPING, describe_error
from cluster.scheduling.shards import FailureKind

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def kind_of(error: RayError) -> FailureKind:
    """What an error Ray reports says about the shard."""
    cause = cause_of(error)
    if isinstance(cause, TaskCancelledError):
        return "cancelled"
    if isinstance(cause, (WorkerCrashedError, OutOfMemoryError, ActorDiedError)):
        return "killed"
    if isinstance(cause, (NodeDiedError, ObjectLostError)):
        return "node"
    return "error" if isinstance(error, RayTaskError) else "node"


def is_loss(error: RayError) -> bool:
    """Whether what a task was to read has gone with its node."""
    return isinstance(cause_of(error), ObjectLostError)


def raise_if_no_shards_fault(error: RayError) -> None:
    """Raise what ends the run: trouble with the store, a refusal, a cluster that cannot run our tasks.

    Without the raylet of this process's own node Ray can hand out no task any more, on whichever node.
    """
    cause = cause_of(error)
    if isinstance(cause, LocalRayletDiedError):
        raise ClusterError(
            "Ray's raylet on this machine has died; what is committed stays: `knockcast resume` on the store "
            "starts anew and does the rest"
        ) from error
    if isinstance(cause, STOPPING):
        raise cause
    if isinstance(cause, (RuntimeEnvSetupError, TaskUnschedulableError)):
        raise RefusedError(f"Ray cannot run our tasks on this cluster: {cause}") from error


class StorageTrouble:
    """On which nodes work could not read or write the store since it last could."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._bad: set[str] = set()

    def succeeded(self, node: str) -> None:
        """Something was committed from there."""
        self._bad.discard(node)

    def is_of_one_node(self, error: RayError, node: str) -> bool:
        """Whether an error is trouble with the store that other nodes may not have: a failure like others."""
        if not isinstance(cause_of(error), StorageError) or not node:
            return False
        self._bad.add(node)
        return not self._nodes.are_all_in(self._bad)


def described(error: RayError) -> str:
    """The worker's exception and the end of its traceback; one line where the worker is gone."""
    if not isinstance(error, RayTaskError):
        return first_line(error)
    return describe_error(error.cause, COLOURS.sub("", str(error)))


def first_line(error: RayError) -> str:
    """An error's kind and the first line of what it says."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


def cause_of(error: RayError) -> BaseException:
    """The exception that a task raised, or the error itself."""
    return error.cause if isinstance(error, RayTaskError) else error
