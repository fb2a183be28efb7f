"""Scoring 1000 samples with the final models of a whole genome: a store of invented models, then `predict`.

    python -m tests.benchmarks.bench_predict [--targets N --genes N --lines N --samples N --work DIR]

One store has what a run without --method leaves, `modifiers` and `best`, another `kernel`: final models of
18 000 targets and, for the trust, the out-of-fold predictions of 1000 lines. `--work` keeps them for the next
time. A last row scores samples that lack a twentieth of the genes: where a modifier is lacking, `best` steps
in.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from tests.benchmarks.invented_store import InventedStore, expression
from tests.benchmarks.measure import machine, watched

STORES = {"default": ("modifiers", "best"), "kernel": ("kernel",)}
LINEAGES = 25
SAMPLES, LACKING = "samples.parquet", "lacking.parquet"
LACKING_SHARE = 0.05
LIMIT_SECONDS, LIMIT_BYTES = 60, 4 * 2**30
ROWS = (
    ("kernel", SAMPLES, ("--method", "kernel")),
    ("default", SAMPLES, ("--method", "modifiers")),
    ("default", SAMPLES, ("--method", "best")),
    ("default", SAMPLES, ()),
    ("default", SAMPLES, ("--interval", "0.9")),
    ("default", SAMPLES, ("--long",)),
    ("default", LACKING, ("--interval", "0.9")),
)


def main() -> None:
    """Print time and peak memory of `predict`, by method and by what is written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--targets", type=int, default=18_000)
    parser.add_argument("--genes", type=int, default=18_000)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    print(f"{options.samples} samples x {options.targets} targets, {options.genes} genes, {options.lines}")
    print(f"training lines; must: {LIMIT_SECONDS} s, {LIMIT_BYTES // 2**30} GiB; {machine()}\n")
    print("| store | options | seconds | core-seconds | peak | other work |\n|---|---|---|---|---|---|")
    with folder_of(options.work) as folder:
        make(folder, options)
        for store, samples, arguments in ROWS:
            print_row(folder, store, samples, arguments)


@contextmanager
def folder_of(work: Path | None) -> Iterator[Path]:
    """The folder given, or one that is gone afterwards."""
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
        yield work
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def make(folder: Path, options: argparse.Namespace) -> None:
    """Stores and samples, those that are not there."""
    for name, methods in STORES.items():
        if not (folder / name).exists():
            store = InventedStore(folder / name, options.targets, options.lines, options.genes, LINEAGES)
            for method in methods:
                store.add(method)
    rng = np.random.default_rng(1)
    values = expression(rng, options.samples, options.genes)
    index = pd.Index([f"sample{i}" for i in range(options.samples)], name="sample")
    frame = pd.DataFrame(values, index=index, columns=[f"GENE{i}" for i in range(options.genes)])
    frame.to_parquet(folder / SAMPLES)
    frame.loc[:, rng.random(options.genes) >= LACKING_SHARE].to_parquet(folder / LACKING)


def print_row(folder: Path, store: str, samples: str, options: tuple[str, ...]) -> None:
    """Run one command; what it cost."""
    files = [str(folder / store), str(folder / samples), "--out", str(folder / "out.parquet"), "--force"]
    done = watched([sys.executable, "-m", "cluster", "predict", *files, *options], show=False)
    over = done.seconds > LIMIT_SECONDS or done.peak_bytes > LIMIT_BYTES
    said = " ".join(options) or "(auto)"
    lacking = ", genes lacking" if samples == LACKING else ""
    seconds = f"{done.seconds:.0f}{' (over the limit)' * over}"
    print(
        f"| {', '.join(STORES[store])} | `{said}`{lacking} | {seconds} | "
        f"{done.cpu_seconds:.0f} | {done.peak_bytes / 2**30:.1f} GiB | {done.others:.1f} cores |",
        flush=True,
    )


if __name__ == "__main__":
    main()
