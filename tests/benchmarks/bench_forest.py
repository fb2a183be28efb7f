"""Method `forest` per target and fold, beside the forest of daintree by scikit-learn, in one run.

    python -m tests.benchmarks.bench_forest [--genes N --lines N --targets N]

One core. daintree and cds-ensemble, of the DepMap portal, keep the 1000 features best by `f_regression` and
fit a `RandomForestRegressor` of 100 trees, depth 8 and at least 5 lines a leaf; that is what stands here for
theirs: their programs also read other omics, and write and read files around it. Made-up data: half of each
target's variance follows five genes. A shard of ours includes predictions, baselines, scores and tables.
"""

import argparse
import time

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from threadpoolctl import threadpool_limits

from modeling.folds import Fold, make_folds
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Panel
from tasks.methods.forest import GENES
from tasks.methods.registry import prepare_method_fold
from tasks.methods.shard import run_shard
from tests.benchmarks.measure import machine

THEIRS = 3  # targets that scikit-learn fits
DRIVERS = 5
FOLDS = 5


def main() -> None:
    """Print core-seconds a target of both, and how alike their predictions are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--genes", type=int, default=18_000)
    parser.add_argument("--lines", type=int, default=900, help="cell lines in all; a fifth is held out")
    parser.add_argument("--targets", type=int, default=16)
    options = parser.parse_args()
    panel = simulated(options.lines, options.genes, options.targets)
    fold = make_folds("kfold", options.lines, FOLDS, 0)[0]
    with threadpool_limits(1):
        ours(simulated(60, 40, 2), make_folds("kfold", 60, FOLDS, 0)[0])  # compiles
        seconds, predicted = ours(panel, fold)
        theirs, others = daintrees(panel, fold)
    print(
        f"{options.targets} targets x {options.genes} genes, {len(fold.train)} training lines; {machine()}\n"
    )
    print("| core-seconds a target and fold | |\n|---|---|")
    print(f"| forest, to its tables | {seconds:.2f} |")
    print(f"| scikit-learn: SelectKBest, RandomForestRegressor | {theirs:.2f} |")
    print(f"| scikit-learn / forest | {theirs / seconds:.1f} |")
    alike = [np.corrcoef(one, other)[0, 1] for one, other in zip(predicted, others, strict=False)]
    print(f"| r between the two's predictions of test lines, {len(alike)} targets | {np.mean(alike):.3f} |")


def simulated(lines: int, genes: int, targets: int) -> Panel:
    """Noise, and targets of which a few genes carry half of the variance."""
    rng = np.random.default_rng(0)
    expression = rng.standard_normal((lines, genes), dtype=np.float32)
    drivers = rng.integers(0, genes, (targets, DRIVERS))
    signal = expression[:, drivers].sum(axis=2) / np.float32(np.sqrt(DRIVERS))
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(lines)),
        genes=tuple(f"G{i}" for i in range(genes)),
        targets=tuple(f"T{i}" for i in range(targets)),
        expression=expression,
        effect=signal + rng.standard_normal((lines, targets), dtype=np.float32),
        own=np.arange(targets) % genes,
        lineages=rng.integers(0, 25, lines),
    )


def ours(panel: Panel, fold: Fold) -> tuple[float, list[np.ndarray]]:
    """Core-seconds of a target, its share of preparing the fold of a whole genome's targets left out."""
    settings = MethodSettings("forest", "quick", SelectionSettings(), 0)
    prepared = prepare_method_fold(panel, fold, settings)
    begun = time.thread_time()
    result = run_shard(panel, prepared, range(len(panel.targets)), settings)
    seconds = (time.thread_time() - begun) / len(panel.targets)
    rows = result.tables["predictions"].to_pandas()
    return seconds, [rows["predicted"][rows["target"] == name].to_numpy() for name in panel.targets]


def daintrees(panel: Panel, fold: Fold) -> tuple[float, list[np.ndarray]]:
    """The same of scikit-learn, for the first few targets."""
    train, test = panel.expression[fold.train], panel.expression[fold.test]
    begun, predicted = time.thread_time(), []
    for target in range(min(THEIRS, len(panel.targets))):
        effect = panel.effect[fold.train, target].astype(np.float64)
        best = SelectKBest(f_regression, k=min(GENES, train.shape[1])).fit(train, effect)
        forest = RandomForestRegressor(100, max_depth=8, min_samples_leaf=5, n_jobs=1, random_state=0)
        forest.fit(best.transform(train), effect)
        predicted.append(forest.predict(best.transform(test)))
    return (time.thread_time() - begun) / len(predicted), predicted


if __name__ == "__main__":
    main()
