"""Whole genomes to time methods on: as many genes and targets as there are, and how much binds them.

How long selecting and fitting take depends on how many modifiers targets have. No genome-wide effects of real
cell lines are at hand, so a genome is made up three times: densely bound, bound as much as the targets of a
real panel, and as `knockcast simulate` makes them.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.dataset.target_facts import VARIABLE_SD
from tasks.fitting.fold import Panel
from tasks.simulation.biology import simulate_arrays

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
FACTORS = 40
# Of a target's standard deviation the part that genes share: drawn from this beta distribution, as many
# targets have modifiers, and as many of them, as in the real panel (`bench_best` prints both).
BOUND = (2.0, 1.0)
GENOMES = ("dense", "real", "simulate")


def genome(name: str, lines: int, genes: int, targets: int, variable: int) -> Panel:
    """One of `GENOMES`; that of `simulate` has as many targets, and variable ones, as it makes."""
    if name == "simulate":
        return simulated_genome(lines, genes)
    dense = dense_genome(lines, genes, targets, variable)
    return bound_as_real(dense) if name == "real" else dense


def dense_genome(lines: int, genes: int, targets: int, variable: int) -> Panel:
    """Expression and effects that factors of the lines drive; targets beyond `variable` hardly vary.

    A gene of its own drives every third target besides.
    """
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((lines, FACTORS), dtype=np.float32)
    drawn = rng.standard_normal
    expression = factors @ drawn((FACTORS, genes), dtype=np.float32) / 6 + drawn(
        (lines, genes), dtype=np.float32
    )
    effect = factors @ drawn((FACTORS, targets), dtype=np.float32) / 20 + drawn(
        (lines, targets), dtype=np.float32
    )
    private = np.arange(0, targets, 3)
    effect[:, private] += expression[:, private * 7 % genes]
    columns = np.sort(rng.permutation(targets)[:variable])
    effect *= np.where(np.isin(np.arange(targets), columns), 0.2, 0.05).astype(np.float32)
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(lines)),
        genes=tuple(f"G{i}" for i in range(genes)),
        targets=tuple(f"T{i}" for i in range(targets)),
        expression=expression,
        effect=effect,
        own=np.arange(targets) % genes,
        lineages=rng.integers(0, 25, lines),
        variable=columns,
    )


def bound_as_real(dense: Panel) -> Panel:
    """The same genome with noise in its effects, more of it in some targets than in others."""
    rng = np.random.default_rng(5)
    lines, targets = dense.effect.shape
    size = dense.effect.std(axis=0)
    bound = rng.beta(*BOUND, targets).astype(np.float32)
    noise = np.sqrt(1 - np.square(bound)) * rng.standard_normal((lines, targets), dtype=np.float32)
    return replace(dense, effect=(dense.effect / size * bound + noise) * size)


def simulated_genome(lines: int, genes: int) -> Panel:
    """What `knockcast simulate` makes, with means in place of missing effects, as in the other two."""
    made = simulate_arrays(lines, genes)
    effect = np.where(np.isnan(made.effect), np.nanmean(made.effect, axis=0), made.effect)
    return Panel(
        cell_lines=made.cell_lines,
        genes=made.genes,
        targets=made.targets,
        expression=made.expression,
        effect=effect,
        own=made.own,
        lineages=np.unique(made.lineages, return_inverse=True)[1],
        variable=np.flatnonzero(effect.std(axis=0) > VARIABLE_SD),
    )


def chronos_panel(folder: Path) -> Panel:
    """The real panel of continuous effects in `folder`, with genes known in nearly all lines."""
    expression = pd.read_parquet(folder / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    effect = pd.read_parquet(folder / "gene_effect_chronos_24q4_75genes.parquet")
    lines = expression.index.intersection(effect.index)
    return Panel(
        cell_lines=tuple(lines),
        genes=tuple(expression.columns),
        targets=tuple(effect.columns),
        expression=expression.loc[lines].to_numpy(np.float32),
        effect=effect.loc[lines].to_numpy(np.float32),
        own=np.full(effect.shape[1], -1),
        lineages=np.zeros(len(lines), dtype=np.int64),
    )
