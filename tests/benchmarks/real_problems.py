"""Real targets with their modifiers, as `selection.select` finds them on the training lines of one fold."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from modeling.candidates.registry import Problem
from modeling.selection.prepared import prepare_genes
from modeling.selection.select import SelectionSettings, select
from tasks.dataset.target_facts import VARIABLE_SD
from tasks.fitting.fold import Panel
from tasks.simulation.biology import simulate_arrays

TRAINING_LINES = 786  # four fifths of the 983 lines that both matrices hold


@cache
def real_problems(folder: Path, targets: int, seed: int = 0) -> tuple[Problem, ...]:
    """Random varying targets of the matrices in `folder`, those without a modifier left out."""
    expression = pd.read_parquet(folder / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    levels = pd.read_parquet(folder / "gene_dependency_level_22q1.parquet").astype("float64").dropna(axis=1)
    rng = np.random.default_rng(seed)
    shared = rng.permutation(expression.index.intersection(levels.index))[:TRAINING_LINES]
    x, y = expression.loc[shared].to_numpy(np.float64), levels.loc[shared].to_numpy()
    varying = np.flatnonzero(y.std(axis=0) > 0.3)
    problems: list[Problem] = []
    genes = prepare_genes(x)
    for target in rng.permutation(varying):
        (modifiers,) = select(genes, y[:, [target]], SelectionSettings())
        if len(modifiers):
            problems.append(Problem(x[:, np.sort(modifiers.genes)], y[:, target], int(target)))
        if len(problems) == targets:
            break
    return tuple(problems)


def real_panel(folder: Path) -> Panel:
    """The lines of both matrices in `folder`, their dense genes, and the targets whose level varies."""
    expression = pd.read_parquet(folder / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    levels = pd.read_parquet(folder / "gene_dependency_level_22q1.parquet").astype("float64")
    lines = expression.index.intersection(levels.index)
    levels = levels.loc[lines]
    varying = levels.loc[:, levels.std() > VARIABLE_SD]
    return Panel(
        cell_lines=tuple(lines),
        genes=tuple(expression.columns),
        targets=tuple(varying.columns),
        expression=expression.loc[lines].to_numpy(np.float32),
        effect=varying.to_numpy(np.float32),
        own=np.full(varying.shape[1], -1),
        lineages=np.zeros(len(lines), dtype=np.int64),
    )


def simulated_panel() -> Panel:
    """As many lines and genes, simulated."""
    simulated = simulate_arrays(983, 535, seed=0)
    shared = slice(simulated.n_shared)
    return Panel(
        cell_lines=simulated.cell_lines[shared],
        genes=simulated.genes,
        targets=simulated.targets,
        expression=simulated.expression[shared],
        effect=simulated.effect[shared],
        own=simulated.own,
        lineages=np.zeros(simulated.n_shared, dtype=np.int64),
    )
