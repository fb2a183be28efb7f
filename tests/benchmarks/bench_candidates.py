"""Seconds of one core per fit of every candidate that is built, beside its library counterpart, in one run.

    python -m tests.benchmarks.bench_candidates [targets]

Real expression and dependency levels from ../shared where present, with the modifiers that selection finds in
one fold's training lines; else simulated arrays. As in automatic selection, a fit is of nine tenths of the
training lines, and the rest is predicted. Some candidates are a library's own class in both columns.
"""

import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from modeling.candidates import boosting
from modeling.candidates.choice import validation_split
from modeling.candidates.registry import BUILT, Problem
from modeling.candidates.trees.forest import random_state
from tests.benchmarks.real_problems import TRAINING_LINES, real_problems
from tests.reference import candidates as slow
from tests.reference.hard_data import signal

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
MODIFIERS = (5, 12, 20, 30, 40)

Predict = Callable[[np.ndarray], np.ndarray]

LIBRARY: dict[str, Callable[[Problem], Predict]] = {
    "ols": lambda p: slow.ols_slow(p.features, p.effect),
    "ridge": lambda p: slow.ridge_slow(p.features, p.effect),
    "lasso": lambda p: slow.lasso_slow(p.features, p.effect),
    "tree": lambda p: slow.tree_slow(p.features, p.effect),
    "xgboost": lambda p: slow.xgboost_slow(p.features, p.effect, *boosting.validation_split(p))[3],
    "knn": lambda p: slow.knn_slow(p.features, p.effect),
    "gp": lambda p: slow.gp_slow(p.features, p.effect)[3],
    "gp_noiseless": lambda p: slow.gp_slow(p.features, p.effect, noisy=False)[3],
    "forest": lambda p: slow.forest_slow(p.features, p.effect, random_state(p)),
}


def simulated_problems(targets: int) -> list[Problem]:
    """Correlated features with a weak effect."""
    sizes = [MODIFIERS[i % len(MODIFIERS)] for i in range(targets)]
    return [Problem(*signal(TRAINING_LINES, p, i, 0.3, noise=2.0), i) for i, p in enumerate(sizes)]


def fresh(problems: Sequence[Problem]) -> tuple[list[Problem], list[np.ndarray]]:
    """Problems on nine tenths of the lines, nothing computed for them yet, and the features of the rest."""
    splits = [validation_split(problem) for problem in problems]
    kept = [problem.take(lines) for problem, (lines, _) in zip(problems, splits, strict=True)]
    return kept, [problem.features[rest] for problem, (_, rest) in zip(problems, splits, strict=True)]


def ours(name: str, problems: Sequence[Problem]) -> tuple[float, list[np.ndarray], int]:
    """Seconds per fit, the predictions, and how many fits were not ok."""
    kept, rest = fresh(problems)
    begun = time.process_time()
    fits = BUILT[name].fit(kept)
    predicted = [fit.predict(features) for fit, features in zip(fits, rest, strict=True)]
    seconds = (time.process_time() - begun) / len(problems)
    return seconds, predicted, sum(fit.status != "ok" for fit in fits)


def library(name: str, problems: Sequence[Problem]) -> tuple[float, list[np.ndarray]]:
    """Seconds per fit and the predictions of the library's loop."""
    kept, rest = fresh(problems)
    begun = time.process_time()
    predicted = [LIBRARY[name](problem)(features) for problem, features in zip(kept, rest, strict=True)]
    return (time.process_time() - begun) / len(problems), predicted


def line_of(name: str, problems: Sequence[Problem]) -> str:
    """One candidate's line of the table."""
    ours(name, problems[:1])
    seconds, predicted, not_ok = ours(name, problems)
    line = f"{name:14s} {seconds:8.4f}"
    if name not in LIBRARY:
        return f"{line} {'-':>8s} {'-':>6s} {'-':>10s} {not_ok:7d}"
    library(name, problems[:1])
    theirs, expected = library(name, problems)
    apart = max(
        np.abs(a - b).max() / problem.effect.std()
        for a, b, problem in zip(predicted, expected, problems, strict=True)
    )
    return f"{line} {theirs:8.4f} {theirs / seconds:6.1f} {apart:10.0e} {not_ok:7d}"


def main() -> None:
    """Print the table."""
    targets = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    real = REAL.is_dir()
    problems = real_problems(REAL, targets) if real else simulated_problems(targets)
    sizes = [problem.n_features for problem in problems]
    lines = len(validation_split(problems[0])[0])
    print(f"{'real' if real else 'simulated'} data, {len(problems)} targets, {lines} lines a fit,")
    print(
        f"{min(sizes)} to {max(sizes)} modifiers, seconds of one core per fit; differences of predictions are"
    )
    print("the largest, in standard deviations of the effect")
    print(f"{'candidate':14s} {'ours':>8s} {'library':>8s} {'ratio':>6s} {'apart':>10s} {'not ok':>7s}")
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in BUILT:
            print(line_of(name, problems), flush=True)


if __name__ == "__main__":
    main()
