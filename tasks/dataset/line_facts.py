"""What is known of each cell line beside its numbers: names, lineage, disease, and which folds test it."""

from collections.abc import Iterable

import pyarrow as pa

from modeling.folds import FINAL_FOLD, Fold
from tasks.dataset.dataset import Dataset
from tasks.tables.line_tables import CELL_LINES

# Column of the table: the column of the Dataset's own table.
NAMES = {"name": "cell_line_name", "ccle_name": "ccle_name", "disease": "disease", "subtype": "subtype"}


def line_facts(dataset: Dataset, folds: Iterable[Fold]) -> pa.Table:
    """One row per cell line of the Dataset, in its order: the columns of table `cell_lines`.

    What the Dataset does not know is null, and so is a text without letters. `folds` are those that test the
    line, their numbers ascending; the final fold tests none.
    """
    tested: list[list[int]] = [[] for _ in dataset.cell_lines]
    for fold in folds:
        for row in fold.test.tolist() if fold.number != FINAL_FOLD else ():
            tested[row].append(fold.number)
    held = dataset.cell_line_table
    texts = {column: _texts(held, source) for column, source in NAMES.items()}
    columns = {
        "cell_line": dataset.cell_lines,
        "lineage": [text or None for text in dataset.lineages],
        "folds": [sorted(numbers) for numbers in tested],
        **texts,
    }
    return pa.table([pa.array(columns[f.name], f.type) for f in CELL_LINES.schema], schema=CELL_LINES.schema)


def _texts(held: pa.Table, column: str) -> list[str | None]:
    if column not in held.column_names:
        return [None] * held.num_rows
    return [
        str(value).strip() or None if value is not None else None for value in held.column(column).to_pylist()
    ]
