"""`best` on a whole genome: one fold in core-seconds, all folds and final models projected.

    python -m tests.benchmarks.bench_best [--genome dense|real|simulate --targets N --genes N --lines N ...]

One fold's fold-level work, its preparation, and blocks of its targets to their tables (of `--fitted` targets
only), each in core-seconds of one thread: what others do on the machine counts little. Beside it `kernel` and
`modifiers` with its preset `quick` on the same panel, and the bare matrix products that each is made of
(`tests.benchmarks.bare_products`). The data are made up: how long `quick` takes depends on how many modifiers
targets have, so there are three genomes (`tests.benchmarks.genomes`).
"""

import argparse
import resource
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from modeling.borrowing.gate import fit_gates
from modeling.borrowing.gate_errors import ranked_ridge
from modeling.borrowing.gate_ranking import rank_genes
from modeling.borrowing.stages import fit_stages, nested_predictions
from modeling.folds import Fold, make_folds
from modeling.kernels.ridge import TILE_TARGETS
from modeling.selection.select import SelectionSettings
from tasks.borrowing.preparing import PreparedBest
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.fitting.modifiers import PreparedFold, fit_targets
from tasks.methods.cost import DataSize
from tasks.methods.method import FIT, FoldJob
from tasks.methods.registry import method_named, prepare_method_fold
from tasks.methods.shard import run_shard
from tests.benchmarks.bare_products import bare_fold_level, bare_selection, bare_target, timed
from tests.benchmarks.genomes import GENOMES, REAL, chronos_panel, dense_genome, genome
from tests.benchmarks.measure import machine

FOLDS = 5
BLOCK = 256
MISSING, SHARING = 0.05, 64
FITS = "fits of candidates"
TURNS = 5


@dataclass(frozen=True)
class Committed:
    """Fold-level work as a store gives it back."""

    result: FoldResult

    def rows(self, table: str) -> pa.Table:
        """Its rows of one table."""
        return self.result.tables[table]

    def file(self) -> bytes:
        """Its one file."""
        (data,) = self.result.files.values()
        return data


@dataclass(frozen=True)
class Cost:
    """Core-seconds of a fold's shared work, and of one target."""

    shared: float
    preparation: float
    target: float


