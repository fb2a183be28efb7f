"""How near `plan` and `plan --calibrate` come to the time that `run` then takes.

    python -m tests.benchmarks.bench_plan [--genes N --lines N --workers N --only NAME --work DIR]

On a simulated release: each method on so many targets that it takes about a minute, one fold and, where it
stores models, the final one. `took` are the core-seconds of its workers, as the store has them: what else the
machine does counts little in them. `estimated` and `measured` are those of `plan --format json` without and
with `--calibrate`. The time of the run stands beside the one planned, both without starting and compiling:
it is what else the machine does, and slots that idle at the end, as much as the work.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from cluster import run
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tasks.dataset.target_facts import target_facts
from tasks.methods.registry import method_named
from tests.benchmarks.bench_predict import folder_of
from tests.benchmarks.measure import machine

COMMAND = (sys.executable, "-m", "cluster")
MUST = 1.5
FIRST = 20  # targets of a run before, which compiles: no estimate counts that
# Name, options, and targets: of latent all, since its time goes into networks.
RUNS: dict[str, tuple[tuple[str, ...], int]] = {
    "quick": (("--method", "modifiers"), 6000),
    "published": (("--method", "modifiers", "--preset", "published"), 100),
    "best": (("--method", "best"), 4000),
    "forest": (("--method", "forest"), 40),
    "latent": (("--method", "latent"), 6000),
}


def main() -> None:
    """Print a line for each method; exit code 1 where a measured estimate misses `MUST`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--genes", type=int, default=6000)
    parser.add_argument("--lines", type=int, default=600)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", choices=RUNS, action="append")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    print(f"{options.genes} genes x {options.lines} lines, {options.workers} workers; {machine()}\n")
    print("core-seconds:\n")
    print("| run | targets | took | estimated | ratio | measured | ratio | planned time | time |")
    print("|---|---|---|---|---|---|---|---|---|")
    with folder_of(options.work) as folder:
        dataset = made(folder, options.genes, options.lines)
        missed = [
            name for name in options.only or RUNS if not compared(name, dataset, folder, options.workers)
        ]
    sys.exit(f"more than {MUST} times off: {', '.join(missed)}" if missed else 0)


def compared(name: str, dataset: Dataset, folder: Path, workers: int) -> bool:
    """Plan, plan with `--calibrate`, run; whether the measured estimate is near enough."""
    given, count = RUNS[name]
    chosen = folder / f"{name}.txt"
    step = max(1, len(dataset.targets) // count)
    classes = target_facts(dataset).column("class").to_pylist()
    some = set(
        method_named(given[1]).targets(dict(zip(dataset.targets, classes, strict=True)), dataset.targets)
    )
    names = [target for target in dataset.targets[::step] if target in some]
    chosen.write_text("\n".join(names))
    options = [*given, "--scheme", "split", "--targets", f"@{chosen}", "--workers", str(workers)]
    asked = [str(dataset.path), *options]
    taken(dataset.path, folder / f"{name}.first", given, names[:FIRST], workers)
    estimated, _ = planned(asked)
    measured, expected = planned([*asked, "--calibrate"])
    took, seconds = taken(dataset.path, folder / f"{name}.store", given, names, workers)
    print(
        f"| {name} | {len(names)} | {took:.0f} | {estimated:.0f} | {estimated / took:.2f} "
        f"| {measured:.0f} | {measured / took:.2f} | {expected:.0f} s | {seconds:.0f} s |",
        flush=True,
    )
    return 1 / MUST <= measured / took <= MUST


def planned(asked: list[str]) -> tuple[float, float]:
    """Core-seconds that `plan` estimates, preparations included, and seconds of the whole."""
    done = subprocess.run([*COMMAND, "plan", *asked, "--format", "json"], check=True, capture_output=True)
    said = json.loads(done.stdout)
    return float(said["core_seconds"]), float(said["seconds"])


def taken(
    dataset: Path, store: Path, given: tuple[str, ...], names: list[str], workers: int
) -> tuple[float, float]:
    """Core-seconds of the same run, and its time from the moment that Ray is there.

    Preparations are no part of them; of these methods and sizes they take a second or two.
    """
    options: dict[str, Any] = {
        "methods": (given[1],),
        "targets": names,
        "scheme": "split",
        "workers": workers,
    }
    if "--preset" in given:
        options["preset"] = given[3]
    with contextlib.redirect_stderr(io.StringIO()):
        done = run(dataset, store, **options)
    return sum(commit.seconds or 0.0 for commit in StoreReader.open(store).commits()), done.seconds


def made(folder: Path, genes: int, lines: int) -> Dataset:
    """A Dataset of a simulated release with planted modifiers."""
    release, path = folder / "release", folder / "dataset"
    if not path.exists():
        sizes = ["--genes", str(genes), "--cell-lines", str(lines)]
        subprocess.run(
            [*COMMAND, "simulate", "--out", str(release), *sizes], check=True, stdout=subprocess.DEVNULL
        )
        subprocess.run(
            [*COMMAND, "import", str(release), "--out", str(path)], check=True, stdout=subprocess.DEVNULL
        )
    return Dataset.open(path)


if __name__ == "__main__":
    main()
