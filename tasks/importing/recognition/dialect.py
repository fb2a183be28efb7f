"""How a delimited text is written: byte order mark, separator, decimal commas, columns without anything.

Decided from the start of a file. Whoever reads the whole file by it finds the cells that do not fit.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons"}
MOST_ROWS = 200  # that a decision rests on
_BOM = b"\xef\xbb\xbf"
_WITH_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_WITH_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


@dataclass(frozen=True)
class Dialect:
    """How one file is written; `implied` is the separator that its name implies.

    `ambiguous` is a number that may have a decimal comma or one for thousands, where all may; "" otherwise.
    """

    separator: str
    implied: str
    marked: bool = False
    decimal: str = "."
    ambiguous: str = ""

    @property
    def encoding(self) -> str:
        """What the bytes are decoded as."""
        return "utf-8-sig" if self.marked else "utf-8"

    def notes(self) -> tuple[str, ...]:
        """How the file differs from plain text with the separator its name implies, in words."""
        said = ["a byte order mark"] if self.marked else []
        if self.separator != self.implied:
            said.append(f"{SEPARATORS[self.separator]} between values")
        if self.decimal == ",":
            said.append("decimal commas")
        return tuple(said)


def dialect_of(start: bytes, implied: str) -> Dialect:
    """The dialect of a file that starts with these bytes; its last line may be cut off.

    The implied separator is used where it gives the header and every row the same number of values; another
    where only that one does. A comma inside numbers is a decimal comma where no number has a point, and not
    all of them can be thousands ("1,234").
    """
    marked = start.startswith(_BOM)
    text = start.removeprefix(_BOM).decode("utf-8", "surrogateescape")
    lines = text.splitlines(keepends=True)[: MOST_ROWS + 1]
    if len(lines) > 1 and not text.endswith(("\n", "\r")) and len(lines) <= MOST_ROWS:
        lines.pop()  # perhaps cut off
    tables = {separator: _rows(lines, separator) for separator in SEPARATORS}
    separator = _separator(tables, implied)
    decimal, ambiguous = _decimal(cell for row in tables[separator][1:] for cell in row[1:])
    return Dialect(separator, implied, marked, decimal, ambiguous)


def padding(header: Sequence[str]) -> tuple[int, ...]:
    """The positions of columns without a name at the end of a header, as spreadsheets save them."""
    names = [name.strip() for name in header]
    used = max((i + 1 for i, name in enumerate(names) if name), default=0)
    return tuple(range(max(used, 2), len(names)))  # a first column without a name holds the ids


def has_comma(text: str) -> bool:
    """Whether this is a number but for its comma."""
    return "," in text and _WITH_COMMA.fullmatch(text) is not None


def point_for_comma(text: str) -> str:
    """A number with a decimal comma, spelled with a point; anything else as it is."""
    return text.replace(",", ".") if has_comma(text) else text


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:  # whoever reads the file says where
        return []


def _separator(tables: dict[str, list[list[str]]], implied: str) -> str:
    regular = [s for s, rows in tables.items() if rows and len(rows[0]) > 1 and _even(rows)]
    others = [s for s in regular if s != implied]
    if implied in regular:
        # "id;A, x" is a header of two columns by commas, too: then the other separator stands in the first
        hidden = [s for s in others if s in tables[implied][0][0]]
        return hidden[0] if len(hidden) == 1 else implied
    if len(others) == 1 and len(tables[implied][:1] and tables[implied][0]) < len(tables[others[0]][0]):
        return others[0]
    return implied


def _even(rows: Sequence[Sequence[str]]) -> bool:
    return len(rows) > 1 and all(len(row) == len(rows[0]) for row in rows)


def _decimal(cells: Iterable[str]) -> tuple[str, str]:
    """The decimal sign, and a number that leaves it open."""
    commas, thousands = "", True
    for cell in cells:
        text = cell.strip()
        if has_comma(text):
            commas = commas or text
            thousands = thousands and _THOUSANDS.fullmatch(text) is not None
        elif "." in text and _WITH_POINT.fullmatch(text):
            return ".", ""  # cells with commas are then errors, each for itself
    if not commas:
        return ".", ""
    return (".", commas) if thousands else (",", "")
