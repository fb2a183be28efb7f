"""Reads a delimited matrix fast, through pyarrow; a slow pass finds out why where that fails."""

import math
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from jaxtyping import Float32

from tasks.bounded import open_columns, read_csv
from tasks.errors import BadInputError
from tasks.importing.files import MISSING, dialect_of_file, ends_with_newline, numbered_rows, read_header
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
from tasks.importing.recognition.dates import looks_like_date
from tasks.importing.recognition.dialect import Dialect, has_comma, padding, point_for_comma

BLOCK_BYTES = 16 * 2**20
_LARGEST = float(np.finfo(np.float32).max)


def read_text_matrix(path: Path, kind: Kind) -> Matrix:
    """A CSV or TSV matrix (.gz too).

    Raises:
        BadInputError: every problem of the file, with row or column.
    """
    header = read_header(path)
    plan = plan_columns(header[: len(header) - len(padding(header))])
    try:
        matrix = _read_fast(path, header, plan)
    except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
        first_line = (str(error) or type(error).__name__).splitlines()[0][:200]
        found = _diagnose(path, header, plan, kind)
        raise BadInputError(found or f"{path}: cannot be read: {first_line}") from error
    if not is_clean(matrix, kind):
        raise BadInputError(_diagnose(path, header, plan, kind) or f"{path}: holds no usable values")
    return matrix


def _read_fast(path: Path, header: list[str], plan: ColumnPlan) -> Matrix:
    dialect = dialect_of_file(path)
    table = read_csv(
        open_columns(path, len(header)),
        # Columns go by position: a header may hold a name twice, which the slow pass reports.
        read_options=pa.csv.ReadOptions(
            skip_rows=1, column_names=[str(i) for i in range(len(header))], block_size=BLOCK_BYTES
        ),
        parse_options=pa.csv.ParseOptions(delimiter=dialect.separator),
        convert_options=_conversions(plan, padding(header), dialect.decimal),
    )
    default = None if plan.default is None else table.column(str(plan.default)).to_pylist()
    ids = table.column(str(plan.identifier)).to_pylist()
    values = _values(table, plan)
    blank = [row for row, name in enumerate(ids) if not name.strip()]
    blank = [row for row in blank if np.isnan(values[:, row]).all()] if len(blank) < len(ids) else []
    if blank:
        kept = np.setdiff1d(np.arange(len(ids)), blank)
        ids, values = [ids[row] for row in kept], np.ascontiguousarray(values[:, kept])
        default = None if default is None else [default[row] for row in kept]
    if any(text.strip() for i in padding(header) for text in table.column(str(i)).to_pylist()):
        raise pa.ArrowInvalid("values in columns without a name")  # which, the slow pass finds out
    notes = (*dialect.notes(), *_spreadsheet_notes(len(padding(header)), len(blank)))
    return matrix_of(path, header, plan, ids, default, values, notes)


def _spreadsheet_notes(columns: int, rows: int) -> list[str]:
    said = [f"{columns} empty columns at the end, dropped"] if columns else []
    return said + ([f"{rows} empty rows, dropped"] if rows else [])


def _conversions(plan: ColumnPlan, blank: Sequence[int], decimal: str) -> pa.csv.ConvertOptions:
    texts = [i for i in (plan.identifier, plan.default, *blank) if i is not None]
    types = {str(i): pa.string() for i in texts} | {str(i): pa.float32() for i in plan.values}
    return pa.csv.ConvertOptions(
        column_types=types,
        include_columns=list(types),
        null_values=sorted(MISSING),
        strings_can_be_null=False,
        decimal_point=decimal,
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
    dialect, extra = dialect_of_file(path), padding(header)
    nameless = set(extra)
    if dialect.ambiguous:
        findings.whole(
            f"{dialect.ambiguous!r} may be a number with a decimal comma or with one for thousands; "
            "write numbers with a decimal point and without thousands separators"
        )
    ids: list[str] = []
    widths: list[tuple[int, int]] = []
    try:
        for number, fields in numbered_rows(path, len(header)):
            if number == 1:
                continue
            if len(fields) != len(header):
                widths.append((number, len(fields)))
                continue
            if not any(field.strip() for field in fields):
                continue
            for position in [position for position in nameless if fields[position].strip()]:
                nameless.remove(position)
                findings.whole(f"column {position + 1} has no name; give it the gene's, or remove it")
            known = _check_values(findings, number, header, fields, plan, dialect)
            known += sum(bool(fields[position].strip()) for position in extra)
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
    findings: Findings,
    number: int,
    header: Sequence[str],
    fields: list[str],
    plan: ColumnPlan,
    dialect: Dialect,
) -> int:
    """How many values a row has, bad ones included."""
    known = 0
    for position in plan.values:
        text = fields[position]
        if text in MISSING:
            continue
        known += 1
        if dialect.ambiguous and has_comma(text.strip()):
            continue  # one problem of the file as a whole
        if fault := _fault_in(text, dialect.decimal):
            findings.cell(number, header[position], fault, text)
    return known


def _fault_in(text: str, decimal: str) -> BadCell | None:
    if decimal == "," and "." in text and not fault_of(text):
        return BadCell.POINT
    return fault_of(point_for_comma(text) if decimal == "," else text)


def fault_of(text: str) -> BadCell | None:
    """What is wrong with a number's spelling, by the rules of pyarrow's reader (no 1_000)."""
    try:
        value = float(text)
    except ValueError:
        if any("\udc80" <= c <= "\udcff" for c in text):
            return BadCell.ENCODING
        if has_comma(text):
            return BadCell.COMMA
        return BadCell.DATE if looks_like_date(text) else BadCell.TEXT
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
