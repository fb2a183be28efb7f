"""`make study`: run what is asked for and is not in the work folder yet, then write docs/accuracy.md.

    python -m tests.benchmarks.study --work study --only levels,chronos --methods kernel,best --targets 400

runs some of it; results of earlier calls stay. The whole takes hours: `published` and `forest` cost seconds a
target and fold and run on samples (`variants`).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.study.datasets import DATA
from tests.benchmarks.study.page import PAGE, page
from tests.benchmarks.study.parts import LARGE, PARTS, SEEDS, Asked, run_part
from tests.benchmarks.study.variants import BY_NAME


def asked_of(arguments: Sequence[str]) -> tuple[list[str], Asked, bool]:
    """The parts, what to run in them, and whether only the page is written."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.study")
    parser.add_argument(
        "--work", type=Path, default=Path("study"), help="folder of datasets, stores, results"
    )
    parser.add_argument("--only", help=f"parts, with commas between: {', '.join(PARTS)}")
    parser.add_argument("--methods", help=f"variants, with commas between: {', '.join(BY_NAME)}")
    parser.add_argument("--seeds", help="fold seeds for a trial; the study's own are reserved for it")
    parser.add_argument("--targets", type=int, help="so many of the random order of targets")
    parser.add_argument("--workers", type=int, default=0, help="Ray workers; 0: in this process")
    parser.add_argument("--large", action="store_true", help="also the simulated release of 18 000 genes")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page")
    given = parser.parse_args(arguments)
    parts = _named(given.only, PARTS, "--only") or [
        name for name in PARTS if given.large or name not in LARGE
    ]
    asked = Asked(
        given.work,
        tuple(_named(given.methods, BY_NAME, "--methods") or BY_NAME),
        tuple(int(seed) for seed in given.seeds.split(",")) if given.seeds else SEEDS,
        given.targets,
        given.workers,
        f"python -m tests.benchmarks.study {' '.join(_shown(arguments))}".strip(),
    )
    return parts, asked, given.page


def _named(text: str | None, known: Sequence[str] | dict, option: str) -> list[str]:
    names = text.split(",") if text else []
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"{option}: {', '.join(unknown)} unknown; known are {', '.join(known)}")
    return names


def _shown(arguments: Sequence[str]) -> list[str]:
    """What decides the results: where they were made does not."""
    hidden = {"--work", "--workers"}
    return [
        word
        for i, word in enumerate(arguments)
        if word not in hidden and (i == 0 or arguments[i - 1] not in hidden)
    ]


def main(arguments: Sequence[str]) -> None:
    """Run, and write the page."""
    parts, asked, only_page = asked_of(arguments)
    if not only_page:
        if not DATA.is_dir():
            sys.exit(f"the real data is not at {DATA}: nothing was run and {PAGE} stays as it is")
        for name in parts:
            run_part(name, asked)
    made = page(asked.work, asked.seeds)
    if asked.seeds != SEEDS:
        print(made)  # a trial
        return
    PAGE.write_text(made, encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main(sys.argv[1:])
