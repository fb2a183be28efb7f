"""Whether a Dataset can bear what a run asks of it."""

from modeling.folds import FEWEST_LINEAGE_LINES, large_lineages, lineage_sizes
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.fitting.fit import FEWEST_LINES

SHOWN_LINEAGES = 5


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
        said = f"the largest are {shown}" if sizes else "no line has a known lineage; import with --models"
        raise BadInputError(
            f"{dataset.path}: --scheme lineage needs a lineage with at least {FEWEST_LINEAGE_LINES} "
            f"cell lines; {said}; use --scheme kfold"
        )
    name, size = sizes[0]
    left = len(dataset.lineages) - size
    if left < FEWEST_LINES:
        raise BadInputError(
            f"{dataset.path}: without lineage {name} ({size} lines) {left} cell lines are left to train on; "
            f"at least {FEWEST_LINES} are needed: import more lines or use --scheme kfold"
        )
