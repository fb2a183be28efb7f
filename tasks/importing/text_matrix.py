"""Reads a delimited matrix fast, through pyarrow; a slow pass finds out why where that fails."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from jaxtyping import Float32

from tasks.errors import BadInputError
from tasks.importing.files import MISSING, ends_with_newline, numbered_rows, read_header, separator_of
from tasks.importing.findings import BadCell, Findings
from tasks.importing.matrices import (
    ColumnPlan,
    Kind,
    Matrix,
    is_clean,
    is_default_entry,
    matrix_of,
    plan_columns,
)

BLOCK_BYTES = 16 * 2**20
_LARGEST = float(np.finfo(np.float32).max)


def read_text_matrix(path: Path, kind: Kind) -> Matrix:
    """A CSV or TSV matrix (.gz too).

    Raises:
        BadInputError: every problem of the file, with row or column.
    """
    header = read_header(path)
    plan = plan_columns(header)
    try:
        matrix = _read_fast(path, header, plan)
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0][:200]
        found = _diagnose(path, header, plan, kind)
        raise BadInputError(found or f"{path}: cannot be read: {first_line}") from error
    if not is_clean(matrix, kind):
        raise BadInputError(_diagnose(path, header, plan, kind) or f"{path}: holds no usable values")
    return matrix


def _read_fast(path: Path, header: list[str], plan: ColumnPlan) -> Matrix:
    table = pa.csv.read_csv(
        pa.input_stream(str(path), compression="gzip" if path.suffix.lower() == ".gz" else None),
        # Columns go by position: a header may hold a name twice, which the slow pass reports.
        read_options=pa.csv.ReadOptions(
            skip_rows=1, column_names=[str(i) for i in range(len(header))], block_size=BLOCK_BYTES
        ),
        parse_options=pa.csv.ParseOptions(delimiter=separator_of(path)),
        convert_options=_conversions(plan),
    )
    default = None if plan.default is None else table.column(str(plan.default)).to_pylist()
    ids = table.column(str(plan.identifier)).to_pylist()
    return matrix_of(path, header, plan, ids, default, _values(table, plan))


def _conversions(plan: ColumnPlan) -> pa.csv.ConvertOptions:
    texts = [plan.identifier] if plan.default is None else [plan.identifier, plan.default]
    types = {str(i): pa.string() for i in texts} | {str(i): pa.float32() for i in plan.values}
    return pa.csv.ConvertOptions(
        column_types=types,
        include_columns=list(types),
        null_values=sorted(MISSING),
        strings_can_be_null=False,
    )


def _values(table: pa.Table, plan: ColumnPlan) -> Float32[np.ndarray, "columns rows"]:
    values = np.empty((len(plan.values), table.num_rows), dtype=np.float32)
    for row, position in enumerate(plan.values):
        values[row] = table.column(str(position)).to_numpy()
    return values


def _diagnose(path: Path, header: list[str], plan: ColumnPlan, kind: Kind) -> list[str]:
    """Every problem of the file, one a line; empty where nothing is wrong. Slow: line by line."""
    findings = Findings(str(path))
    findings.header(header, plan.values, kind.genes)
    ids: list[str] = []
    widths: list[tuple[int, int]] = []
    try:
        for number, fields in numbered_rows(path):
            if number == 1:
                continue
            if len(fields) != len(header):
                widths.append((number, len(fields)))
                continue
            known = _check_values(findings, number, header, fields, plan)
            if plan.default is not None and not is_default_entry(fields[plan.default]):
                ids.append("")
                continue
            ids.append(fields[plan.identifier].strip())
            findings.name_row(number, ids[-1])
            if not known and not kind.empty_rows:
                findings.row(number, f"cell line {ids[-1]!r} has no value at all; remove the row")
            if findings.full:
                findings.whole(f"row {number}: too many problems; the rest of the file was not checked")
                break
    except BadInputError as error:
        return [*findings.lines(), *error.problems]
    _check_widths(findings, path, len(header), widths, bool(ids))
    _check_rows(findings, plan, ids, bool(widths))
    return findings.lines()


def _check_values(
    findings: Findings, number: int, header: Sequence[str], fields: list[str], plan: ColumnPlan
) -> int:
    """How many values a row has, bad ones included."""
    known = 0
    for position in plan.values:
        text = fields[position]
        if text in MISSING:
            continue
        known += 1
        if fault := fault_of(text):
            findings.cell(number, header[position], fault, text)
    return known


def fault_of(text: str) -> BadCell | None:
    """What is wrong with a number's spelling, by the rules of pyarrow's reader (no 1_000)."""
    try:
        value = float(text)
    except ValueError:
        return BadCell.ENCODING if any("\udc80" <= c <= "\udcff" for c in text) else BadCell.TEXT
    if "_" in text or not text.isascii():
        return BadCell.TEXT
    if math.isnan(value):
        return BadCell.TEXT
    return BadCell.INFINITE if abs(value) > _LARGEST else None


def _check_widths(
    findings: Findings, path: Path, expected: int, widths: list[tuple[int, int]], some_fit: bool
) -> None:
    """Rows with more or fewer values than the header has names are problems."""
    if widths and not some_fit and all(width == expected + 1 for _, width in widths):
        findings.whole(
            f"row 1: every row has {expected + 1} values but the header names {expected}: misaligned; the "
            "header lacks a name for the id column (in R: write.csv, or write.table with col.names=NA)"
        )
        return
    last_cut = bool(widths) and not ends_with_newline(path)
    for place, (number, width) in enumerate(widths):
        cut = " and the file ends without a line end: it is truncated; download or copy it again"
        advice = cut if last_cut and place == len(widths) - 1 else "; the row is ragged or misaligned"
        findings.row(number, f"{width} values where the header names {expected}{advice}")


def _check_rows(findings: Findings, plan: ColumnPlan, ids: list[str], ragged: bool) -> None:
    if not ids and not ragged:
        findings.whole("a header but no rows below it; the file is truncated or the export was empty")
    elif plan.default is not None and ids and not any(ids):
        findings.whole("column 'IsDefaultEntryForModel': no row has Yes; expected a default entry per model")
    findings.row_numbers_as_ids(ids)
