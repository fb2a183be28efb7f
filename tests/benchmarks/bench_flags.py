"""How many samples `predict` flags: real lines held out, and the same lines spoiled in many ways.

    python -m tests.benchmarks.bench_flags

Four times a random fifth of the lines of ../shared is held out; limits come from the others. Of the held-out
lines that are not flagged, up to 100, 15 and 9 are spoiled and judged together. Printed: the mean share
flagged, lowest and highest. Then how often lines of a lineage that the others lack altogether are doubted
together.
"""

import sys

import numpy as np
import pandas as pd

from modeling.likeness.together import FEWEST
from tasks.samples.fit import Reference
from tests.benchmarks.measure import machine
from tests.benchmarks.study.datasets import DATA
from tests.modeling.likeness.test_likeness import spoiled

TIMES, MOST, FEW = 4, 100, (15, 9)
GROUPS, GROUP, TRAIN, PANELS = 6, 30, 600, (50, 100, 200, 535)


def main() -> None:
    """Print both tables."""
    if not DATA.is_dir():
        sys.exit(f"the real data is not at {DATA}")
    expression = pd.read_parquet(DATA / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    shares: dict[str, list[float]] = {}
    for seed in range(TIMES):
        for name, share in flagged_of(expression.to_numpy(np.float32), seed).items():
            shares.setdefault(name, []).append(share)
    print(f"{len(expression)} lines, {expression.shape[1]} genes, {TIMES} times; {machine()}\n")
    print("| samples | flagged | from | to |\n|---|---|---|---|")
    for name, found in shares.items():
        print(f"| {name} | {np.mean(found):.1%} | {min(found):.1%} | {max(found):.1%} |")
    lineages = pd.read_parquet(DATA / "models.parquet")["lineage"].reindex(expression.index)
    print("\n| genes | groups of a lineage that the lines lack | doubted |\n|---|---|---|")
    for genes in PANELS:
        doubted = doubts_of(expression.to_numpy(np.float32), lineages.fillna("").to_numpy(), genes)
        print(f"| {genes} | {len(doubted)} | {sum(doubted)} |")


def flagged_of(values: np.ndarray, seed: int) -> dict[str, float]:
    """The share that is flagged, by what was done to the samples."""
    rng = np.random.default_rng(seed)
    values = values[rng.permutation(len(values))]
    held, train = values[: len(values) // 5], values[len(values) // 5 :]
    reference = Reference([""] * len(train), [""] * len(train), [""] * train.shape[1], train)

    def is_flagged(samples: np.ndarray) -> np.ndarray:
        given = np.ascontiguousarray(samples, dtype=np.float32)
        return ~reference.fits(given) | bool(reference.doubt_about_scale(given))

    usual = held[~is_flagged(held)][:MOST]
    far, mild = spoiled(usual, train, rng), milder(usual, rng)
    few = {f"{name}, {n} samples": samples[:n] for n in FEW for name, samples in mild.items()}
    made = {"held-out lines": held, **far, **mild, **few}
    return {name: float(is_flagged(samples).mean()) for name, samples in made.items()}


def doubts_of(values: np.ndarray, lineages: np.ndarray, genes: int) -> list[bool]:
    """Whether each group is: `FEWEST` to `GROUP` lines of a lineage, against others' lines."""
    rng, doubted = np.random.default_rng(genes), []
    for lineage in sorted(set(lineages) - {""}):
        mine = np.flatnonzero(lineages == lineage)
        for group in range(GROUPS if len(mine) >= FEWEST else 0):
            panel = np.sort(rng.permutation(values.shape[1])[:genes])
            train = rng.choice(np.flatnonzero(lineages != lineage), TRAIN, replace=False)
            size = FEWEST if group % 2 else min(GROUP, len(mine))
            some = rng.choice(mine, size, replace=False)
            names = [""] * TRAIN
            lines = Reference(names, names, [""] * genes, np.ascontiguousarray(values[np.ix_(train, panel)]))
            doubted.append(bool(lines.doubt_about_scale(np.ascontiguousarray(values[np.ix_(some, panel)]))))
    return doubted


def milder(good: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What is near enough to a line's profile that some pass."""
    genes = good.shape[1]
    return {
        "each gene's value from another of these lines": good[
            rng.integers(len(good), size=good.shape), np.arange(genes)
        ],
        "noise of 1 added": np.maximum(good + rng.normal(0, 1, good.shape), 0),
        "shifted by -0.5 and cut at 0": np.maximum(good - 0.5, 0),
        "shifted by 0.3": good + 0.3,
        "x 1.3": 1.3 * good,
        "x 1.2": 1.2 * good,
        "x 0.8": 0.8 * good,
        "x 0.9": 0.9 * good,
        "arcsinh(TPM)": np.arcsinh(2.0**good - 1),
        "log2(2 TPM + 1)": np.log2(2 * (2.0**good - 1) + 1),
        "log2(4 TPM + 1)": np.log2(4 * (2.0**good - 1) + 1),
    }


if __name__ == "__main__":
    main()
