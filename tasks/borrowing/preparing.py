"""One fold as method `best` needs it for its targets: views of its lines, and genes for the gates."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from modeling.borrowing.gate import GateGenes, gate_genes
from modeling.borrowing.stages import InnerFold, View, view_of
from modeling.folds import Fold
from modeling.kernels.distances import Scaling, scaling_of, standardised
from modeling.kernels.kernels import FEWEST_TARGETS, Laplacian
from tasks.artifacts.borrowed import borrowed_of
from tasks.artifacts.files import training_sha256
from tasks.borrowing.layers import PreparedLayers, prepare_layers
from tasks.borrowing.lines import compare_lines, gate_order, inner_rows
from tasks.fitting.fold import MethodSettings, Panel


@dataclass(frozen=True, eq=False)
class PreparedBest:
    """A fold's lines compared, what its targets share, and genes to rank.

    `scaling` standardises genes for the gates. `borrows` is false where too few targets teach. `layers` is
    None where expression alone predicts. In the final fold `training` is the sha256 of the file its models
    predict from, and "" in the others. `seconds` are each target's share of all that
    (`tasks.fitting.fold.share_of`).
    """

    fold: Fold
    kernel: Laplacian
    view: View
    inner: tuple[InnerFold, ...]
    genes: GateGenes
    scaling: Scaling
    borrows: bool
    layers: PreparedLayers | None = None
    training: str = ""
    seconds: float = 0.0

    def of(self, present: Bool[np.ndarray, " train"]) -> "PreparedBest":
        """For targets that are measured on these training lines alone: what that costs, once for them all."""
        if present.all():
            return self
        return replace(
            self,
            view=self.view.of(present),
            inner=tuple(fold.of(present) for fold in self.inner),
            genes=self.genes.of(present),
            layers=None if self.layers is None else self.layers.of(present),
        )


def prepare_best(
    panel: Panel, fold: Fold, settings: MethodSettings, file: bytes, seconds: float
) -> PreparedBest:
    """Prepare a fold from its training lines and the file of what targets share, which took `seconds`."""
    borrowed = borrowed_of(file)
    lines, kernel = compare_lines(panel, fold), borrowed.kernel
    within = kernel.of(lines.within)
    view = view_of(within, kernel.of(lines.new), borrowed.whole)
    rows = inner_rows(len(fold.train), settings, fold)
    inner = tuple(
        InnerFold(train, held, view_of(within[np.ix_(train, train)], within[np.ix_(held, train)], shared))
        for (train, held), shared in zip(rows, borrowed.inner, strict=True)
    )
    scaling = scaling_of(panel.expression[fold.train])
    z = standardised(panel.expression[fold.train], scaling)
    final = not len(fold.test)
    training = training_sha256(panel.cell_lines, panel.genes, panel.expression) if final else ""
    return PreparedBest(
        fold=fold,
        kernel=kernel,
        view=view,
        inner=inner,
        genes=gate_genes(z, gate_order(len(fold.train), settings, fold)),
        scaling=scaling,
        borrows=len(borrowed.targets) >= FEWEST_TARGETS,
        layers=prepare_layers(panel, fold, settings),
        training=training,
        seconds=seconds,
    )
