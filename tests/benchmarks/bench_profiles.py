"""Method `profiles` at the published size: one fold of every model timed on one core, beside bare bounds.

    python -m tests.benchmarks.bench_profiles [--genes N --lines N --library-components N]

Simulated genes of 20 planted factors. The bare bound of the closed forms is numpy's SVD of expression and
effect; of a network, the three float32 products of every layer and batch for as many epochs as it ran.
scikit-learn's CCA is timed for a few components, one after the other as it finds them.
"""

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import numpy as np
from sklearn.cross_decomposition import CCA
from threadpoolctl import threadpool_limits

from modeling.folds import gene_folds
from modeling.profiles.components import canonical_of, principal_of
from modeling.profiles.models import COMPONENTS
from modeling.profiles.network import SCHEDULE, NetworkProfiles, fit_network, validation_split
from modeling.profiles.regression import fit_ols, fit_ridge
from tasks.fitting.fold import Panel
from tasks.methods.profiles import profile_tables, profiles_of
from tests.benchmarks.measure import machine

FOLDS = 5
Result = TypeVar("Result")


def main() -> None:
    """Time each part of one fold and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--genes", type=int, default=18_000)
    parser.add_argument("--lines", type=int, default=630)
    parser.add_argument("--library-components", type=int, default=2, help="of scikit-learn's CCA; 0: none")
    options = parser.parse_args()
    panel = simulated(options.genes, options.lines)
    fold = gene_folds(options.genes, FOLDS, 0)[0]
    train = profiles_of(panel)
    expression, effect = train.expression[fold.train], train.effect[fold.train]
    print(f"{len(fold.train)} training genes x {options.lines} lines, one fold; {machine()}\n")
    print("| | seconds of one core | bare bound | |\n|---|---|---|---|")
    with threadpool_limits(1):
        _closed_forms(expression, effect)
        _networks(expression, effect)
        _library(expression, effect, options.library_components)
        _, seconds = timed(lambda: profile_tables(panel, 0, FOLDS, 0))
    print(f"| the whole fold to its tables, fits, scores and all | {seconds:.0f} | | |")


def simulated(genes: int, lines: int) -> Panel:
    """A gene's mean expression and 20 factors drive its effect; nothing is missing."""
    rng = np.random.default_rng(0)
    mean, factors = rng.gamma(2.0, 2.0, (genes, 1)), rng.standard_normal((genes, 20))
    noise = rng.standard_normal((2, genes, lines))
    expression = mean + 0.4 * factors @ rng.standard_normal((20, lines)) + 0.5 * noise[0]
    effect = -1 / (1 + np.exp(6 - mean)) + 0.05 * factors @ rng.standard_normal((20, lines)) + 0.2 * noise[1]
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(lines)),
        genes=tuple(f"G{i}" for i in range(genes)),
        targets=tuple(f"G{i}" for i in range(genes)),
        expression=expression.T.astype(np.float32),
        effect=effect.T.astype(np.float32),
        own=np.arange(genes),
        lineages=np.zeros(lines, dtype=np.int64),
    )


def _closed_forms(expression: np.ndarray, effect: np.ndarray) -> None:
    def both() -> object:
        return canonical_of(principal_of(expression), principal_of(effect))

    _, bare = timed(
        lambda: [np.linalg.svd(m.astype(np.float64), full_matrices=False) for m in (expression, effect)]
    )
    _, cca = timed(both)
    print(f"| CCA, all components | {cca:.1f} | {bare:.1f} (two SVDs) | {cca / bare:.2f} x |")
    principal = principal_of(expression)
    for name, fit in (("ols", fit_ols), ("ridge, 9 penalties, leave-one-out", fit_ridge)):
        _, seconds = timed(lambda fit=fit: fit(principal, effect))
        print(f"| {name}, once decomposed | {seconds:.1f} | {bare / 2:.1f} (one SVD) | |")


def _networks(expression: np.ndarray, effect: np.ndarray) -> None:
    split = validation_split(len(effect), 0)
    variates = canonical_of(principal_of(expression), principal_of(effect)).left.of(expression)
    wanted = [("network", expression.astype(np.float64))]
    wanted += [(f"cca {n} + network", variates[:, :n]) for n in COMPONENTS if n <= variates.shape[1]]
    for name, features in wanted:
        network, seconds = timed(lambda features=features: fit_network(features, effect, split, 0))
        epochs = min(network.epochs + SCHEDULE.patience, SCHEDULE.epochs)
        bare = epochs * bare_epoch(network, len(split.learned))
        shape = " x ".join(str(n) for n in network.network.sizes)
        print(
            f"| {name} ({shape}), {epochs} epochs | {seconds:.1f} | {bare:.1f} (products) | "
            f"{seconds / bare:.1f} x |"
        )


def bare_epoch(network: NetworkProfiles, genes: int) -> float:
    """Seconds of the products of one epoch: each layer forward, its weights' slopes, its inputs' slopes."""
    rng, batch = np.random.default_rng(0), SCHEDULE.batch
    layers = list(pairwise(network.network.sizes))
    arrays = [
        [rng.standard_normal(s).astype(np.float32) for s in ((batch, i), (i, o), (batch, o))]
        for i, o in layers
    ]

    def step() -> None:
        for i, (x, w, d) in enumerate(arrays):
            x @ w
            x.T @ d
            if i:
                d @ w.T

    _, seconds = timed(lambda: [step() for _ in range(50)])
    return seconds / 50 * -(-genes // batch)


def _library(expression: np.ndarray, effect: np.ndarray, components: int) -> None:
    if components:
        _, seconds = timed(lambda: CCA(n_components=components).fit(expression, effect))
        print(f"| scikit-learn's CCA, {components} of {effect.shape[1]} components | {seconds:.1f} | | |")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """The result, and seconds of this process's processor time: other work does not count."""
    begun = time.process_time()
    result = work()
    return result, time.process_time() - begun


if __name__ == "__main__":
    main()
