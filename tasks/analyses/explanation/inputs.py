"""What an explanation is made from: one target's lines, its modifiers' expression, what each fold chose."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from modeling.candidates.fitted import Parameter
from modeling.candidates.problem import Problem
from modeling.seeds import seed_of


@dataclass(frozen=True)
class FoldModel:
    """What the method of modifiers settled on in one fold: `modifiers` by rank, the model and its parameters.

    `test` are rows of the lines; every other line with a measured effect trained. `model` is None without
    one, and the name of a candidate elsewhere.
    """

    fold: int
    test: Int64[np.ndarray, " test"]
    modifiers: tuple[str, ...]
    model: str | None = None
    parameters: Mapping[str, Parameter] | None = None


@dataclass(frozen=True, eq=False)
class TargetData:
    """One target. `effect` is NaN where not measured; lineages are "" where unknown; `seed` is the run's.

    `expression` holds log2(TPM+1) of `genes`: at least every modifier of `folds` and `features`. `features`
    are what the models on all lines learn from, the most often chosen first.
    """

    target: str
    measure: str
    cell_lines: tuple[str, ...]
    lineages: tuple[str, ...]
    effect: Float64[np.ndarray, " lines"]
    genes: tuple[str, ...]
    expression: Float64[np.ndarray, "lines genes"]
    features: tuple[str, ...]
    folds: tuple[FoldModel, ...]
    seed: int = 0

    @property
    def measured(self) -> Int64[np.ndarray, " measured"]:
        """Rows of the lines with a measured effect."""
        return np.flatnonzero(~np.isnan(self.effect))

    def train(self, fold: FoldModel) -> Int64[np.ndarray, " train"]:
        """Rows that a fold learned from."""
        return np.setdiff1d(self.measured, fold.test)

    def values(
        self, rows: Int64[np.ndarray, " rows"], genes: tuple[str, ...]
    ) -> Float64[np.ndarray, "rows genes"]:
        """The expression of some genes on some lines."""
        place = {name: at for at, name in enumerate(self.genes)}
        columns = np.array([place[name] for name in genes], dtype=np.int64)
        return self.expression[np.ix_(rows, columns)]

    def problem(self, rows: Int64[np.ndarray, " rows"], genes: tuple[str, ...], fold: int) -> Problem:
        """What a candidate learns from, with the seeds that the run gave it."""
        own = genes.index(self.target) if self.target in genes else -1
        seeds = (seed_of(self.seed, self.target, fold, "autoselect"), seed_of(self.seed, "fold", fold))
        return Problem(self.values(rows, genes), self.effect[rows], *seeds, own)
