"""Text in CSV files that a spreadsheet would run as a formula, written so that it does not, and read back.

A cell that begins with = + - @, a tab or a carriage return gets an apostrophe before it; so does one that
begins with apostrophes and then one of these, so that each name reads back as it was. Plain numbers and
single signs stay as they are, and so do files that no spreadsheet opens (Parquet, JSON).
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

_FORMULA = r"^'*[=+\-@\t\r＝＋－＠]"  # the last four: full-width, which some spreadsheets take for the same
_HARMLESS = r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)?([eE][+-]?\d+)?$"
_formula, _harmless = re.compile(_FORMULA), re.compile(_HARMLESS)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may run this cell."""
    return _formula.search(text) is not None and _harmless.search(text) is None


def as_cell(text: str) -> str:
    """A text as a cell of a CSV file."""
    return f"'{text}" if is_formula(text) else text


def as_named(cell: str) -> str:
    """The text that such a cell was made of."""
    return cell[1:] if cell.startswith("'") and is_formula(cell) else cell


def as_cells(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """`as_cell` of a column; of one that is no text, the same column."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_cells(column.cast(kind.value_type))
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return column
    is_one = pc.and_not(
        pc.match_substring_regex(column, _FORMULA), pc.match_substring_regex(column, _HARMLESS)
    )
    if not pc.any(is_one).as_py():
        return column
    return pc.if_else(
        is_one, pc.binary_join_element_wise(pa.scalar("'", kind), column, pa.scalar("", kind)), column
    )
