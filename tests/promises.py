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
        if text.isdecimal():
            counts[name] = counts.get(name, 0) + int(text)
        else:
            counts[name] = max(float(text), counts.get(name, 0.0))
    said = [f"{name}: {_shown(value)}" for name, value in counts.items()]
    for ending in ("passed", "skipped", "failed"):
        number = sum(case.ending == ending for case in cases)
        said += [f"tests {ending}: {number}"] if number else []
    return ", ".join(said) or "no test ran"


def _shown(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


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
    """0 where all tests ran and passed: the page is then written anew; else 1."""
    page = PAGE.read_text(encoding="utf-8")
    files = sorted({each.file for line in page.split("\n") for each in named_in(line)})
    with tempfile.TemporaryDirectory() as folder:
        files_of = [Path(folder) / f"{number}.xml" for number, _ in enumerate(RUNS)]
        ended = [run_tests(files, marks, xml) for marks, xml in zip(RUNS, files_of, strict=True)]
        cases = [case for xml in files_of if xml.exists() for case in cases_of(xml)]
    text = with_figures(page, cases)
    rows = [line for line in text.split("\n") if named_in(line)]
    print("\n".join(rows))
    unproved = [line for line in rows if not is_proved(line)]
    if any(ended) or unproved:
        print(
            "\n".join(["\nthe page stays as it was: failed, skipped or not run:", *unproved]), file=sys.stderr
        )
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


def is_proved(line: str) -> bool:
    """Whether all tests of a row ran and passed, as its figure says."""
    measured = line.split(" | ")[2]
    return "tests passed: " in measured and not re.search("tests (skipped|failed)", measured)


def run_tests(files: Sequence[str], marks: str, xml: Path) -> int:
    """Run the tests of these marks, two files at a time; pytest's exit status."""
    words = f"-q -n 2 --dist loadfile --junitxml={xml}".split()
    command = [sys.executable, "-m", "pytest", "-m", marks, *words, *files]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
