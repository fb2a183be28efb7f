"""Reads a Parquet matrix, and finds what is wrong with one that cannot be used."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from tasks.bounded_parquet import read_bounded_parquet
from tasks.errors import BadInputError
from tasks.importing.findings import BadCell, Findings
from tasks.importing.matrices import (
    ColumnPlan,
    Kind,
    Matrix,
    empty_rows,
    infinite,
    is_clean,
    matrix_of,
    plan_columns,
)


def read_parquet_matrix(path: Path, kind: Kind) -> Matrix:
    """A Parquet matrix; the id is its ModelID column, else the pandas index, else the first column of text.

    Raises:
        BadInputError: every problem of the file, with row or column.
    """
    table = read_parquet(path)
    plan = plan_columns(table.column_names, fallback=_id_column(path, table))
    findings = Findings(str(path))
    _check_types(findings, table, plan)
    if findings.lines():
        findings.header(table.column_names, plan.values, kind.genes)
        raise BadInputError(findings.lines())
    matrix = _matrix(path, table, plan)
    if not is_clean(matrix, kind):
        findings.header(table.column_names, plan.values, kind.genes)
        _check_values(findings, matrix, kind)
        raise BadInputError(findings.lines())
    return matrix


def read_parquet(path: Path, most_cells: int | None = None) -> pa.Table:
    """A Parquet file's table; BadInputError where it is missing, damaged or too large (`tasks.bounded`)."""
    try:
        return read_bounded_parquet(path, most_cells)
    except FileNotFoundError as error:
        raise BadInputError(f"{path}: cannot be read (No such file or directory); check the path") from error
    except (OSError, pa.ArrowException) as error:
        first_line = str(error).splitlines()[0][:200]
        raise BadInputError(
            f"{path}: not a readable Parquet file ({first_line}); copy or export it again"
        ) from error


def _id_column(path: Path, table: pa.Table) -> int:
    pandas = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    index = [name for name in pandas.get("index_columns", []) if isinstance(name, str)]
    texts = [i for i, field in enumerate(table.schema) if _is_text(field.type)]
    candidates = [table.column_names.index(name) for name in index if name in table.column_names]
    found = [i for i in [*candidates, *texts] if i in texts]
    if not found:
        raise BadInputError(
            f"{path}: no column of text to take cell line ids from; expected an index or ModelID"
        )
    return found[0]


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or (pa.types.is_dictionary(kind) and _is_text(kind.value_type))
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind))


def _check_types(findings: Findings, table: pa.Table, plan: ColumnPlan) -> None:
    names, types = table.column_names, table.schema.types  # each access builds the whole list
    for position in plan.values:
        kind = types[position]
        if not _is_number(kind):
            findings.whole(f"column {names[position]!r} holds {kind}, not numbers; remove it or convert it")


def _matrix(path: Path, table: pa.Table, plan: ColumnPlan) -> Matrix:
    ids = ["" if name is None else str(name) for name in table.column(plan.identifier).to_pylist()]
    default = None if plan.default is None else table.column(plan.default).to_pylist()
    return matrix_of(path, table.column_names, plan, ids, default, _values(table, plan))


def _values(table: pa.Table, plan: ColumnPlan) -> Float32[np.ndarray, "columns rows"]:
    values = np.full((len(plan.values), table.num_rows), np.nan, dtype=np.float32)
    for row, position in enumerate(plan.values):
        column = table.column(position)
        if not pa.types.is_null(column.type):
            with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which is reported
                values[row] = column.to_numpy()
    return values


def _check_values(findings: Findings, matrix: Matrix, kind: Kind) -> None:
    """The problems that make a matrix not `is_clean`; rows are counted from 1."""
    if not matrix.ids or not matrix.columns:
        findings.whole("no rows or no columns of numbers in it; the export was empty")
    for number, name in enumerate(matrix.ids, start=1):
        findings.name_row(number, name)
    for column in np.flatnonzero(infinite(matrix.values)):
        for row in np.flatnonzero(np.isinf(matrix.values[column])):
            text = str(matrix.values[column, row])
            findings.cell(int(row) + 1, matrix.columns[column], BadCell.INFINITE, text)
    if not kind.empty_rows and matrix.columns:
        for row in np.flatnonzero(empty_rows(matrix.values)):
            findings.row(int(row) + 1, f"cell line {matrix.ids[row]!r} has no value at all; remove the row")
    findings.row_numbers_as_ids(matrix.ids)
