"""Whether a Dataset can bear what a run asks of it."""

from tasks.dataset import Dataset
from tasks.fits import FEWEST_LINES
from tasks.problems import BadInputError


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
