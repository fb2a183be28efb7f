"""What shards share, prepared by Ray tasks: one for each method and fold, and again where it fails.

The task sends back a stream: where it has begun, what it has prepared (which stays in the object store), and
a sign that this is whole. Ray repeats nothing itself: every failure is seen and counted here, and tried again
on another node.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any

import ray
from ray.exceptions import RayError

from cluster.ray_engine.failures import StorageTrouble, described, kind_of, raise_if_no_shards_fault
from cluster.ray_engine.nodes import Nodes
from cluster.ray_engine.remote import prepare_method_fold
from cluster.scheduling.preparing import FailedPreparations
from cluster.scheduling.shards import FailureKind
from cluster.store.units import MethodFold


@dataclass
class _Preparing:
    method_fold: MethodFold
    kept_off: frozenset[str]  # nodes that may not run it
    number: int  # differs for every try
    node: str = ""  # where it runs, once it has begun
    data: Any = None


class Preparations:
    """The preparations of one executor, by method and fold."""

    def __init__(
        self,
        code: Any,
        shared: Any,
        nodes: Nodes,
        trouble: StorageTrouble,
        memory: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """`memory`: bytes that a worker needs, by method."""
        self._trouble, self._memory = trouble, memory
        self._code, self._shared, self._nodes = code, shared, nodes
        self._task: Any = ray.remote(
            num_cpus=1, max_retries=0, retry_exceptions=False, num_returns="streaming"
        )(prepare_method_fold)
        self._running: dict[Any, _Preparing] = {}  # by the task's stream of signs
        self._streams: dict[MethodFold, Any] = {}  # of those that run
        self._done: dict[MethodFold, Any] = {}
        self._failed = FailedPreparations()
        self._numbers = count()

    def ask_for(self, method_fold: MethodFold, avoided: Collection[str] = ()) -> None:
        """Let it be prepared, off some nodes, unless it is or was."""
        if method_fold in self._done or method_fold in self._streams:
            return
        avoided = {*avoided, *self._failed.nodes(method_fold)}
        options = self._nodes.without(avoided)
        memory = self._nodes.memory_for(self._memory.get(method_fold.method, 0))
        task = self._task.options(name=f"prepare {method_fold}", **memory, **options)
        stream = task.remote(self._code, self._shared, method_fold)
        self._running[stream] = _Preparing(
            method_fold, frozenset(avoided if options else ()), next(self._numbers)
        )
        self._streams[method_fold] = stream

    def data(self, method_fold: MethodFold) -> Any:
        """A reference to what was prepared; None as long as it is not."""
        return self._done.get(method_fold)

    @property
    def streams(self) -> list[Any]:
        """What to wait for."""
        return list(self._running)

    @property
    def begun(self) -> dict[MethodFold, int]:
        """Those that were seen to begin, and run; the number differs for every try."""
        return {each.method_fold: each.number for each in self._running.values() if each.node}

    def take_from(self, stream: Any) -> None:
        """Take in what a preparation sends; PreparationError or ClusterError after too many failures."""
        preparing = self._running.get(stream)
        if preparing is None:
            return
        try:
            sent = next(stream)
            if preparing.node and preparing.data is None:  # not fetched: it may be large, and elsewhere
                preparing.data = sent
                sent = next(stream)
            sign = ray.get(sent)
        except (RayError, StopIteration) as error:
            self._take_failure(preparing, error)
        else:
            if preparing.data is None:
                preparing.node = sign
                return
            self._forget(preparing.method_fold)
            self._done[preparing.method_fold] = preparing.data

    def give_up(self, method_fold: MethodFold, kind: FailureKind, error: str) -> None:
        """Count one that runs as failed, and begin it again elsewhere."""
        stream = self._streams[method_fold]
        node = self._running[stream].node
        self._forget(method_fold)
        ray.cancel(stream, force=True)
        self._failed.add(method_fold, kind, error, node)
        self.ask_for(method_fold)

    def cancel_stranded(self) -> None:
        """Take back what only nodes could prepare that have died meanwhile; it is then begun anywhere."""
        for stream, preparing in self._running.items():
            stranded = preparing.kept_off and self._nodes.are_all_in(preparing.kept_off)
            if stranded and not preparing.node:
                preparing.kept_off = frozenset()
                ray.cancel(stream, force=True)

    def lose(self, method_fold: MethodFold, data: Any, error: str) -> None:
        """What was prepared has gone with its node: it is made again, once however many shards say so."""
        if self._done.get(method_fold) is data:
            del self._done[method_fold]
            self._failed.add(method_fold, "node", error)

    def release(self, method_fold: MethodFold) -> None:
        """Let what was prepared leave the object store."""
        self._done.pop(method_fold, None)

    def close(self) -> None:
        """Forget everything."""
        self._running.clear()
        self._streams.clear()
        self._done.clear()

    def _take_failure(self, preparing: _Preparing, error: RayError | StopIteration) -> None:
        if preparing.data is not None and isinstance(error, StopIteration):
            try:  # the stream ended where the data should be: that is the error
                ray.get(preparing.data)
            except RayError as behind:
                error = behind
        self._forget(preparing.method_fold)
        if isinstance(error, StopIteration):
            self._failed.add(preparing.method_fold, "killed", "its worker ended", preparing.node)
        else:
            of_node = self._trouble.is_of_one_node(error, preparing.node)
            if not of_node:
                raise_if_no_shards_fault(error)
            kind = "node" if of_node else kind_of(error)
            self._failed.add(preparing.method_fold, kind, described(error), preparing.node)
        self.ask_for(preparing.method_fold)

    def _forget(self, method_fold: MethodFold) -> None:
        del self._running[self._streams.pop(method_fold)]
