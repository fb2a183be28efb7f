"""A real `knockcast run` in a process of its own, and what may be done to it while it works."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil

SHARD_PATIENCE = 5.0  # seconds, for a worker at work
PATIENCE = 300.0  # seconds, for a command that starts Ray on a machine with other work


class Driver:
    """A run whose output goes to `log`; `family` gathers every process it was seen to have."""

    def __init__(self, arguments: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self.log, self.family = log, dict[int, psutil.Process]()
        with log.open("ab") as output:
            command = [sys.executable, "-m", "cluster", *arguments]
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | environment
            )

    def look(self) -> bool:
        """Note the processes there are; whether the run still goes on."""
        try:
            for process in psutil.Process(self.process.pid).children(recursive=True):
                self.family.setdefault(process.pid, process)
        except psutil.NoSuchProcess:
            pass
        return self.process.poll() is None

    def wait_for(self, done: Callable[[], bool]) -> bool:
        """Wait until something is so; False where the run ended before."""
        until = time.monotonic() + PATIENCE
        while self.look():
            if done():
                return True
            if time.monotonic() > until:
                self.process.kill()
                raise AssertionError(f"no progress in {PATIENCE:.0f} s:\n{self.log.read_text()}")
            time.sleep(0.05)  # between looks at the store
        return False

    def go_on_for(self, seconds: float) -> bool:
        """Let it work so long; False where the run ended before."""
        until = time.monotonic() + seconds
        return self.wait_for(lambda: time.monotonic() >= until)

    def end(self) -> int:
        """Wait for the run's own end; its exit code."""
        self.wait_for(lambda: False)
        return self.process.wait()

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory is short: no handler runs."""
        self.look()
        self.process.kill()
        self.process.wait()

    def stand_still(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later."""
        driver = psutil.Process(self.process.pid)
        driver.suspend()
        time.sleep(seconds)  # the fault itself
        driver.resume()

    def kill_worker(self, rng: Random) -> bool:
        """SIGKILL one of Ray's workers while it runs a shard, some milliseconds; False if none does."""
        if not any(_title(process).startswith("ray::") for process in self.family.values()):
            return False
        until = time.monotonic() + SHARD_PATIENCE
        while self.look() and time.monotonic() < until:
            workers = [process for process in self.family.values() if _runs_a_shard(process)]
            if workers:
                with suppress(psutil.NoSuchProcess):
                    rng.choice(workers).kill()
                    return True
            time.sleep(0.005)  # between looks at what runs
        return False


def _runs_a_shard(process: psutil.Process) -> bool:
    """Agents have such titles, too, and a raylet dies with them."""
    title = _title(process)
    return title.startswith("ray::") and " shard " in title


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return ""


def left_over(family: dict[int, psutil.Process], patience: float = 120.0) -> list[str]:
    """The processes that have not ended in time, by command line; they are killed."""
    _, alive = psutil.wait_procs(list(family.values()), timeout=patience)
    left = []
    for process in alive:
        try:
            left.append(f"{process.pid} {' '.join(process.cmdline())[:200]}")
            process.kill()
        except psutil.NoSuchProcess:
            continue
    return left
