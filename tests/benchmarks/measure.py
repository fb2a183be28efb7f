"""Run a command and watch what it costs: wall time, and the memory of all its processes together."""

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 1.0


@dataclass(frozen=True)
class Measured:
    """One watched command. `peak_bytes` is the largest proportional set size (shared memory counted once)."""

    command: str
    seconds: float
    peak_bytes: int
    output: str


def watched(arguments: Sequence[str], show: bool = True) -> Measured:
    """Run a command to its end, sampling the memory of its process tree once a second.

    Raises CalledProcessError where it does not end with 0.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = [0]
    sampler = threading.Thread(target=_sample, args=(process, peak), daemon=True)
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
    return Measured(shown, time.perf_counter() - begun, peak[0], "".join(lines))


def _sample(process: subprocess.Popen[str], peak: list[int]) -> None:
    root = psutil.Process(process.pid)
    while process.poll() is None:
        peak[0] = max(peak[0], _tree_bytes(root))
        try:
            process.wait(SAMPLE_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _tree_bytes(root: psutil.Process) -> int:
    total = 0
    for process in (root, *_children(root)):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue  # it ended between being listed and being asked
    return total


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
