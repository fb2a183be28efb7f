"""Every figure of a gene, in the order that a page shows them."""

from collections.abc import Callable
from dataclasses import dataclass

from cluster.figures.gene import fits, models, modifiers
from cluster.figures.page import Drawn
from cluster.results.explain import GeneExplanation


@dataclass(frozen=True)
class GenePanel:
    """`heading` of its part of a page; `requires`: what it needs; `draw` gives None where that is missing."""

    heading: str
    requires: str
    draw: Callable[[GeneExplanation], Drawn | None]


PANELS = {
    "measured_predicted": GenePanel(
        "Measured against predicted", "predictions, and lines that differ", fits.measured_predicted
    ),
    "gain": GenePanel("What the models add", "scores", fits.gain),
    "modifiers": GenePanel("Modifiers", "modifiers and the Dataset", modifiers.scatter),
    "stability": GenePanel("Found again in every fold", "modifiers", modifiers.stability),
    "venn": GenePanel("Three tests", "modifiers that tests chose", modifiers.venn),
    "errors": GenePanel("Errors by lineage", "predictions, and lineages with ten lines", fits.errors),
    "weights": GenePanel("Weights within lineages", "modifiers and the Dataset", models.weights),
    "tree": GenePanel("A tree", "modifiers and the Dataset", models.tree),
    "boosted": GenePanel("Boosted trees", "modifiers and the Dataset", models.boosted),
    "collinear": GenePanel("Collinear modifiers", "two modifiers and the Dataset", modifiers.collinear),
}