def main() -> None:
    """Time one fold and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--targets", type=int, default=18_000)
    parser.add_argument("--genes", type=int, default=18_000)
    parser.add_argument("--lines", type=int, default=1000, help="cell lines in all; a fifth is held out")
    parser.add_argument("--variable", type=int, default=4000, help="targets that teach others")
    parser.add_argument("--fitted", type=int, default=512, help="targets that are timed")
    parser.add_argument("--genome", choices=GENOMES, default="dense")
    options = parser.parse_args()
    panel = genome(options.genome, options.lines, options.genes, options.targets, options.variable)
    options.targets, options.variable = len(panel.targets), len(panel.variable)
    fold = make_folds("kfold", options.lines, FOLDS, 0)[0]
    print(
        f"{options.targets} targets ({options.variable} variable) x {options.genes} genes; {options.genome};"
    )
    print(f"{options.lines} lines, {len(fold.train)} of them training lines; {machine()}\n")
    targets = np.linspace(0, options.targets - 1, options.fitted).round().astype(int).tolist()
    with threadpool_limits(1):
        compile_all()
        loaded = peak_bytes()
        cost, prepared = timed_best(panel, fold, targets)
        bare_fold = bare_fold_level(prepared, options.variable)
        kernel, _ = timed_method(panel, fold, targets, "kernel")
        quick, selection = timed_method(panel, fold, targets, "modifiers")
        parts = timed_parts(panel, prepared, targets)
        lacking = timed_missing(panel, prepared, targets)
        of_quick = parts_of_quick(panel, selection, targets)
        turns = in_turns(panel, prepared, selection, targets)
        cost, quick = replace(cost, target=turns[0]), replace(quick, target=turns[1])
    print("| one fold, core-seconds | best | kernel | quick |\n|---|---|---|---|")
    print(f"| fold-level work | {cost.shared:.1f} | | |")
    print(f"| bare products of that | {bare_fold:.1f} | | |")
    three = (cost, kernel, quick)
    print("| preparing the fold | " + " | ".join(f"{each.preparation:.1f}" for each in three) + " |")
    print("| a target, to its tables | " + " | ".join(f"{each.target * 1e3:.2f} ms" for each in three) + " |")
    for name, seconds in parts.items():
        print(f"| {name} | {seconds * 1e3:.2f} ms | | |")
    for name, said in of_quick.items():
        print(f"| {name} | | | {said} |")
    print(f"| bare products of a target | {turns[2] * 1e3:.2f} ms | | {turns[3] * 1e3:.2f} ms |")
    for name, seconds in lacking.items():
        print(f"| {name} | {seconds * 1e3:.0f} ms | | |")

    minutes = partial(core_minutes, targets=options.targets, lines=len(fold.train), final=options.lines)
    whole = [minutes(each) for each in three]
    print(f"| {FOLDS} folds and final models, core-minutes | " + " | ".join(f"{m:.1f}" for m in whole) + " |")
    bare_minutes = [minutes(Cost(bare_fold, 0.0, turns[2])), minutes(Cost(0.0, 0.0, turns[3]))]
    print(f"| bare products of that | {bare_minutes[0]:.1f} | | {bare_minutes[1]:.1f} |")
    fits = minutes(Cost(0.0, 0.0, float(of_quick[FITS].split()[0]) / 1e3))
    both, products = whole[0] + whole[2], sum(bare_minutes)
    print(f"\nbest and quick: {both:.1f} core-minutes, {both / products:.2f} times their products (aim: 2);")
    print(f"without the fits of quick's candidates ({fits:.1f}) {(both - fits) / products:.2f} times;")
    print(f"best alone {whole[0] / bare_minutes[0]:.2f} times its own")
    print_memory(panel, loaded)
    print_estimates(options)
    print_real()


def compile_all() -> None:
    """What numba compiles must not be timed."""
    small = dense_genome(80, 60, 40, 30)
    fold = make_folds("kfold", 80, FOLDS, 0)[0]
    timed_best(small, fold, range(20))
    ranked_ridge(small.expression.T.copy(), np.arange(3), small.effect[:, 0].astype(np.float64), 1.0)
    timed_method(small, fold, range(20), "kernel")
    timed_method(small, fold, range(20), "modifiers")


def timed_best(panel: Panel, fold: Fold, targets: Sequence[int]) -> tuple[Cost, PreparedBest]:
    """A fold's work as shards do it, and the fold prepared."""
    settings = _settings("best")
    done, shared = timed(lambda: method_named("best").work_on_fold(FoldJob(FIT, panel, fold, settings)))
    prepared, preparing = timed(lambda: prepare_method_fold(panel, fold, settings, [Committed(done)]))
    assert isinstance(prepared, PreparedBest)
    return Cost(shared, preparing, _timed_shards(panel, prepared, targets, settings)), prepared


def timed_method(panel: Panel, fold: Fold, targets: Sequence[int], method: str) -> tuple[Cost, Any]:
    """The same of a method without fold-level work."""
    settings = _settings(method)
    prepared, preparing = timed(lambda: prepare_method_fold(panel, fold, settings))
    return Cost(0.0, preparing, _timed_shards(panel, prepared, targets, settings)), prepared


def in_turns(
    panel: Panel, prepared: PreparedBest, selection: PreparedFold, targets: Sequence[int]
) -> list[float]:
    """Seconds of one target of `best`, of `quick`, and of their bare products: means of `TURNS`.

    They take turns, for a machine may be slower a minute later.
    """
    best, quick = _settings("best"), _settings("modifiers")
    found = [
        (
            _timed_shards(panel, prepared, targets, best),
            _timed_shards(panel, selection, targets, quick),
            bare_target(prepared),
            bare_selection(selection),
        )
        for _ in range(TURNS)
    ]
    means: list[float] = np.mean(found, axis=0).tolist()
    return means


def _timed_shards(panel: Panel, prepared: object, targets: Sequence[int], settings: MethodSettings) -> float:
    blocks = [targets[start : start + BLOCK] for start in range(0, len(targets), BLOCK)]
    _, seconds = timed(lambda: [run_shard(panel, prepared, block, settings) for block in blocks])  # type: ignore[arg-type]
    return seconds / len(targets)


def _settings(method: str) -> MethodSettings:
    return MethodSettings(method, "quick", SelectionSettings(), 0)


