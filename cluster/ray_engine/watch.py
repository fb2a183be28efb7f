"""Whether Ray's head and its raylet on this machine are there while a run waits for its workers.

Without its head Ray ends the process after a minute, with a message of its own and exit code 1. Without its
raylet no task starts any more, and those that ran never end.
"""

import os
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cluster.errors import ClusterError, ExitCode

LOOK_SECONDS = 5.0
LOOKS = 6  # without an answer, one after the other, until one is given up: half of Ray's minute
GRACE_SECONDS = 10.0  # for the run to end by itself, which Ray may prevent


class RayWatch:
    """Looks after what listens at some addresses (HOST:PORT, by name).

    A machine that is only busy still answers: its kernel takes the connection.
    """

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = dict(addresses)
        self._missed = dict.fromkeys(addresses, 0)
        self._message = ""
        self.lost = threading.Event()
        self._over = threading.Event()

    def check(self) -> None:
        """Raise ClusterError if one does not answer any more."""
        if self.lost.is_set():
            raise ClusterError(self._message)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within: another thread looks, and ends the process where `check` is not asked in time."""
        threading.Thread(target=self._watch, name="looks after Ray", daemon=True).start()
        try:
            yield
        finally:
            self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            for name, address in self._addresses.items():
                self._missed[name] = 0 if _answers(address) else self._missed[name] + 1
            gone = [name for name, missed in self._missed.items() if missed >= LOOKS]
            if gone:
                self._give_up(gone[0])
                return

    def _give_up(self, name: str) -> None:
        self._message = (
            f"{self._addresses[name]}: {name} has not answered for {LOOK_SECONDS * LOOKS:.0f} s; what is "
            "committed stays: `knockcast resume` on the store does the rest, once Ray is up again or on "
            "another cluster"
        )
        self.lost.set()
        if not self._over.wait(GRACE_SECONDS):
            print(f"error: {self._message}", file=sys.stderr, flush=True)
            os._exit(ExitCode.STORAGE)


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), LOOK_SECONDS).close()
    except OSError:
        return False
    return True
