"""Work in this process that hangs: what it has finished is committed, and it is interrupted.

Python code and system calls answer to an interruption, as to Ctrl-C. Native code that does not cannot be
ended without its process; then that ends, and says what to do.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.errors import ExitCode
from cluster.scheduling.signs import Limit, Signs, no_progress, part_seconds, report_seconds

GRACE_SECONDS = 60.0  # from the interruption to the end of the process


class HungError(Exception):
    """The work made no progress for `seconds`, and was interrupted."""

    def __init__(self, seconds: float) -> None:
        super().__init__(no_progress(seconds))
        self.seconds = seconds


def is_interruption(error: BaseException) -> bool:
    """Whether an interruption lies behind an error: in compiled code it comes out as a SystemError."""
    behind = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt) or (behind is not None and is_interruption(behind))


@contextmanager
def watched(signs: Signs, limit: Limit | None, name: str, grace: float = GRACE_SECONDS) -> Iterator[None]:
    """Within: what is finished is committed now and then, and HungError ends what is quiet for too long.

    Only in the main thread, where Python takes interruptions; elsewhere, as in a notebook's helper thread,
    nothing is ended. `name` says what runs, for the message.
    """
    dog = _Watchdog(signs, limit, name, grace)
    dog.start()
    try:
        try:
            yield
        finally:
            dog.stop()
    except BaseException as error:
        if dog.has_bitten and is_interruption(error):
            raise HungError(dog.limit.quiet) from error
        raise


class _Watchdog(threading.Thread):
    def __init__(self, signs: Signs, limit: Limit | None, name: str, grace: float) -> None:
        super().__init__(daemon=True)
        self.limit = limit or Limit(float("inf"))
        self.has_bitten = False
        self._signs, self._name, self._grace = signs, name, grace
        self._looks, self._keeps = report_seconds(limit), part_seconds(limit)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._in_main = threading.current_thread() is threading.main_thread()

    def stop(self) -> None:
        """The work has ended. An interruption that was on its way arrives here at the latest."""
        with self._lock:
            self._over.set()
        if self.has_bitten:
            time.sleep(0.01)

    def run(self) -> None:
        """Look every few seconds."""
        seen, since = self._signs.latest, time.monotonic()
        kept = looked = since
        while not self._over.wait(self._looks):
            now = time.monotonic()
            since += max(0.0, now - looked - 2 * self._looks)  # this process stood still
            looked = now
            if self._signs.latest.steps != seen.steps:
                seen = self._signs.latest
                self.limit, since = self.limit.after(now - since), now
            late = now - since > self.limit.quiet
            if late or now - kept > self._keeps:
                self._signs.keep()
                kept = now
            if late and self._in_main:
                self._bite()
                return

    def _bite(self) -> None:
        """Interrupt the main thread; end the process where that changes nothing."""
        number = signal.SIGTERM if callable(signal.getsignal(signal.SIGTERM)) else signal.SIGINT
        with self._lock:
            if self._over.is_set():
                return
            if callable(signal.getsignal(number)):
                self.has_bitten = True
                signal.pthread_kill(threading.main_thread().ident or 0, number)
        if not self._over.wait(self._grace):
            print(
                f"{self._name}: {no_progress(self.limit.quiet)}; it does not answer to an interruption, so "
                "this process ends. What is committed stays: `knockcast resume` on the store does the rest; "
                "with --workers 1, in a process of its own, a target that hangs is set aside",
                file=sys.stderr,
                flush=True,
            )
            os._exit(ExitCode.STORAGE)
