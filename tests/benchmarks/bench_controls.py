"""How often p and q call something of nothing: planted targets of noise, and of lineage alone.

    python -m tests.benchmarks.bench_controls [--lines N --targets N --seeds 1,2]

Of each kind so many targets; shares of them with a small p, by method. Where p is right, 5 % and 1 %.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from cluster import Store, run
from tasks.dataset.dataset import write_dataset
from tests.benchmarks.measure import machine

METHODS = ("ridge", "kernel", "reduced_rank", "best")
GENES, LINEAGES = 200, 8
KINDS = {
    "noise": "noise",
    "lineage": "lineage and noise",
    "levels": "levels 0 and 1, by lineage alone",
}
RATES = (0.02, 0.3)  # of lines with level 1, per lineage drawn between these


def main() -> None:
    """Print a table for each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--lines", type=int, default=240)
    parser.add_argument("--targets", type=int, default=800)
    parser.add_argument("--seeds", default="1,2")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    print(
        f"{options.lines} lines of {LINEAGES} lineages, {GENES} genes, {options.targets} targets of a kind,"
    )
    print(f"{len(seeds)} simulations; {machine()}\n")
    genes = pd.concat([scored(options.lines, options.targets, seed) for seed in seeds])
    print(
        "| targets | method | `p_value` < 0.05 | < 0.01 | `p_permuted` < 0.05 | < 0.01 | `q_value` < 0.05 |"
    )
    print("|---|---|---|---|---|---|---|")
    for kind, words in KINDS.items():
        for method in METHODS:
            rows = genes[(genes["kind"] == kind) & (genes["method"] == method)]
            shares = [
                100 * (rows[f"p_{name}"] < level).mean()
                for name in ("value", "permuted")
                for level in (0.05, 0.01)
            ]
            false = 100 * (rows["q_value"] < 0.05).mean()
            cells = [f"{share:.1f} %" for share in (*shares, false)]
            print(f"| {words} | `{method}` | {' | '.join(cells)} |")


def scored(lines: int, targets: int, seed: int) -> pd.DataFrame:
    """The table `genes` of one simulation, with each target's kind."""
    rng = np.random.default_rng(seed)
    lineage = rng.integers(0, LINEAGES, lines)
    expression = (
        4 + 1.2 * rng.standard_normal((LINEAGES, GENES))[lineage] + rng.standard_normal((lines, GENES))
    )
    noise = 0.3 * rng.standard_normal((lines, 2 * targets))
    noise[:, targets:] += 0.3 * rng.standard_normal((LINEAGES, targets))[lineage]
    rate = rng.uniform(*RATES, (LINEAGES, targets))[lineage]
    effect = np.hstack([noise, (rng.random((lines, targets)) < rate).astype(float)])
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(
            Path(folder) / "dataset",
            expression=np.maximum(expression, 0).astype(np.float32),
            effect=effect.astype(np.float32),
            cell_lines=[f"ACH-{i:06d}" for i in range(lines)],
            lineages=[f"L{i}" for i in lineage],
            genes=[f"G{i}" for i in range(GENES)],
            targets=[f"{kind}{i}" for kind in KINDS for i in range(targets)],
        )
        run(f"{folder}/dataset", f"{folder}/store", methods=METHODS, final=False, workers=0, seed=seed)
        table = Store(f"{folder}/store").genes()
    return table.assign(kind=table["target"].str.rstrip("0123456789"))


if __name__ == "__main__":
    main()
