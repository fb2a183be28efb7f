"""Whether a Dataset has enough for what a run asks of it, and whether its expression can be log2(TPM+1)."""

import numpy as np

from modeling.folds import FEWEST_LINEAGE_LINES, large_lineages, lineage_sizes
from tasks.dataset.dataset import Dataset
from tasks.dataset.layers import LAYERS
from tasks.errors import BadInputError

FEWEST_LINES = 30  # with a measured effect; a target with fewer gets no model
SHOWN_LINEAGES = 5
UNLOGGED = 30.0  # a transcript that is the whole sample has log2(10^6 + 1), about 20


def check_enough_lines(dataset: Dataset, folds: int) -> None:
    """BadInputError where there are fewer cell lines than folds, or too few to model any target."""
    if folds < 2:
        raise BadInputError(f"--folds {folds}: expected at least 2")
    if len(dataset.cell_lines) < FEWEST_LINES:
        raise BadInputError(
            f"{dataset.path}: {len(dataset.cell_lines)} cell lines; at least {FEWEST_LINES} are needed "
            "to model any target: import more lines"
        )
    if len(dataset.cell_lines) < folds:
        raise BadInputError(
            f"{dataset.path}: {len(dataset.cell_lines)} cell lines are fewer than the {folds} folds: "
            "import more lines or lower --folds"
        )


def check_lineages(dataset: Dataset) -> None:
    """BadInputError where no lineage is large enough to be held out, or the largest leaves too few lines."""
    sizes = lineage_sizes(dataset.lineages)
    if not large_lineages(dataset.lineages):
        shown = ", ".join(f"{name} {size}" for name, size in sizes[:SHOWN_LINEAGES])
        found = f"the largest are {shown}" if sizes else "no line has a known lineage; import with --models"
        raise BadInputError(
            f"{dataset.path}: --scheme lineage needs a lineage with at least {FEWEST_LINEAGE_LINES} "
            f"cell lines; {found}; use --scheme kfold"
        )
    name, size = sizes[0]
    left = len(dataset.lineages) - size
    if left < FEWEST_LINES:
        raise BadInputError(
            f"{dataset.path}: without lineage {name} ({size} lines) {left} cell lines are left to train on; "
            f"at least {FEWEST_LINES} are needed: import more lines or use --scheme kfold"
        )


def check_inputs(dataset: Dataset, inputs: str) -> None:
    """BadInputError where inputs beside expression are asked for and the Dataset holds none."""
    if inputs == "all" and not dataset.layers:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in LAYERS)
        raise BadInputError(
            f"{dataset.path}: --inputs all: it holds expression alone; import it with one of {flags}, "
            "or use --inputs expression"
        )


def range_in_words(expression: np.ndarray) -> str:
    """The lowest and highest value, and what is doubtful about them.

    `expression`: any shape, NaN or infinite where not known.
    """
    low, high = _range(expression)
    doubt = doubt_about(expression)
    return f"values from {low:.4g} to {high:.4g}" + (f" ({doubt})" if doubt else "")


def doubt_about(expression: np.ndarray) -> str:
    """Why these values cannot be log2(TPM+1); empty words where they can."""
    low, high = _range(expression)
    if high > UNLOGGED:
        return "log2(TPM+1) ends at about 18: is this a table without logarithm?"
    return "log2(TPM+1) is never below 0: is this a table of differences?" if low < 0 else ""


def _range(expression: np.ndarray) -> tuple[float, float]:
    known = expression[np.isfinite(expression)]
    return (float(known.min()), float(known.max())) if known.size else (np.nan, np.nan)
