"""`run --method best` on a whole genome with two Ray workers: a tenth of its targets, the rest projected.

    python -m tests.benchmarks.bench_best_run [--part N --targets N --genes N ... --work DIR]

What runs is one fold of scheme `split` and the final models: fold-level work, preparations and shards as in
any run, on every `--part`-th target. The command is watched with all processes of Ray: their core-seconds,
and the memory they hold together. `plan` estimates the same command. Data are `bench_best`'s dense genome.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from cluster import Store
from modeling.folds import make_folds
from tasks.dataset.dataset import Dataset, write_dataset
from tests.benchmarks.bench_best import FOLDS
from tests.benchmarks.bench_predict import folder_of
from tests.benchmarks.genomes import dense_genome
from tests.benchmarks.measure import Measured, machine, watched

WORKERS = 2
MUST_MINUTES, MUST_GIB = 30, 6
COMMAND = (sys.executable, "-m", "cluster")


def main() -> None:
    """Run a part, and print what the whole would take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--targets", type=int, default=18_000)
    parser.add_argument("--genes", type=int, default=18_000)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--variable", type=int, default=4000, help="targets that teach others")
    parser.add_argument("--part", type=int, default=10, help="one of so many targets is fitted")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    print(
        f"{options.targets} targets ({options.variable} variable) x {options.genes} genes x "
        f"{options.lines} lines"
    )
    print(f"every {options.part}th target, one fold and final models, {WORKERS} workers; {machine()}\n")
    with folder_of(options.work) as folder:
        dataset = made(folder / "dataset", options)
        chosen = folder / "targets.txt"
        chosen.write_text("\n".join(dataset.targets[:: options.part]))
        run = [str(dataset.path), "--store", str(folder / "store"), "--method", "best", "--scheme", "split"]
        run += ["--targets", f"@{chosen}", "--workers", str(WORKERS)]
        planned = estimated([*COMMAND, "plan", *run])
        done = watched([*COMMAND, "run", *run], show=False)
        show(done, planned)
        project(Store(folder / "store"), done, options)


def made(path: Path, options: argparse.Namespace) -> Dataset:
    """A Dataset of the dense genome's numbers."""
    if path.exists():
        return Dataset.open(path)
    panel = dense_genome(options.lines, options.genes, options.targets, options.variable)
    return write_dataset(
        path,
        expression=panel.expression,
        effect=panel.effect,
        cell_lines=panel.cell_lines,
        genes=panel.genes,
        targets=panel.targets,
        lineages=[f"lineage {i}" for i in panel.lineages],
    )


def estimated(command: list[str]) -> dict[str, float]:
    """What `plan` says."""
    done = subprocess.run([*command, "--format", "json"], check=True, capture_output=True, text=True)
    said: dict[str, float] = json.loads(done.stdout)
    return said


def show(done: Measured, planned: dict[str, float]) -> None:
    """The part that ran, and its estimate."""
    print("| the part | measured | plan |\n|---|---|---|")
    print(f"| core-seconds | {done.cpu_seconds:.0f} | {planned['core_seconds']:.0f} |")
    print(f"| seconds | {done.seconds:.0f} | {planned['seconds']:.0f} |")
    memory = (f"{size / 2**30:.2f} GiB" for size in (done.peak_bytes, planned["memory_bytes"]))
    print(f"| memory of all processes | {' | '.join(memory)} |")
    print(f"\nOther work kept {done.others:.1f} of the cores busy.\n")


def project(store: Store, done: Measured, options: argparse.Namespace) -> None:
    """Five folds and final models of all targets: by lines cubed what is of a fold, by squared a target.

    A target takes what it takes in the median shard: the first one on a machine compiles.
    """
    said = "SELECT units, fold = -1 AS final, units = 1 AS of_fold, seconds FROM shards"
    shards = store.query(said)
    each = shards["seconds"] / shards["units"]
    ratio = len(make_folds("kfold", options.lines, FOLDS, 0)[0].train) / len(
        make_folds("split", options.lines, FOLDS, 0)[0].train
    )
    total = 0.0
    print("| core-seconds | the fold | final models | projected |\n|---|---|---|---|")
    for name, of_fold, power, times in (
        ("fold-level work", True, 3, 1),
        ("a target", False, 2, options.targets),
    ):
        rows = shards["of_fold"] == of_fold
        fold, final = (float(each[rows & (shards["final"] == value)].median()) for value in (False, True))
        whole = times * (FOLDS * fold * ratio**power + final)
        total += whole
        print(f"| {name} | {fold:.3g} | {final:.3g} | {whole:.0f} |")
    rest = done.cpu_seconds - float(shards["seconds"].sum())
    whole = rest * (FOLDS + 1) / 2
    print(f"| preparing, Ray, start, end | {rest:.1f} | | {whole:.0f} (at most) |")
    print(f"\nProjected: {(total + whole) / 60:.1f} core-minutes, must: {MUST_MINUTES}, {MUST_GIB} GiB")


if __name__ == "__main__":
    main()
