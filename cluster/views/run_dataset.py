"""The Dataset that a store's runs were made from, where it still lies unchanged; and its cell lines."""

import numpy as np
import pyarrow as pa

from cluster.errors import StorageError
from cluster.store import layout
from cluster.store.datasets import open_dataset
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.records import targets_of
from modeling.folds import Fold
from tasks.dataset.dataset import Dataset
from tasks.dataset.line_facts import line_facts
from tasks.errors import BadInputError
from tasks.tables.line_tables import CELL_LINES


def dataset_of(reader: StoreReader, place: str | None = None, verify: bool = True) -> Dataset | None:
    """The Dataset of the runs, if it lies where a run found it (or at `place`) and is the same to the bit.

    Not to `verify` takes what a recorded one says of itself for true: its matrices are not hashed again.
    Raises BadInputError where `place` is given and holds another one.
    """
    if place is not None:
        dataset = open_dataset(place)
        if dataset.content_hash != reader.run.get("dataset_hash"):
            raise BadInputError(
                f"--dataset {place}: not the Dataset that {reader.fs.name} was made from (its content hash "
                "differs); give that one, or leave the option out"
            )
        return dataset
    name = f"dataset{', verified' if verify else ''}"
    return reader.remember(name, lambda: _recorded(reader, verify))


def _recorded(reader: StoreReader, verify: bool) -> Dataset | None:
    for recorded in reader.datasets():
        try:
            dataset = open_dataset(recorded)
            if dataset.content_hash == reader.run.get("dataset_hash"):
                if verify:
                    dataset.verify()
                return dataset
        except (BadInputError, StorageError, OSError):
            continue
    return None


def cell_lines_table(reader: StoreReader) -> pa.Table:
    """One row per cell line, sorted; `CELL_LINES`.

    As the run wrote it. Stores of releases before 0.2 hold none: then from the Dataset, should it lie where a
    run found it, with the folds that predictions tell; else the lines predicted, with nothing but folds.
    """
    path = layout.cell_lines_path(str(reader.run.get("dataset_hash")))
    if reader.fs.exists(path):
        return _typed(targets_of(reader.body(path)))
    tested = _tested(reader)
    if (dataset := dataset_of(reader, verify=False)) is None:
        columns = {"cell_line": sorted(tested), "folds": [sorted(tested[line]) for line in sorted(tested)]}
        return _typed(pa.table({n: pa.array(v, CELL_LINES.schema.field(n).type) for n, v in columns.items()}))
    row = {line: at for at, line in enumerate(dataset.cell_lines)}
    none = np.arange(0)
    numbers = sorted({fold for folds in tested.values() for fold in folds})
    folds = [
        Fold(fold, "", none, np.array([row[line] for line, of in tested.items() if fold in of], np.int64))
        for fold in numbers
    ]
    return sort_rows(line_facts(dataset, folds), CELL_LINES.key)


def lineages_of(reader: StoreReader) -> dict[str, str]:
    """Each cell line's lineage, of those whose lineage is known."""
    lines = reader.remember("cell lines", lambda: cell_lines_table(reader))
    pairs = zip(lines.column("cell_line").to_pylist(), lines.column("lineage").to_pylist(), strict=True)
    return {line: lineage for line, lineage in pairs if lineage is not None}


def _typed(lines: pa.Table) -> pa.Table:
    """With the columns of the table, in its order: those that are missing null."""
    columns = [
        lines.column(f.name).cast(f.type) if f.name in lines.column_names else pa.nulls(len(lines), f.type)
        for f in CELL_LINES.schema
    ]
    return pa.table(columns, schema=CELL_LINES.schema)


def _tested(reader: StoreReader) -> dict[str, set[int]]:
    """The lines that were predicted, and in which folds."""
    found: dict[str, set[int]] = {}
    for _, part in reader.parts("predictions", ("cell_line", "fold")):
        pairs = part.group_by(["cell_line", "fold"]).aggregate([])
        for line, fold in zip(
            pairs.column("cell_line").to_pylist(), pairs.column("fold").to_pylist(), strict=True
        ):
            found.setdefault(line, set()).add(fold)
    return found
