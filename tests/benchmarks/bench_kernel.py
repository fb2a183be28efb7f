"""`ridge` and `kernel` on a whole genome: one fold timed on one core, five folds on two cores projected.

    python -m tests.benchmarks.bench_kernel [--targets N --genes N --lines N --block N]

Each step is timed as a shard would do it: preparing the fold, then every block of targets to its tables.
Effects are noise: the worst there is for finding penalties, since all do nearly alike; the last row is of
real levels, where ../shared is present. Beside it, scikit-learn's KernelRidge for a few targets at
one penalty (it needs a solve for each penalty, and has no leave-one-out), and the bare matrix products that
the fits are made of.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from threadpoolctl import threadpool_limits

from modeling.folds import Fold, make_folds
from modeling.kernels.ridge import TILE_TARGETS, RidgeFits, fit_ridge
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Panel
from tasks.methods.kernels import PreparedKernel
from tasks.methods.registry import prepare_method_fold
from tasks.methods.shard import run_shard
from tests.benchmarks.measure import machine
from tests.benchmarks.real_problems import real_panel

FULL_FOLDS, CORES = 5, 2
BOUND_SECONDS = 90
MOST_REST = 0.5
REST = f"shards less fits and forecasts, in times of those (must: {MOST_REST})"
LIBRARY_TARGETS = 5
REAL, REAL_TARGETS, TURNS = Path(__file__).resolve().parents[3] / "shared" / "data", 1024, 5
Result = TypeVar("Result")


def main() -> None:
    """Time one fold of each method and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--targets", type=int, default=18_000)
    parser.add_argument("--genes", type=int, default=18_000)
    parser.add_argument("--lines", type=int, default=1000, help="cell lines in all; a fifth is held out")
    parser.add_argument("--block", type=int, default=500, help="targets a shard")
    options = parser.parse_args()
    panel = simulated(options.lines, options.genes, options.targets)
    fold = make_folds("kfold", options.lines, FULL_FOLDS, 0)[0]
    print(
        f"{options.targets} targets x {options.genes} genes, {len(fold.train)} training lines; {machine()}\n"
    )
    print("| | ridge | kernel |\n|---|---|---|")
    with threadpool_limits(1):
        run_fold(simulated(60, 50, 20), make_folds("kfold", 60, FULL_FOLDS, 0)[0], "kernel", 20)  # compiles
        columns = [run_fold(panel, fold, method, options.block) for method in ("ridge", "kernel")]
    for name in columns[0]:
        print(f"| {name} | {columns[0][name]} | {columns[1][name]} |")
    missed = any(float(column[REST]) > MOST_REST for column in columns)
    sys.exit(f"shards take more than {MOST_REST} of their fits and forecasts besides them" if missed else 0)


def simulated(lines: int, genes: int, targets: int) -> Panel:
    """Noise; targets vary, nothing is missing."""
    rng = np.random.default_rng(0)
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(lines)),
        genes=tuple(f"G{i}" for i in range(genes)),
        targets=tuple(f"T{i}" for i in range(targets)),
        expression=rng.standard_normal((lines, genes), dtype=np.float32),
        effect=rng.standard_normal((lines, targets), dtype=np.float32),
        own=np.arange(targets) % genes,
        lineages=rng.integers(0, 25, lines),
    )


def run_fold(panel: Panel, fold: Fold, method: str, block: int) -> dict[str, str]:
    """One fold's times, in words."""
    n_targets = len(panel.targets)
    settings = MethodSettings(method, "quick", SelectionSettings(), 0)
    prepared, preparing = timed(lambda: prepare_method_fold(panel, fold, settings))
    assert isinstance(prepared, PreparedKernel)
    effects = panel.effect[fold.train].astype(np.float64)
    numbers, forecasts, shards = 0.0, 0.0, 0.0
    for start in range(0, n_targets, block):  # in turns: the machine's speed changes from minute to minute
        targets = range(start, min(start + block, n_targets))
        of_block = np.ascontiguousarray(effects[:, targets])
        fits, seconds = timed(partial(fit_ridge, prepared.spectrum, of_block, prepared.kernel.penalties))
        numbers += seconds
        forecasts += timed(partial(_forecasts, prepared, fits))[1]
        # What it gives is dropped before the next, as where it is committed.
        shards += timed(partial(run_shard, panel, prepared, targets, settings))[1]
    rest = shards / (numbers + forecasts) - 1
    products = bare_products(prepared, n_targets)
    library = library_seconds(prepared, effects)
    whole = FULL_FOLDS * (preparing + shards) / CORES
    return {
        "preparing the fold (distances, kernel, eigenvectors)": f"{preparing:.1f} s",
        "fits of all targets, every penalty, leave-one-out": f"{numbers:.1f} s",
        "bare matrix products of that size": f"{products:.1f} s",
        "shards: fits, forecasts, baselines, scores, tables": f"{shards:.1f} s",
        "forecasts alone": f"{forecasts:.1f} s",
        REST: f"{rest:.2f}",
        "a target and fold": f"{shards / n_targets * 1e3:.2f} ms",
        f"projected: {FULL_FOLDS} folds on {CORES} cores (must: {BOUND_SECONDS} s)": f"{whole:.0f} s",
        "scikit-learn, a target and one penalty, without leave-one-out": f"{library * 1e3:.1f} ms",
        "fits of real levels, in times of their bare matrix products": real_fits(method),
    }


def _forecasts(prepared: PreparedKernel, fits: RidgeFits) -> np.ndarray:
    return fits.predict(prepared.kernel.of(prepared.new))


def real_fits(method: str) -> str:
    """Fits over bare products, which take turns, of real targets on the lines of one fold."""
    if not REAL.is_dir():
        return "no ../shared here"
    panel = real_panel(REAL)
    fold = make_folds("kfold", len(panel.cell_lines), FULL_FOLDS, 0)[0]
    prepared = prepare_method_fold(panel, fold, MethodSettings(method, "quick", SelectionSettings(), 0))
    assert isinstance(prepared, PreparedKernel)
    effects = panel.effect[fold.train].astype(np.float64)
    effects = effects[:, np.isfinite(effects).all(axis=0)][:, :REAL_TARGETS]
    fits, products = 0.0, 0.0
    for _ in range(TURNS):
        fits += timed(lambda: fit_ridge(prepared.spectrum, effects, prepared.kernel.penalties))[1]
        products += bare_products(prepared, effects.shape[1])
    return f"{fits / products:.2f}"


def bare_products(prepared: PreparedKernel, n_targets: int) -> float:
    """Seconds for one product lines x lines x targets a penalty, one to project and one to solve."""
    vectors = prepared.spectrum.vectors
    tile = np.random.default_rng(0).standard_normal((vectors.shape[1], TILE_TARGETS))
    tiles = 10
    _, seconds = timed(lambda: [vectors @ tile for _ in range(tiles)])
    products = len(prepared.kernel.penalties) + 2
    return seconds / tiles * products * n_targets / TILE_TARGETS


def library_seconds(prepared: PreparedKernel, effects: np.ndarray) -> float:
    """Seconds of one fit at one penalty by scikit-learn, from a kernel already made."""
    kernel = prepared.kernel.of(prepared.within)
    model = KernelRidge(alpha=1.0, kernel="precomputed")
    _, seconds = timed(lambda: [model.fit(kernel, effects[:, i]) for i in range(LIBRARY_TARGETS)])
    return seconds / LIBRARY_TARGETS


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """The result, and seconds of wall time."""
    begun = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begun


if __name__ == "__main__":
    main()
