"""One matrix file (CSV, TSV, Parquet; cell lines as rows) as ids, column names and float32 values."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from tasks.dataset.gene_labels import duplicate_genes
from tasks.importing.columns import ColumnPlan
from tasks.importing.findings import counts_rows

TEXT_TYPES = (".csv", ".tsv", ".txt", ".tab")
PARQUET_TYPES = (".parquet", ".pq")


@dataclass(frozen=True, eq=False)
class Matrix:
    """The values of one file; NaN is missing.

    `values` holds one row per column of the file (gene, drug), because files are read column by column.
    `other_entries` are the cell lines of rows left out because they are not a model's default entry.
    """

    file: str
    ids: list[str]
    columns: list[str]
    values: Float32[np.ndarray, "columns rows"]
    described_by: tuple[str, ...] = ()
    other_entries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """What a file's columns are, and whether a row without any value is a fault."""

    genes: bool
    empty_rows: bool = False


GENES = Kind(genes=True)
DRUGS = Kind(genes=False, empty_rows=True)


def is_clean(matrix: Matrix, kind: Kind) -> bool:
    """Whether the values read can be used as they are; if not, a slower pass says why."""
    names = matrix.columns
    unique = len(set(names)) == len(names) and not (kind.genes and duplicate_genes(names))
    named = (
        all(name.strip() for name in names)
        and all(line.strip() for line in matrix.ids)
        and not counts_rows(matrix.ids)
    )
    if not (matrix.ids and names and unique and named and len(set(matrix.ids)) == len(matrix.ids)):
        return False
    return not infinite(matrix.values).any() and (kind.empty_rows or not empty_rows(matrix.values).any())


def infinite(values: Float32[np.ndarray, "columns rows"]) -> np.ndarray:
    """Which columns hold an infinite value: bool[columns]."""
    return np.array([bool(np.isinf(column).any()) for column in values], dtype=bool)


def empty_rows(values: Float32[np.ndarray, "columns rows"]) -> np.ndarray:
    """Which rows hold no value at all: bool[rows]."""
    empty = np.ones(values.shape[1], dtype=bool)
    for column in values:
        empty &= np.isnan(column)
        if not empty.any():
            break
    return empty


def file_type(path: Path) -> str:
    """The type a file's name tells (".csv", ...; .gz is looked through), or "" for one we do not read."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    last = (suffixes[:-1] if zipped else suffixes)[-1:]
    known = TEXT_TYPES if zipped else (*TEXT_TYPES, *PARQUET_TYPES)
    return last[0] if last and last[0] in known else ""


def take_rows(
    values: Float32[np.ndarray, "columns rows"], rows: np.ndarray
) -> Float32[np.ndarray, "columns r"]:
    """Some rows of a matrix held column by column; the same array where they are all rows in order."""
    if len(rows) == values.shape[1] and (rows == np.arange(len(rows))).all():
        return values
    return np.ascontiguousarray(values[:, rows])


def value_names(columns: list[str], plan: ColumnPlan) -> list[str]:
    """The names of a file's value columns."""
    return [columns[i] for i in plan.values]
