"""Any table of numbers with names on both sides: what stands in a file, before it is known what it means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float32

from tasks.errors import BadInputError
from tasks.importing.files import PARQUET_TYPES, file_type
from tasks.importing.findings import BadCell, Findings
from tasks.importing.matrices import is_default_entry, plan_columns
from tasks.importing.parquet_matrix import read_parquet
from tasks.samples.delimited import read_delimited
from tasks.samples.h5ad import H5AD, read_h5ad

TYPES = (".csv", ".tsv", ".txt", ".parquet", ".h5ad")
# Numbers that describe genes where genes are the rows; as plain(name) writes them.
ABOUT_GENES = frozenset(
    {"start", "end", "length", "genelength", "effectivelength", "strand", "width", "chromosome"}
)


@dataclass(frozen=True, eq=False)
class Table:
    """Numbers with names on both sides; NaN is missing.

    `texts` are columns of text that are no numbers, by name: further names of the rows, or what describes
    them. `of_columns` the same of columns, where a file has them (.h5ad). `notes` say what was read how.
    """

    file: str
    rows: list[str]
    columns: list[str]
    values: Float32[np.ndarray, "rows columns"]
    texts: dict[str, list[str]] = field(default_factory=dict)
    of_columns: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def transposed(self) -> "Table":
        """Rows as columns."""
        return Table(
            self.file, self.columns, self.rows, self.values.T, self.of_columns, self.texts, self.notes
        )


def read_table(path: Path) -> Table:
    """A table from .csv, .tsv, .txt (.gz too), .parquet or .h5ad.

    The names of rows stand in the column that is called as ids are, else in the pandas index, else in the
    first column of text. Raises BadInputError, with all problems, for what cannot be read as one.
    """
    if path.suffix.lower() == H5AD:
        return _from_h5ad(path)
    if file_type(path) in PARQUET_TYPES:
        notes: list[str] = []
        table = read_parquet(path)
        named = [str(name) for name in table.column_names]
        index = _pandas_index(table)
    else:
        table, notes = read_delimited(path)
        named, index = table.column_names, None
    return _from_arrow(path, table, named, index, notes)


def table_of_frame(frame: pd.DataFrame) -> Table:
    """The table that a checked frame is (`tasks.scoring.samples.checked_samples`)."""
    values = frame.to_numpy(dtype=np.float32)
    rows, columns = ([str(name) for name in names] for names in (frame.index, frame.columns))
    values, notes = _without_endless(values)
    return Table("samples", rows, columns, values, notes=notes)


def _from_h5ad(path: Path) -> Table:
    held = read_h5ad(path)
    return Table(str(path), held.samples, held.genes, held.values, held.of_samples, held.of_genes, held.notes)


def _from_arrow(
    path: Path, table: pa.Table, named: Sequence[str], index: int | None, notes: list[str]
) -> Table:
    is_text = [_is_text(kind) for kind in table.schema.types]
    plan = plan_columns(named, fallback=_id_column(path, named, is_text, index))
    ids = ["" if name is None else str(name).strip() for name in table.column(plan.identifier).to_pylist()]
    _check_names(path, named[plan.identifier], ids)
    rows = np.arange(len(ids))
    if plan.default is not None:
        chosen = [is_default_entry(str(cell)) for cell in table.column(plan.default).to_pylist()]
        rows = np.flatnonzero(chosen)
        notes = [*notes, f"{len(ids) - len(rows)} rows are no default entry of their model, and not used"]
    texts, numbers, columns = {}, [], []
    findings = Findings(str(path), names="row")
    for position in plan.values:
        column = table.column(position)
        if is_text[position]:
            cells = ["" if cell is None else str(cell) for cell in column.to_pylist()]
            _find_bad_cells(findings, named[position], cells)
            texts[named[position].strip()] = [cells[row] for row in rows]
        elif pa.types.is_null(column.type) and not named[position].strip():
            continue  # as spreadsheets save them
        elif _is_number(column.type):
            numbers.append(_floats(column)[rows])
            columns.append(named[position].strip())
        else:
            notes = [*notes, f"column {named[position]!r} holds {column.type}, and is not used"]
    if not numbers or not len(rows):
        findings.whole("no rows or no columns of numbers in it; the export was empty")
    if problems := findings.lines():
        raise BadInputError(problems)
    values, more = _without_endless(np.stack(numbers, axis=1))
    return Table(str(path), [ids[row] for row in rows], columns, values, texts, {}, (*notes, *more))


def _without_endless(
    values: Float32[np.ndarray, "rows columns"],
) -> tuple[Float32[np.ndarray, "rows columns"], tuple[str, ...]]:
    """NaN for what is infinite, and what to say of it."""
    endless = np.isinf(values)
    if not endless.any():
        return values, ()
    note = f"{int(endless.sum())} cells are infinite or too large for a number, and count as not known"
    return np.where(endless, np.float32(np.nan), values), (note,)


def _check_names(path: Path, header: str, ids: Sequence[str]) -> None:
    """Raise BadInputError for a first column of expression, which has no names of samples."""
    cells = [cell for cell in ids if cell]
    if not header.strip() or header.strip().lower() in _ID_NAMES or not cells:
        return
    if all(_NUMBER.fullmatch(cell) for cell in cells) and any(_FRACTION.search(cell) for cell in cells):
        raise BadInputError(
            f"{path}: column {header!r} holds numbers ({', '.join(cells[:3])}), where the samples' names are "
            "expected: put them in a first column"
        )


def _id_column(path: Path, named: Sequence[str], is_text: Sequence[bool], index: int | None) -> int:
    """Where the names of rows stand, where no column is called as ids are."""
    if index is not None:
        return index
    if not named[0].strip() or named[0].strip().lower() in _ID_NAMES:
        return 0
    found = next((place for place, text in enumerate(is_text) if text), None)
    if found is None:
        raise BadInputError(
            f"{path}: no column of text to take the samples' names from; expected them in the first column"
        )
    return found


_NUMBER = re.compile(r"-?\d*[.,]?\d+(e[+-]?\d+)?", re.IGNORECASE)
_FRACTION = re.compile(r"[.,]\d{3}")  # names such as 12.1 there are
_ID_NAMES = frozenset({"gene", "gene_id", "geneid", "entrez", "entrez_id", "ensembl", "ensembl_id", "sample"})


def _pandas_index(table: pa.Table) -> int | None:
    described = (table.schema.pandas_metadata or {}).get("index_columns", [])
    names = [name for name in described if isinstance(name, str) and name in table.column_names]
    return table.column_names.index(names[0]) if names else None


def _is_text(kind: pa.DataType) -> bool:
    is_dictionary = pa.types.is_dictionary(kind) and _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or is_dictionary)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind))


def _floats(column: pa.ChunkedArray) -> Float32[np.ndarray, " rows"]:
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan, dtype=np.float32)
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite
        return np.asarray(column.to_numpy(), dtype=np.float32)


def _find_bad_cells(findings: Findings, name: str, cells: Sequence[str]) -> None:
    """A column that is mostly numbers is one of numbers with faults, not one of text."""
    filled = [(row, cell) for row, cell in enumerate(cells) if cell.strip()]
    wrong = [(row, cell) for row, cell in filled if not _reads_as_number(cell)]
    if 0 < len(wrong) < len(filled) / 2:
        for row, cell in wrong:
            fault = BadCell.ENCODING if not cell.isprintable() else BadCell.TEXT
            findings.cell(row + 2, name, fault, cell)


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
