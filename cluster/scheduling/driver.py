"""One run from its first shard to the seal, and how it ended."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from cluster.errors import ExitCode
from cluster.observing.events import Observer, Silent
from cluster.scheduling.deadlines import Deadlines
from cluster.scheduling.executor import Executor
from cluster.scheduling.ledger import Ledger
from cluster.scheduling.loop import DriverLoop
from cluster.scheduling.reporting import Reporter
from cluster.scheduling.shards import Shard
from cluster.store import layout
from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from cluster.store.writer import StoreWriter


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `stories` has, for each quarantined unit, what happened to it."""

    done: int
    failures: int
    quarantined: dict[Unit, tuple[str, ...]]
    stories: dict[Unit, list[str]]
    interrupted: bool
    sealed: bool
    seconds: float

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        return ExitCode.QUARANTINED if self.quarantined else ExitCode.DONE


def drive(
    writer: StoreWriter,
    shards: Sequence[Shard],
    executor: Executor,
    *,
    deadlines: Deadlines | None = None,
    retried: frozenset[Unit] = frozenset(),
    observer: Observer | None = None,
    compiling: bool | None = False,
    done_before: int = 0,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Run `shards` and seal the store if that leaves nothing wanted.

    The run is open in `writer` and its plan added. `retried` units (`--retry-failed`) start with a clean
    slate; `done_before` counts the units that earlier runs committed. Ctrl-C or SIGTERM ends the run early,
    with `interrupted` set; what is committed stays. Raises StorageError, RefusedError, BadInputError,
    PreparationError or ClusterError where the run cannot go on. `pause` waits where nothing can be done.
    `compiling`: nothing was compiled yet where the work is done, so that nothing is to be seen for a while;
    None where that is not known.
    """
    ledger = Ledger(shards, writer.run_digest, executor.slots, _committed(writer, shards), done_before)
    deadlines, observer = deadlines or Deadlines(), observer or Silent()
    reporter = Reporter(observer, ledger, clock, deadlines.estimate, compiling)
    loop = DriverLoop(
        writer, ledger, executor, reporter, deadlines=deadlines, retried=retried, clock=clock, pause=pause
    )
    begun = clock()
    try:
        reporter.begin(shards, done_before=done_before)
        interrupted = _run(loop, executor)
        sealed = not interrupted and seal_if_done(writer)
        stories = {unit: ledger.story(unit) for unit in ledger.quarantined}
        outcome = Outcome(
            *(len(ledger.done), ledger.failures, ledger.quarantined, stories, interrupted, sealed),
            clock() - begun,
        )
        reporter.end(
            done=outcome.done,
            failures=outcome.failures,
            quarantined=len(outcome.quarantined),
            interrupted=interrupted,
            sealed=sealed,
            seconds=outcome.seconds,
        )
    except BaseException as error:
        reporter.end(error=f"{type(error).__name__}: {error}".splitlines()[0])
        raise
    else:
        return outcome
    finally:
        observer.close()


def _run(loop: DriverLoop, executor: Executor) -> bool:
    """Run to the end, or to an interruption, which is what it returns."""
    try:
        with sigterm_as_interrupt():
            loop.run()
    except KeyboardInterrupt:
        loop.drain()
        return True
    finally:
        executor.close()
    return False


def seal_if_done(writer: StoreWriter) -> bool:
    """Write _SUCCESS if every wanted unit is committed; returns whether that is so.

    Another driver may ask for more meanwhile, so the store is looked at again once it is sealed, and unsealed
    if work is left. A store that wants nothing (its plans were moved aside) is never done.
    """
    reader = StoreReader(writer.fs)
    if _is_done(reader):
        writer.seal()
        reader.refresh()
        if _is_done(reader):
            return True
    writer.unseal()
    return False


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Within: SIGTERM raises KeyboardInterrupt, as Ctrl-C does. Outside the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _committed(writer: StoreWriter, shards: Sequence[Shard]) -> set[str]:
    """Of the commits that shards read, those that are there."""
    read = {key for shard in shards for key in shard.dependencies}
    return {key for key in read if writer.fs.exists(layout.commit_path(key))}


def _is_done(reader: StoreReader) -> bool:
    wanted = reader.wanted_units()
    return bool(wanted) and reader.committed_units().keys() >= wanted
