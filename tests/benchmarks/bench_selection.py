"""Selection for one whole fold beside two bare float32 products of its size and a scipy loop, in one run.

    python -m tests.benchmarks.bench_selection [--targets N --genes N --lines N --signal SHARE]

Everything runs on one core. A share of the targets follows a few genes, so that something is kept for them:
such targets cost more. The scipy loop is timed on a few genes of one target and multiplied; the projection to
18 000 targets and five folds multiplies one fold's time; both say so.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import psutil
from scipy import stats
from threadpoolctl import threadpool_limits

from modeling.selection.association import TARGETS_AT_ONCE, Tile, prepare_targets
from modeling.selection.prepared import PreparedGenes, prepare_genes
from modeling.selection.select import Modifiers, SelectionSettings, select
from tests.benchmarks.measure import machine
from tests.reference.selection import contingency, false_discovery

FULL_TARGETS, FULL_FOLDS = 18_000, 5
MUST = 2.5  # times the products
PRODUCT_ROWS = 1000  # the float32 products go in pieces, so that their result need not fit in memory
LOOP_GENES, LOOP_TARGETS = 300, 3
SAMPLE_SECONDS = 0.01


def main() -> None:
    """Simulate one fold, time it, print the table."""
    options = arguments()
    rng = np.random.default_rng(0)
    expression = simulate_expression(options.lines, options.genes, rng)
    effects = simulate_effects(expression, options.targets, options.signal, rng)
    with threadpool_limits(1):
        warm_up()
        prepare_seconds, genes = timed(lambda: prepare_genes(expression))
        product_seconds = time_products(genes, effects)
        parts = time_parts(genes, effects)
        with PeakMemory() as memory:
            select_seconds, found = timed(lambda: select(genes, effects, SelectionSettings()))
        loop_seconds = time_loop(expression, effects)
    print(
        report(options, prepare_seconds, product_seconds, select_seconds, loop_seconds, memory, found, parts)
    )
    sys.exit(f"more than {MUST} times the products" if select_seconds / product_seconds > MUST else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=2000)
    parser.add_argument("--genes", type=int, default=18_000)
    parser.add_argument("--lines", type=int, default=720)
    parser.add_argument("--signal", type=float, default=0.5, help="share of targets that follow some genes")
    return parser.parse_args()


def simulate_expression(lines: int, genes: int, rng: np.random.Generator) -> np.ndarray:
    """Correlated, non-negative, with many zeros, as log2(TPM + 1) is."""
    programmes = rng.standard_normal((lines, 30)) @ rng.standard_normal((30, genes)) * 0.1
    return np.maximum(programmes + rng.standard_normal((lines, genes)) + rng.normal(1, 2, genes), 0).astype(
        "f4"
    )


def simulate_effects(
    expression: np.ndarray, targets: int, signal: float, rng: np.random.Generator
) -> np.ndarray:
    """Noise; and for the first targets, a share `signal`, three genes on top."""
    effects = rng.standard_normal((len(expression), targets))
    varying = np.flatnonzero(expression.std(axis=0) > 0.3)
    for target in range(round(signal * targets)):
        effects[:, target] += 0.4 * expression[:, rng.choice(varying, 3)].sum(axis=1)
    return effects


def warm_up() -> None:
    """Compile, so that no measured time holds it."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 80)).astype(np.float32)
    select(prepare_genes(x), x[:, :5].astype(np.float64), SelectionSettings())


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Seconds of wall time, and the result."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def time_products(genes: PreparedGenes, effects: np.ndarray) -> float:
    """Two float32 products targets x genes over the lines, and nothing else."""
    right = genes.standardised.astype(np.float32).T
    left = np.ascontiguousarray(effects.T, dtype=np.float32)
    out = np.empty((min(PRODUCT_ROWS, len(left)), right.shape[1]), dtype=np.float32)
    begun = time.perf_counter()
    for _ in range(2):
        for start in range(0, len(left), PRODUCT_ROWS):
            rows = left[start : start + PRODUCT_ROWS]
            np.matmul(rows, right, out=out[: len(rows)])
    return time.perf_counter() - begun


