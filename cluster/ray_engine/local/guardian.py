"""A small process beside the driver of a Ray of our own. Where the driver is killed, it ends what is left.

Ray's servers end with the driver, its agents a minute later: they wait that long for a head that is gone.
The driver tells the guardian of them, and says goodbye in the end; a pipe that closes without it means that
the driver was killed. Run as a script, this file must need nothing but Python.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from time import sleep

PROCESSES = Path("/proc")  # which only Linux has: elsewhere nothing is ended
PARENT, BEGUN = 1, 19  # in /proc/PID/stat, behind the name: the parent's number, when it began
REMOVALS = 100  # tries, a tenth of a second apart: workers notice a few seconds later


@contextmanager
def guarded(folder: str) -> Iterator[None]:
    """Have the processes that this one has begun by now ended, and the folder removed, if it is killed."""
    told = {"processes": begun_by(os.getpid()), "folder": folder}
    guardian = subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the driver
        text=True,
    )
    try:
        with suppress(OSError):  # it was killed itself
            _tell(guardian, json.dumps(told))
        yield
    finally:
        with suppress(OSError):
            _tell(guardian, "goodbye")
        with suppress(OSError):
            guardian.communicate()


def _tell(guardian: "subprocess.Popen[str]", line: str) -> None:
    assert guardian.stdin is not None  # noqa: S101 - it was asked for
    guardian.stdin.write(f"{line}\n")
    guardian.stdin.flush()


def begun_by(pid: int) -> list[tuple[int, str]]:
    """The number of each process below one, and when it began."""
    known = {int(each.name): facts for each in PROCESSES.glob("[0-9]*") if (facts := _facts(each))}
    found, ahead = list[tuple[int, str]](), [pid]
    while ahead:
        parent = ahead.pop()
        children = [(one, begun) for one, (above, begun) in known.items() if above == parent]
        found += children
        ahead += [one for one, _ in children]
    return found


def _facts(process: Path) -> tuple[int, str] | None:
    try:
        words = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return None
    return int(words[PARENT]), words[BEGUN]


def main() -> None:
    """Wait for the driver's end."""
    told = json.loads(sys.stdin.readline() or "null")
    if told is None or sys.stdin.readline():
        return
    for pid, begun in told["processes"]:
        if (facts := _facts(PROCESSES / str(pid))) and facts[1] == begun:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    for _ in range(REMOVALS):
        rmtree(told["folder"], ignore_errors=True)
        sleep(0.1)


if __name__ == "__main__":
    main()
