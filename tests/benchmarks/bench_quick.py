"""Preset `quick` per target and fold beside the same selection as a loop over scikit-learn, in one run.

    python -m tests.benchmarks.bench_quick [targets]

One core. Modifiers are known: timed are the candidates and the winner's refit. Real expression and dependency
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
from tests.reference.autoselect import QUICK, choose_slow
from tests.reference.hard_data import signal

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
TRAINING_LINES = 720
MODIFIERS = (20, 30, 40, 50, 60)
BLOCK = 10


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
    print(f"not ok: {sum(c.fitted.status != 'ok' for c in choices)}")


if __name__ == "__main__":
    main()
