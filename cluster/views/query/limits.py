"""What a query may take: seconds, and memory beyond what DuckDB itself counts.

DuckDB bounds its buffers by `memory_limit`. A list that one function makes (`SELECT range(3000000000)`) is no
buffer, so a command's own process is bounded by the system as well.
"""

import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import duckdb

from cluster.errors import StuckError
from tasks.errors import BadInputError

TIME_LIMIT = 300.0  # seconds
BEYOND = (
    6 * 10**9
)  # bytes that a command's process may allocate while a query runs: DuckDB's, and some batches
PATIENCE = 3.0  # seconds in which DuckDB should have heard an interruption
_HEARD = 0.1  # seconds after which Ctrl-C and the clock are looked at again

Result = TypeVar("Result")


def require_time(seconds: float) -> None:
    """Raise BadInputError for a time limit that is none."""
    if not seconds > 0:  # nan as well
        raise BadInputError(f"time limit {seconds:g}: expected seconds, more than 0")


class Running:
    """Calls on a connection while a query runs, each ended by Ctrl-C or when the time is over.

    They are made in a thread of their own: DuckDB may not look for Ctrl-C in ours until the query has ended.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._deadline: float | None = None  # the time runs from the first call
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self.is_stuck = False  # DuckDB did not hear that it should stop: nobody may wait for it
        self._thread = threading.Thread(target=_serve, args=(self._work,), daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], Result]) -> Result:
        """What the work returns. BadInputError when the time is over, KeyboardInterrupt after Ctrl-C.

        StuckError is the BadInputError of work that goes on nevertheless.
        """
        if self._deadline is None:
            self._deadline = time.monotonic() + self._seconds
        answer: Future[Result] = Future()
        self._work.put((answer, work))
        try:
            while not answer.done():  # a signal another thread took is only seen when a wait ends
                self._require_time_left()
                wait([answer], timeout=_HEARD)
            self._require_time_left()
            return answer.result()
        except KeyboardInterrupt:
            self._interrupt(answer)
            raise
        except BadInputError as error:
            self._interrupt(answer)
            if self.is_stuck:
                raise StuckError(error.problems) from None
            raise

    def close(self) -> None:
        """Let the thread go, and the connection with it."""
        self._work.put(None)
        if not self.is_stuck:
            self._connection.interrupt()  # a result of which only the beginning was read
            self._connection.close()
            self._thread.join(PATIENCE)  # else Python may end before it has let DuckDB's objects go

    def _require_time_left(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise BadInputError(
                f"the query was ended after {self._seconds:g} seconds: select fewer rows, join on columns, "
                "or allow more by --time-limit SECONDS (in Python time_limit)"
            )

    def _interrupt(self, answer: "Future[Any]") -> None:
        self.is_stuck = not answer.done()
        until = time.monotonic() + PATIENCE
        while not answer.done() and time.monotonic() < until:  # again, should the query only begin now
            self._connection.interrupt()
            wait([answer], timeout=_HEARD)
        self.is_stuck = not answer.done()


def _serve(work: "SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]") -> None:
    while (item := work.get()) is not None:
        answer, call = item
        try:
            answer.set_result(call())
        except BaseException as error:  # whoever waits for the answer raises it
            answer.set_exception(error)


@contextmanager
def memory_bounded(most: int = BEYOND) -> Iterator[None]:
    """This process may allocate `most` bytes more than now, on Linux; what wants more gets MemoryError."""
    try:
        used = next(
            int(line.split()[1]) * 1024
            for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
            if line.startswith("VmData:")
        )
    except (OSError, StopIteration):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = min(bound for bound in (used + most, soft, hard) if bound != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
