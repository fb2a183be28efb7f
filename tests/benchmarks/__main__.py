"""`make bench`: every benchmark in turn, each in a fresh process, so that none warms or fills the next.

What it prints is Markdown; docs/benchmarks.md is such a printout, with a remark here and there.
`python -m tests.benchmarks NAME ...` runs some, also those that take too long for every time, which
`make bench-long` runs.
"""

import subprocess
import sys
from datetime import UTC, datetime

from tests.benchmarks.measure import machine

BENCHMARKS = {
    "bench_selection": "selection for one whole fold",
    "bench_quick": "`quick` per target-fold",
    "bench_published": "`published` per target-fold",
    "bench_candidates": "every candidate, per fit",
    "bench_deep": "`deep`, compiled and in stacks",
    "bench_forest": "`forest` beside that of daintree",
    "bench_kernel": "`ridge` and `kernel` on all genes",
    "bench_best": "`best` on a whole genome",
    "bench_best --genome real": "`best` where expression says as much as of real targets",
    "bench_best --genome simulate": "`best` on the genome of `simulate`",
    "bench_networks": "training the shared networks",
    "bench_workers": "two workers against one",
    "bench_nodes": "four nodes against one",
    "bench_predict": "1000 samples by a whole genome's models",
    "bench_flags": "samples that `predict` flags",
    "bench_holdout": "`predict` on lines that no model has seen",
    "bench_controls": "how often p calls something of nothing",
    "bench_explore": "the explorer on a whole genome",
    "bench_plan": "how near `plan` comes to what a run takes",
    "bench_driver": "the driver's own cost",
    "bench_scale": "a store of many commits, before and after compaction",
    "bench_import": "importing a release",
    "bench_numerics": "hand-written numerics beside the libraries",
    "bench_genome": "a whole simulated genome",
}
LONG = {
    "bench_best_run": "`best` on a whole genome, through Ray",
    "bench_corruption": "damage to every kind of file",
    "bench_device": "a GPU beside the CPU",
    "bench_driver 1000000": "a million units",
    "bench_plan --genes 18000 --lines 1000": "how near `plan` comes, 18 000 genes",
    "bench_profiles": "`profiles` at the published size",
    "bench_scale 100000": "a store of 100 000 commits",
}


def main() -> int:
    """Run the named benchmarks (all, if none is named); the exit code counts those that failed."""
    named = [name.removesuffix(".py") for name in sys.argv[1:]]
    chosen = list(LONG) if named == ["--long"] else named or list(BENCHMARKS)
    if unknown := [name for name in chosen if name not in BENCHMARKS | LONG]:
        print(f"{', '.join(unknown)}: unknown; known are {', '.join(BENCHMARKS | LONG)}", file=sys.stderr)
        return 2
    print("# Benchmarks\n\nPrinted by `python -m tests.benchmarks`; timings of one run, not averages.\n")
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}")
    failed = 0
    for name in chosen:
        print(f"\n## {(BENCHMARKS | LONG)[name]}\n`python -m tests.benchmarks.{name}`\n", flush=True)
        module, *sizes = name.split()
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", *sizes]
        failed += subprocess.run(command, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