def timed_parts(panel: Panel, prepared: PreparedBest, targets: Sequence[int]) -> dict[str, float]:
    """Seconds of one target for each part of its fit: of one tile of targets."""
    effects = panel.effect[np.ix_(prepared.fold.train, targets[:TILE_TARGETS])].astype(np.float64)
    width = effects.shape[1]
    present = np.ones(len(effects), dtype=bool)
    nested, inner = timed(lambda: nested_predictions(prepared.inner, effects, present))
    _, whole = timed(lambda: fit_stages(prepared.view, effects, present))
    residuals = effects - nested.mean(axis=0)
    genes = prepared.genes
    both = np.hstack([effects, residuals])[genes.order]
    _, ranking = timed(lambda: rank_genes(genes.values, genes.bounds, both, moments=genes.moments))
    _, gates = timed(lambda: fit_gates(genes, effects, residuals))
    return {
        "three stages on three inner folds": inner / width,
        "three stages on all training lines": whole / width,
        "ranking genes": ranking / width,
        "gates less ranking": (gates - ranking) / width,
    }


def timed_missing(panel: Panel, prepared: PreparedBest, targets: Sequence[int]) -> dict[str, float]:
    """Seconds of one target that was not measured on some of the lines, in a block of such targets."""
    rng, found = np.random.default_rng(3), {}
    for name, count, patterns in (
        (f"a target without {MISSING:.0%} of the lines, as {SHARING - 1} others", 2 * SHARING, 2),
        (f"a target without {MISSING:.0%} of the lines, as no other", 4, 4),
    ):
        chosen = list(targets[:count])
        effect = panel.effect.copy()
        for i in range(patterns):
            effect[np.ix_(rng.random(len(effect)) < MISSING, chosen[i::patterns])] = np.nan
        with_gaps = replace(panel, effect=effect)
        _, seconds = timed(partial(run_shard, with_gaps, prepared, chosen, _settings("best")))
        found[name] = seconds / count
    return found


def parts_of_quick(panel: Panel, prepared: PreparedFold, targets: Sequence[int]) -> dict[str, str]:
    """Of one target: selecting modifiers, and the candidates' trials with the winner on all lines."""
    fits = fit_targets(panel, prepared, targets, _settings("modifiers"))
    chosen = sum(fit.choice.seconds for fit in fits if fit.choice)
    selecting = sum(fit.seconds - prepared.seconds for fit in fits) - chosen
    sizes = [len(fit.modifiers) for fit in fits if fit.modifiers]
    return {
        "targets with modifiers": f"{len(sizes) / len(fits):.0%}, {np.mean(sizes or [0]):.0f} each",
        "selecting modifiers": f"{selecting / len(fits) * 1e3:.2f} ms",
        FITS: f"{chosen / len(fits) * 1e3:.2f} ms",
    }


def core_minutes(cost: Cost, targets: int, lines: int, final: int) -> float:
    """Of all folds and final models: by lines cubed what is shared, a target by squared."""
    ratio = final / lines
    shared, each = cost.shared + cost.preparation, cost.target * targets
    return (FOLDS * (shared + each) + shared * ratio**3 + each * ratio**2) / 60


def print_real() -> None:
    """How many modifiers real targets with continuous effects have: what `--genome real` is made like."""
    if not REAL.is_dir():
        print("no ../shared here, so no real panel")
        return
    panel, settings = chronos_panel(REAL), _settings("modifiers")
    fold = make_folds("kfold", len(panel.cell_lines), FOLDS, 0)[0]
    prepared = prepare_method_fold(panel, fold, settings)
    said = parts_of_quick(panel, prepared, range(len(panel.targets)))["targets with modifiers"]
    print(f"Real Chronos panel ({len(panel.targets)} targets, {len(panel.genes)} genes): modifiers in {said}")


def print_memory(panel: Panel, loaded: int) -> None:
    """The peak above what the panel and the libraries take."""
    size = panel.expression.nbytes + panel.effect.nbytes
    print(f"\nPeak memory {peak_bytes() / 2**30:.2f} GiB; {loaded / 2**30:.2f} GiB of it were held before")
    print(f"the fold: libraries, and the panel of {size / 2**30:.2f} GiB.")


def print_estimates(options: argparse.Namespace) -> None:
    """What `plan` takes these to be."""
    said = method_named("best").cost(
        DataSize(options.genes, options.lines, variable=options.variable), _settings("best")
    )
    print(
        f"Estimated: fold-level work {said.fold_work[FIT]:.1f}, preparing {said.preparation:.1f}, a target "
        f"{said.target * 1e3:.2f} ms; a prepared fold {said.fold_bytes / 2**30:.2f} GiB, a worker "
        f"{said.worker_bytes / 2**30:.2f} GiB"
    )


def peak_bytes() -> int:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