def time_parts(genes: PreparedGenes, effects: np.ndarray) -> dict[str, float]:
    """Seconds of what `select` does for whole tiles, by itself: what remains is work on single targets."""
    tile, seconds = Tile.for_genes(genes), dict.fromkeys(("targets", "products", "counts"), 0.0)
    for start in range(0, effects.shape[1], TARGETS_AT_ONCE):
        block = np.ascontiguousarray(effects[:, start : start + TARGETS_AT_ONCE].T)
        spent, targets = timed(lambda block=block: prepare_targets(block))
        seconds["targets"] += spent
        seconds["products"] += timed(partial(tile.fill_correlations, targets))[0]
        seconds["counts"] += timed(partial(tile.fill_chi_squared, targets))[0]
    return seconds


def time_loop(expression: np.ndarray, effects: np.ndarray) -> float:
    """Seconds per target of the usual loop, one gene and one test at a time, from a few genes."""
    few = expression[:, :: max(expression.shape[1] // LOOP_GENES, 1)][:, :LOOP_GENES]
    seconds = 0.0
    for target in range(LOOP_TARGETS):
        seconds += timed(lambda target=target: loop_over_genes(few, effects[:, target]))[0]
    return seconds / LOOP_TARGETS * expression.shape[1] / few.shape[1]


def loop_over_genes(expression: np.ndarray, effect: np.ndarray) -> list[np.ndarray]:
    """q of every gene by each test."""
    bins = np.searchsorted(np.quantile(effect, np.arange(1, 6) / 6), effect, side="left")
    p = np.full((3, expression.shape[1]), np.nan)
    for gene, x in enumerate(expression.T.astype(np.float64)):
        if x.min() < x.max():
            p[0, gene] = stats.pearsonr(x, effect).pvalue
            p[1, gene] = stats.spearmanr(x, effect).pvalue
        table = np.zeros((2, 6), dtype=int)
        np.add.at(table, ((x >= np.median(x)).astype(int), bins), 1)
        p[2, gene] = contingency(table)[1]
    return [false_discovery(one) for one in p]


class PeakMemory:
    """Resident memory above that at entry, sampled while the block runs."""

    def __enter__(self) -> "PeakMemory":
        self._process, self._done = psutil.Process(), threading.Event()
        self._before = self._highest = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self._highest = max(self._highest, self._process.memory_info().rss)

    @property
    def extra(self) -> int:
        """Bytes."""
        return self._highest - self._before


def report(
    options: argparse.Namespace,
    prepare: float,
    products: float,
    selection: float,
    loop: float,
    memory: PeakMemory,
    found: list[Modifiers],
    parts: dict[str, float],
) -> str:
    """A Markdown table of what was measured, then what follows from it."""
    kept = np.mean([len(one) > 0 for one in found])
    whole = FULL_FOLDS * (prepare + selection * FULL_TARGETS / options.targets)
    bare = FULL_FOLDS * products * FULL_TARGETS / options.targets
    rows = [
        ("preparing the genes of one fold", f"{prepare:.2f} s"),
        ("two bare float32 products", f"{products:.2f} s"),
        ("selection, three tests", f"{selection:.2f} s"),
        (f"selection / products (must: {MUST})", f"{selection / products:.2f}"),
        (
            "of these: products of this size in tiles, scaled",
            f"{parts['products'] / products:.2f}",
        ),
        ("chi-squared counts", f"{parts['counts'] / products:.2f}"),
        ("standardising, ranking and binning the targets", f"{parts['targets'] / products:.2f}"),
        (
            "critical values, q-values, ranking, exact where it matters",
            f"{(selection - sum(parts.values())) / products:.2f}",
        ),
        ("selection per target", f"{selection / options.targets * 1e3:.2f} ms"),
        ("memory above the prepared fold", f"{memory.extra / 2**20:.0f} MiB"),
        (
            "targets with modifiers",
            f"{kept:.0%}, {np.mean([len(one) for one in found if len(one)] or [0]):.1f} each",
        ),
        (f"scipy loop per target (from {LOOP_GENES} genes)", f"{loop:.1f} s"),
        ("scipy loop / selection", f"{loop * options.targets / selection:.0f}"),
        (f"projected: {FULL_TARGETS} targets x {FULL_FOLDS} folds, with preparing", f"{whole:.0f} s"),
        (f"projected: float32 products for {FULL_TARGETS} x {FULL_FOLDS}", f"{bare:.0f} s"),
        ("projected / projected", f"{whole / bare:.2f}"),
    ]
    size = f"{options.targets} targets x {options.genes} genes x {options.lines} training lines, one core"
    table = "\n".join(f"| {what} | {value} |" for what, value in rows)
    return f"{size}; {machine()}\n\n| | |\n|---|---|\n{table}"


if __name__ == "__main__":
    main()
