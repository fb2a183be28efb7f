"""`python -m tests.promises` runs each test that docs/reliability.md names and writes there what it measured.

A row of its tables is `| promise | how it is tried | measured | test |`. A test is a file, or a file and
words of its tests' names as pytest takes them: `tests/chaos/test_faults.py -k node`. What a test counted
it says by the fixture `measured`; whole numbers of a row's tests are added up, of others the largest stands.
"""

import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET  # our own pytest writes it
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reliability.md"
Measured = Callable[..., None]
RUNS = (  # as the Makefile's targets: what Ray or Chromium leave in a process is in the way of others
    "not ray and not chaos and not torture and not browser",
    "ray and not chaos and not torture",
    "chaos or torture",
    "browser",
)
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?: -k (?:\"([^\"]+)\"|(\w+)))?`")


@dataclass(frozen=True)
class Case:
    """A test that ran: its module (and class), its name, how it ended, and what it measured."""

    module: str
    name: str
    ending: str
    counts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Named:
    """A file of tests, and words of which one must be in a test's name."""

    file: str
    words: tuple[str, ...]

    def has(self, case: Case) -> bool:
        """Whether it names the test."""
        module = self.file.removesuffix(".py").replace("/", ".")
        return f"{case.module}.".startswith(f"{module}.") and any(word in case.name for word in self.words)


def named_in(line: str) -> tuple[Named, ...]:
    """The tests that a line of the page names in its last cell, if it is a row of four cells."""
    cells = line.strip().strip("|").split(" | ")
    if not line.startswith("| ") or len(cells) != 4:
        return ()
    found = (
        Named(file, tuple((some or one or "").split(" or "))) for file, some, one in _NAMED.findall(cells[3])
    )
    return tuple(found)


def cases_of(xml: Path) -> Iterator[Case]:
    """The tests in a file that pytest's `--junitxml` wrote."""
    for case in ET.parse(xml).getroot().iter("testcase"):  # noqa: S314 - as above
        bad = {"failure": "failed", "error": "failed", "skipped": "skipped"}
        ending = next((bad[child.tag] for child in case if child.tag in bad), "passed")
        counts = ((each.attrib["name"], each.attrib["value"]) for each in case.iter("property"))
        yield Case(case.attrib["classname"], case.attrib["name"], ending, tuple(counts))


def figure(cases: Sequence[Case]) -> str:
    """What a row's tests measured, in words."""
    counts: dict[str, float] = {}
    for name, text in (count for case in cases for count in case.counts):
        value = float(text) if "." in text else int(text)
        if isinstance(value, float):
            counts[name] = max(value, counts.get(name, 0.0))
        else:
            counts[name] = counts.get(name, 0) + value
    said = [f"{name}: {_shown(value)}" for name, value in counts.items()]
    for ending in ("passed", "skipped", "failed"):
        number = sum(case.ending == ending for case in cases)
        said += [f"tests {ending}: {number}"] if number else []
    return ", ".join(said) or "no test ran"


def _shown(value: float) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def with_figures(page: str, cases: Sequence[Case]) -> str:
    """The page with the third cell of each row as measured."""
    return "\n".join(_with_figure(line, cases) for line in page.split("\n"))


def _with_figure(line: str, cases: Sequence[Case]) -> str:
    named = named_in(line)
    if not named:
        return line
    promise, how, _, tests = line.split(" | ")
    return " | ".join((promise, how, figure([c for c in cases if any(n.has(c) for n in named)]), tests))


def main() -> int:
    """The worst exit status of pytest; the page is written anew where all passed."""
    page = PAGE.read_text(encoding="utf-8")
    files = sorted({each.file for line in page.split("\n") for each in named_in(line)})
    with tempfile.TemporaryDirectory() as folder:
        xml = Path(folder) / "tests.xml"
        ended, cases = list[int](), list[Case]()
        for marks in RUNS:
            ended.append(run_tests(files, marks, xml))
            cases += cases_of(xml)
    text, status = with_figures(page, cases), max(ended)
    print("\n".join(line for line in text.split("\n") if named_in(line)))
    if status == 0:
        PAGE.write_text(text, encoding="utf-8")
    return status


def run_tests(files: Sequence[str], marks: str, xml: Path) -> int:
    """Run the tests of these marks, two files at a time; pytest's exit status."""
    words = f"-q -n 2 --dist loadfile --junitxml={xml}".split()
    command = [sys.executable, "-m", "pytest", "-m", marks, *words, *files]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
