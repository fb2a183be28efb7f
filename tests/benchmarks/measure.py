"""Run a command and watch what it costs: wall time, and the memory of all its processes together."""

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SAMPLE_SECONDS = 1.0


@dataclass(frozen=True)
class Measured:
    """One watched command, of all its processes together.

    `peak_bytes` is the largest proportional set size (shared memory counted once), `cpu_seconds` what the
    processors worked for it, and `others` how many cores worked for anything else meanwhile, on average.
    """

    command: str
    seconds: float
    peak_bytes: int
    output: str
    cpu_seconds: float
    others: float


def watched(arguments: Sequence[str], show: bool = True) -> Measured:
    """Run a command to its end, sampling its process tree once a second.

    Raises CalledProcessError where it does not end with 0.
    """
    begun, all_begun = time.perf_counter(), _busy_seconds()
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seen = _Seen()
    sampler = threading.Thread(target=_sample, args=(process, seen), daemon=True)
    sampler.start()
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if show:
            sys.stdout.write(line)
    code = process.wait()
    sampler.join()
    if code:
        raise subprocess.CalledProcessError(code, list(arguments), "".join(lines))
    shown = (
        " ".join(["knockcast", *arguments[1:]]) if arguments[0].endswith("knockcast") else " ".join(arguments)
    )
    seconds, cpu = time.perf_counter() - begun, sum(seen.cpu_seconds.values())
    others = max(0.0, _busy_seconds() - all_begun - cpu) / seconds
    return Measured(shown, seconds, seen.peak_bytes, "".join(lines), cpu, others)


@dataclass
class _Seen:
    """What sampling has seen so far; `cpu_seconds` of each process, by its id."""

    peak_bytes: int = 0
    cpu_seconds: dict[int, float] = field(default_factory=dict)


def _sample(process: subprocess.Popen[str], seen: _Seen) -> None:
    root = psutil.Process(process.pid)
    while process.poll() is None:
        seen.peak_bytes = max(seen.peak_bytes, _look(root, seen.cpu_seconds))
        try:
            process.wait(SAMPLE_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _look(root: psutil.Process, cpu_seconds: dict[int, float]) -> int:
    """The memory of a process tree now; its processes' CPU time so far goes into `cpu_seconds`."""
    total = 0
    for process in (root, *_children(root)):
        try:
            total += process.memory_full_info().pss
            times = process.cpu_times()
            cpu_seconds[process.pid] = times.user + times.system
        except psutil.Error:
            continue  # it ended between being listed and being asked
    return total


def _busy_seconds() -> float:
    """What all cores have worked so far, for anything."""
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.Error:
        return []


def machine() -> str:
    """This machine in one line: processor, cores, memory, Python."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
