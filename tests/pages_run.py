"""Pages run as they are written: each `$ command` in order, its output compared with the page's.

A page's examples are its indented blocks. A line that begins with `$ ` is a command; the lines after it, as
far as the block goes, are what it prints. `...` stands for anything, blanks count once, and a number may
differ in its last digits, as far as `tolerance` says.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROMPT = "    $ "
NUMBER = re.compile(r"[-−+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Example:
    """A command of a page, what the page says it prints, and the line it stands on."""

    command: str
    printed: str
    line: int


def examples_of(page: Path) -> Iterator[Example]:
    """The commands of a page, in order. One goes on after a backslash, and inside quotes."""
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        if not lines[at].startswith(PROMPT):
            at += 1
            continue
        start, command = at, lines[at].removeprefix(PROMPT)
        at += 1
        while command.endswith("\\") or command.count('"') % 2:
            command = command.removesuffix("\\") + " " + lines[at].strip()
            at += 1
        printed = []
        while at < len(lines) and lines[at].startswith("    ") and not lines[at].startswith(PROMPT):
            printed.append(lines[at].strip())
            at += 1
        yield Example(command, "\n".join(printed), start + 1)


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """By the shell, with the `knockcast` of this environment first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,  # of machines that do much else
    )


def agrees(printed: str, expected: str, tolerance: float) -> bool:
    """Whether the words of a page are those that were printed, its numbers within `tolerance` (absolute)."""
    words, found = expected.split(), printed.split()
    return _agree(words, found, tolerance)


def _agree(expected: list[str], found: list[str], tolerance: float) -> bool:
    """Word by word; `...` takes as many as it needs, the fewest first."""
    if not expected:
        return not found
    if expected[0] == "...":
        return any(_agree(expected[1:], found[i:], tolerance) for i in range(len(found) + 1))
    return (
        bool(found)
        and _alike(expected[0], found[0], tolerance)
        and _agree(expected[1:], found[1:], tolerance)
    )


def _alike(expected: str, found: str, tolerance: float) -> bool:
    if NUMBER.sub("#", expected) != NUMBER.sub("#", found):
        return False
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(found), strict=True)
    return all(abs(_value(a) - _value(b)) <= tolerance for a, b in pairs)


def _value(text: str) -> float:
    return float(text.replace("−", "-"))
