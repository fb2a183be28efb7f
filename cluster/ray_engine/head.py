"""Whether Ray's head still answers while a run waits for its workers.

Without its head Ray ends the process after a minute, with a message of its own and exit code 1.
"""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.errors import ClusterError, ExitCode

LOOK_SECONDS = 5.0
LOOKS = 6  # without an answer, one after the other, until the head is given up: half of Ray's minute
GRACE_SECONDS = 10.0  # for the run to end by itself, which Ray may prevent


class Head:
    """The head at HOST:PORT. A machine that is only busy still answers: its kernel takes the connection."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.lost = threading.Event()
        self._over = threading.Event()

    def check(self) -> None:
        """Raise ClusterError if it does not answer any more."""
        if self.lost.is_set():
            raise ClusterError(self._message)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within: another thread looks after it, and ends the process where `check` is not asked in time."""
        thread = threading.Thread(target=self._watch, name="looks after Ray's head", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()

    @property
    def _message(self) -> str:
        return (
            f"{self._address}: Ray's head has not answered for {LOOK_SECONDS * LOOKS:.0f} s; what is "
            "committed stays: `knockcast resume` on the store does the rest, on this cluster once it is up "
            "again, or on another"
        )

    def _watch(self) -> None:
        missed = 0
        while not self._over.wait(LOOK_SECONDS):
            missed = 0 if self._answers() else missed + 1
            if missed < LOOKS:
                continue
            self.lost.set()
            if not self._over.wait(GRACE_SECONDS):
                print(f"error: {self._message}", file=sys.stderr, flush=True)
                os._exit(ExitCode.STORAGE)
            return

    def _answers(self) -> bool:
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), LOOK_SECONDS).close()
        except OSError:
            return False
        return True
