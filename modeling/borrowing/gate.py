"""A few genes on what a prediction leaves over: taken for a target only if they lower its error by enough.

Genes are ranked by |r| with the effect or with the residual, the top few enter a ridge regression of the
residual. Ranking, number and penalty are chosen by five inner folds that each rank anew on their own training
part; the gate opens only if the best choice lowers the squared error by a share of more than `WORTH` / lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from modeling.borrowing.gate_errors import ranked_ridge, validation_errors
from modeling.borrowing.gate_ranking import (
    ALL_LINES,
    MOST_GENES,
    GeneMoments,
    Product,
    gene_moments,
    rank_genes,
)

TOPS = (3, MOST_GENES)
PENALTIES = (0.1, 0.3, 1.0, 3.0)  # relative to a standardised gene's mean square, 1
RANKED_BY = ("effect", "residual")
FOLDS = 5
WORTH = 15.0  # the error must fall by this share / lines: 2% at 750 lines, 8% at 188


@dataclass(frozen=True, eq=False)
class GateGenes:
    """Expression as a gate needs it.

    Attributes:
        values: genes x lines, standardised; the lines in the order of their inner folds.
        order: which training line each column of `values` is.
        bounds: where each inner fold's columns begin, and the end.
    """

    values: Float32[np.ndarray, "genes lines"]
    order: Int64[np.ndarray, " lines"]
    bounds: Int64[np.ndarray, " bounds"]

    @cached_property
    def moments(self) -> GeneMoments:
        """What ranking needs of the genes for every tile of targets: computed once."""
        return gene_moments(self.values, self.bounds)

    def of(self, present: Bool[np.ndarray, " lines"]) -> "GateGenes":
        """Of some of the training lines: the same folds, those columns."""
        if present.all():
            return self
        kept = present[self.order]
        bounds = np.concatenate([[0], np.cumsum(kept)])[self.bounds]
        renumbered = np.cumsum(present) - 1
        return GateGenes(np.ascontiguousarray(self.values[:, kept]), renumbered[self.order[kept]], bounds)


@dataclass(frozen=True, eq=False)
class Gate:
    """What opened: `genes` (columns), and what is added to a prediction, sum of `weights` x (z - `centre`).

    `gain` is the share by which the inner folds' squared error fell; `pearson` is each gene's r with the
    effect. No genes: the gate stays shut.
    """

    genes: Int64[np.ndarray, " k"]
    weights: Float64[np.ndarray, " k"]
    centre: Float64[np.ndarray, " k"]
    pearson: Float64[np.ndarray, " k"]
    gain: float
    ranked_by: str = ""
    penalty: float = float("nan")

    def added(self, z: Float64[np.ndarray, "new k"]) -> Float64[np.ndarray, " new"]:
        """What is added for lines with this standardised expression of `genes`."""
        out: np.ndarray = ((z - self.centre) * self.weights).sum(axis=1)
        return out


def gate_genes(
    standardised: Float32[np.ndarray, "lines genes"], shuffled: Int64[np.ndarray, " lines"]
) -> GateGenes:
    """Prepare genes; `shuffled` is a permutation of the lines, which is cut into the inner folds."""
    parts = [np.sort(part) for part in np.array_split(shuffled, FOLDS)]
    order = np.concatenate(parts)
    bounds = np.cumsum([0, *(len(part) for part in parts)])
    return GateGenes(np.ascontiguousarray(standardised[order].T), order, bounds)


def fit_gates(
    genes: GateGenes,
    effects: Float64[np.ndarray, "lines tile"],
    residuals: Float64[np.ndarray, "lines tile"],
    product: Product = np.matmul,
) -> list[Gate]:
    """A gate for each target of a tile; `residuals` are what predictions made without a line leave of it.

    The width of the tile decides the last bits, as in `stages.fit_stages`.
    """
    y, r = (np.ascontiguousarray(m[genes.order]) for m in (effects, residuals))
    ranked, _ = rank_genes(genes.values, genes.bounds, np.hstack([y, r]), product, genes.moments)
    width = effects.shape[1]
    by = np.stack([ranked[:width], ranked[width:]], axis=1)  # tile x rankings x folds x genes
    errors = validation_errors(
        genes.values, genes.bounds, by, r.T.copy(), np.array(TOPS), np.array(PENALTIES)
    )
    before = np.square(r).sum(axis=0)
    return [_gate(genes, by[t], y[:, t], r[:, t], errors[t], float(before[t])) for t in range(width)]


def residuals_after(
    genes: GateGenes, gates: Sequence[Gate], residuals: Float64[np.ndarray, "lines tile"]
) -> Float64[np.ndarray, "lines tile"]:
    """What the gates, fitted on these genes, leave of the residuals."""
    left = residuals.copy()
    for column, gate in enumerate(gates):
        if len(gate.genes):
            left[genes.order, column] -= gate.added(genes.values[gate.genes].T.astype(np.float64))
    return left


def _gate(
    genes: GateGenes,
    ranked: Int64[np.ndarray, "rankings folds most"],
    effect: Float64[np.ndarray, " lines"],
    residual: Float64[np.ndarray, " lines"],
    errors: Float64[np.ndarray, "rankings tops penalties"],
    before: float,
) -> Gate:
    best = np.unravel_index(int(np.argmin(errors)), errors.shape)
    gain = 1.0 - float(errors[best]) / before if before > 0 else 0.0
    ranking, top, penalty = (int(i) for i in best)
    chosen = ranked[ranking, ALL_LINES][: TOPS[top]]
    chosen = chosen[chosen >= 0]
    if not gain > WORTH / len(residual) or not len(chosen):
        nothing = np.empty(0)
        return Gate(np.empty(0, dtype=np.int64), nothing, nothing, nothing, gain)
    weights, centre = ranked_ridge(genes.values, chosen, residual, PENALTIES[penalty])
    pearson = _correlations(genes.values[chosen].astype(np.float64), effect)
    return Gate(chosen, weights, centre, pearson, gain, RANKED_BY[ranking], PENALTIES[penalty])


def _correlations(
    z: Float64[np.ndarray, "k lines"], effect: Float64[np.ndarray, " lines"]
) -> Float64[np.ndarray, " k"]:
    z, y = z - z.mean(axis=1, keepdims=True), effect - effect.mean()
    size = np.sqrt(np.square(z).sum(axis=1) * np.square(y).sum())
    return np.divide((z * y).sum(axis=1), size, out=np.zeros(len(z)), where=size > 0)


def raw_units(
    gate: Gate, mean: Float64[np.ndarray, " genes"], inverse: Float64[np.ndarray, " genes"]
) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, " k"]]:
    """Weights and centre for expression as it comes, z = (expression - mean) x inverse."""
    weights = gate.weights * inverse[gate.genes]
    centre = mean[gate.genes] + gate.centre / inverse[gate.genes]
    return weights, centre


def added_in_raw_units(
    expression: Float32[np.ndarray, "lines k"],
    weights: Float64[np.ndarray, " k"],
    centre: Float64[np.ndarray, " k"],
) -> Float64[np.ndarray, " lines"]:
    """What a gate with these `raw_units` adds; a gene that is NaN counts as at its centre: adds nothing."""
    away = expression.astype(np.float64) - centre
    away[np.isnan(away)] = 0.0
    out: np.ndarray = (away * weights).sum(axis=1)
    return out
