"""A simulated DepMap as plain arrays: expression, gene effects and the truth about who modifies whom."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from modeling.seeds import generator
from modeling.statistics.metrics import pearson
from tasks.simulation.cell_lines import LIBRARIES, LINEAGES, cell_line_ids, deal, missing_blocks
from tasks.simulation.effects import Planted, effect_matrix
from tasks.simulation.expression import expression_matrix
from tasks.simulation.genes import GenePlan, entrez, plan_genes, symbol


@dataclass(frozen=True)
class Simulation:
    """Everything simulated. All rows hold cell lines in one order; the first `n_shared` are in both matrices.

    `expression` is log2(TPM+1), f32[cell_lines, genes]; `effect` f32[cell_lines, targets], NaN where the
    line's library missed the target. `own[t]` is the column of target t's own expression, -1 where it has
    none. `truth` has one row per target and modifier: target, modifier, kind, sign, weight, planted_pearson
    (between the modifier's expression and the target's measured effect over the shared lines; 0 where the
    modifier does not vary there). `truth_targets` has one row per target: target, class, n_modifiers,
    n_measured, mean, sd (over the same lines).
    """

    cell_lines: tuple[str, ...]
    lineages: tuple[str, ...]
    libraries: tuple[str, ...]
    genes: tuple[str, ...]
    gene_entrez: np.ndarray
    targets: tuple[str, ...]
    target_entrez: np.ndarray
    own: np.ndarray
    expression: np.ndarray
    effect: np.ndarray
    n_shared: int
    truth: pa.Table
    truth_targets: pa.Table


def simulate_arrays(cell_lines: int, genes: int, seed: int = 0, unshared: int = 0) -> Simulation:
    """Simulate `cell_lines` lines with both kinds of data and `unshared` more, for `genes` expressed genes.

    Deterministic: the same arguments give the same arrays. Needs at least 30 lines and 50 genes to hold one
    target of every kind; `tasks.simulation.simulate` checks that for users.
    """
    n_lines = cell_lines + unshared
    plan = plan_genes(genes, generator(seed, "simulate", "genes"))
    draw = generator(seed, "simulate", "lines")
    lineage = deal([one.share for one in LINEAGES], n_lines, draw)
    library = deal([one.lines for one in LIBRARIES], n_lines, draw)
    ids = cell_line_ids(n_lines, draw)
    expression = expression_matrix(plan, lineage, generator(seed, "simulate", "expression"))
    effect, planted = effect_matrix(plan, expression, lineage, generator(seed, "simulate", "effect"))
    effect[missing_blocks(library, len(plan.screened), generator(seed, "simulate", "missing"))] = np.nan
    targets = plan.screened
    return Simulation(
        cell_lines=tuple(ids),
        lineages=tuple(LINEAGES[code].name for code in lineage),
        libraries=tuple(LIBRARIES[code].name for code in library),
        genes=tuple(symbol(gene) for gene in range(genes)),
        gene_entrez=np.array([entrez(gene) for gene in range(genes)]),
        targets=tuple(symbol(gene) for gene in targets),
        target_entrez=np.array([entrez(gene) for gene in targets]),
        own=np.where(targets < genes, targets, -1),
        expression=expression,
        effect=effect,
        n_shared=cell_lines,
        truth=_truth(plan, planted, expression[:cell_lines], effect[:cell_lines]),
        truth_targets=_truth_targets(plan, planted, effect[:cell_lines]),
    )


def _truth(plan: GenePlan, planted: list[Planted], expression: np.ndarray, effect: np.ndarray) -> pa.Table:
    columns = np.searchsorted(plan.screened, [one.target for one in planted])
    realised = []
    for one, column in zip(planted, columns, strict=True):
        measured = np.isfinite(effect[:, column])
        realised.append(pearson(effect[measured, column], expression[measured, one.modifier]))
    return pa.table(
        {
            "target": pa.array([symbol(one.target) for one in planted]),
            "modifier": pa.array([symbol(one.modifier) for one in planted]),
            "kind": pa.array([one.kind for one in planted]),
            "sign": pa.array([1 if one.weight > 0 else -1 for one in planted], pa.int8()),
            "weight": pa.array([one.weight for one in planted], pa.float64()),
            "planted_pearson": pa.array(realised, pa.float64()),
        }
    )


def _truth_targets(plan: GenePlan, planted: list[Planted], effect: np.ndarray) -> pa.Table:
    modifiers = np.bincount([one.target for one in planted], minlength=plan.n_all)
    return pa.table(
        {
            "target": pa.array([symbol(gene) for gene in plan.screened]),
            "class": pa.array(plan.kind[plan.screened].tolist()),
            "n_modifiers": pa.array(modifiers[plan.screened], pa.int32()),
            "n_measured": pa.array(np.isfinite(effect).sum(axis=0), pa.int32()),
            "mean": pa.array(np.nanmean(effect, axis=0, dtype=np.float64)),
            "sd": pa.array(np.nanstd(effect, axis=0, dtype=np.float64)),
        }
    )
