"""A whole simulated genome under `quick`: 18 000 genes, 1000 cell lines, 5 folds. Takes minutes."""

import sys
import tempfile
from pathlib import Path

from cluster import Store
from tests.benchmarks.measure import watched

KNOCKCAST = str(Path(sys.executable).with_name("knockcast"))
MODIFIERS = ("--method", "modifiers")
STAGES = "time by stage"


def main() -> None:
    """Print wall time and peak memory of each command, the share with modifiers, and what took the time."""
    with tempfile.TemporaryDirectory() as folder:
        simulate = ["simulate", "--out", f"{folder}/release", "--cell-lines", "1000", "--genes", "18000"]
        steps = {
            "simulate": simulate,
            "import": ["import", f"{folder}/release", "--out", f"{folder}/dataset"],
            "run": ["run", f"{folder}/dataset", "--store", f"{folder}/store", *MODIFIERS, "--no-final"],
        }
        print("| step | wall time | peak memory |\n|---|---|---|")
        for name, arguments in steps.items():
            cost = watched([KNOCKCAST, *arguments], show=False)
            print(f"| {name} | {cost.seconds:.1f} s | {cost.peak_bytes / 2**30:.2f} GiB |", flush=True)
        said = "SELECT count(*) AS n, avg((n_modifiers > 0)::int) AS share, sum(seconds) AS core FROM scores"
        row = Store(f"{folder}/store").query(said).iloc[0]
        summary = watched([KNOCKCAST, "status", f"{folder}/store", "--summary"], show=False).output
    print(f"\n{row.n:.0f} target-folds, {row.share:.1%} with modifiers; {row.core:.0f} core-seconds in tasks")
    print("\n" + summary[summary.index(STAGES) :])


if __name__ == "__main__":
    main()
