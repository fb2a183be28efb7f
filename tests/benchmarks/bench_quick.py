"""Preset `quick` per target and fold beside the same selection as a loop over scikit-learn, in one run.

    python -m tests.benchmarks.bench_quick [targets]

One core. Modifiers are known: timed are the candidates and the winner's refit. Beside it a whole target-fold,
from matrices to tables, selection among the panel's genes and all. Real expression and dependency
levels from ../shared where present (each target's most correlated genes as its modifiers), else simulated
arrays. The library's lasso runs at its default tolerance, which is faster and less exact than ours.
"""

import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from modeling.candidates.choice import choose
from modeling.candidates.registry import Problem, candidates_of
from modeling.folds import make_folds
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings
from tasks.methods.registry import prepare_method_fold
from tasks.methods.shard import run_shard
from tests.benchmarks.real_problems import real_panel, simulated_panel
from tests.reference.autoselect import QUICK, choose_slow
from tests.reference.hard_data import signal

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
TRAINING_LINES = 720
MODIFIERS = (20, 30, 40, 50, 60)
BLOCK = 10
WHOLE = 512  # targets of a whole fold


def simulated_problems(targets: int) -> list[Problem]:
    """Correlated features with a weak effect."""
    sizes = [MODIFIERS[i % len(MODIFIERS)] for i in range(targets)]
    return [Problem(*signal(TRAINING_LINES, p, i, 0.3, noise=2.0), i) for i, p in enumerate(sizes)]


def real_problems(targets: int) -> list[Problem]:
    """Random varying targets of the real data with their most correlated genes, on random training lines."""
    expression = pd.read_parquet(REAL / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    levels = pd.read_parquet(REAL / "gene_dependency_level_22q1.parquet").astype("float64")
    lines = expression.index.intersection(levels.index)
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(len(lines))[:TRAINING_LINES])
    x = expression.loc[lines].to_numpy(np.float64)[rows]
    y = levels.loc[lines].dropna(axis=1).to_numpy()[rows]
    varying = np.flatnonzero(y.std(axis=0) > 0.1)
    problems = []
    for i, target in enumerate(rng.permutation(varying)[:targets]):
        strength = np.abs(
            np.nan_to_num(((x - x.mean(0)) / x.std(0)).T @ (y[:, target] - y[:, target].mean()))
        )
        best = np.sort(np.argsort(-strength)[: MODIFIERS[i % len(MODIFIERS)]])
        problems.append(Problem(x[:, best], y[:, target], i))
    return problems


def whole_fold() -> str:
    """What a target and fold takes of the panel's varying targets, as a run's shard does it."""
    panel = real_panel(REAL) if REAL.is_dir() else simulated_panel()
    settings = MethodSettings("modifiers", "quick", SelectionSettings(), 0)
    prepared = prepare_method_fold(panel, make_folds("kfold", len(panel.cell_lines), 5, 0)[0], settings)
    targets = np.random.default_rng(0).permutation(len(panel.targets))[:WHOLE].tolist()
    run_shard(panel, prepared, targets[:BLOCK], settings)
    begun = time.process_time()
    found = run_shard(panel, prepared, targets, settings)
    each = (time.process_time() - begun) / len(targets) * 1e3
    chosen = np.array(found.tables["scores"].column("n_modifiers").to_pylist())
    return (
        f"a whole target-fold, to its tables: {each:.2f} ms; {len(targets)} targets, {len(panel.genes)} "
        f"genes, {(chosen > 0).mean():.0%} have modifiers, {chosen[chosen > 0].mean():.0f} each"
    )


def main() -> None:
    """Print milliseconds per target and fold, the ratio, and how often both choose alike."""
    targets = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    real = REAL.is_dir()
    problems = (real_problems if real else simulated_problems)(targets)
    quick = candidates_of("quick")
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warm = Problem(problems[0].features, problems[0].effect, 0)
        choose([warm], quick)
        choose_slow(warm.features, warm.effect, 0, QUICK)
        begun = time.process_time()
        choices = [c for i in range(0, targets, BLOCK) for c in choose(problems[i : i + BLOCK], quick)]
        ours = (time.process_time() - begun) / targets * 1e3
        begun = time.process_time()
        winners = [choose_slow(p.features, p.effect, p.seed, QUICK)[0] for p in problems]
        library = (time.process_time() - begun) / targets * 1e3
        whole = whole_fold()
    print(f"{'real' if real else 'simulated'} data, {targets} targets, {problems[0].n_lines} training lines,")
    print(f"{MODIFIERS[0]} to {MODIFIERS[-1]} modifiers, one core (aim: 3 ms)")
    print(f"quick         {ours:8.2f} ms a target and fold")
    print(f"scikit-learn  {library:8.2f} ms, {library / ours:.1f} times as long")
    for name in [candidate.name for candidate in quick] + ["refit and the rest"]:
        spent = [t.seconds for c in choices for t in c.trials if t.candidate == name] or [
            c.seconds - sum(t.seconds for t in c.trials) for c in choices
        ]
        print(f"  {name:20s} {np.mean(spent) * 1e3:6.2f} ms")
    alike = np.mean([c.fitted.candidate == w for c, w in zip(choices, winners, strict=True)])
    print(f"winners {dict(Counter(c.fitted.candidate for c in choices))}, alike in {alike:.0%}")
    print(whole)
    print(f"not ok: {sum(c.fitted.status != 'ok' for c in choices)}")


if __name__ == "__main__":
    main()
