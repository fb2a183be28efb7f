"""Reads a delimited matrix line by line to name all that is wrong with it; slow, and only run when needed."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tasks.errors import BadInputError
from tasks.importing.columns import ColumnPlan, is_default_entry
from tasks.importing.findings import BadCell, Findings
from tasks.importing.matrices import Kind
from tasks.importing.text_files import MISSING, ends_with_newline, numbered_rows

_LARGEST = float(np.finfo(np.float32).max)


def diagnose(path: Path, header: list[str], plan: ColumnPlan, kind: Kind) -> list[str]:
    """Every problem of the file, one a line; empty where nothing is wrong with it."""
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
            ids.append(fields[plan.identifier])
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
        if fault := _fault(text):
            findings.cell(number, header[position], fault, text)
    return known


def _fault(text: str) -> BadCell | None:
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
    """Objects to rows with more or fewer values than the header has names."""
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
        findings.whole("column 'IsDefaultEntryForModel': no row says Yes; expected a default entry per model")
    findings.row_numbers_as_ids(ids)
