"""A small process beside the driver of a Ray of our own. Where the driver is killed, it ends Ray's agents.

Ray's servers end with the driver, its agents a minute later: they wait that long for a head that is gone.
The guardian is told of them through a pipe; where the driver ends in order, it ends the guardian first, so a
pipe that closes means that the driver was killed. Run as a script, this file must need nothing but Python.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROCESSES = Path("/proc")  # which only Linux has: elsewhere nothing is ended
PARENT, BEGUN = 1, 19  # in /proc/PID/stat, behind the name: the parent's number, when it began

Process = tuple[int, str]  # its number, and when it began


@contextmanager
def guarded(before: Collection[Process]) -> Iterator[None]:
    """Have what this process has begun since `before` ended where it is killed, if a guardian can be had."""
    guardian = _started([each for each in begun_by(os.getpid()) if each not in before])
    try:
        yield
    finally:
        if guardian is not None:
            guardian.kill()
            with suppress(OSError):
                guardian.communicate()


def _started(processes: list[Process]) -> "subprocess.Popen[bytes] | None":
    with suppress(OSError):
        guardian = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the driver
        )
        if guardian.stdin is not None:
            guardian.stdin.write(json.dumps(processes).encode() + b"\n")
            guardian.stdin.flush()
        return guardian
    return None


def begun_by(pid: int) -> list[Process]:
    """The processes below one."""
    known = {int(each.name): facts for each in PROCESSES.glob("[0-9]*") if (facts := _facts(each))}
    found, ahead = list[Process](), [pid]
    while ahead:
        parent = ahead.pop()
        children = [(one, begun) for one, (above, begun) in known.items() if above == parent]
        found += children
        ahead += [one for one, _ in children]
    return found


def _facts(process: Path) -> tuple[int, str] | None:
    try:
        words = (process / "stat").read_bytes().rpartition(b")")[2].split()  # a name may be any bytes
    except OSError:  # it has just ended
        return None
    return int(words[PARENT]), words[BEGUN].decode()


def main() -> None:
    """Wait for the driver's end."""
    told = json.loads(sys.stdin.readline() or "[]")
    sys.stdin.read()
    for pid, begun in told:
        if (facts := _facts(PROCESSES / str(pid))) and facts[1] == begun:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
