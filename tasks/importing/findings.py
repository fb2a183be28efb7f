"""Collects what is wrong with one file: each problem with file, row or column, and what to do."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from tasks.dataset.gene_labels import duplicate_genes

CELLS_SHOWN = 3
MOST_KEPT = 1000
FEWEST_REPEATED = 20  # rows that name a line again: so many, and half as many as lines, are one problem
_LINE = re.compile(r"ACH-\d{6}")


class BadCell(Enum):
    """Why a cell cannot be a value of the matrix."""

    TEXT = "is not a number; write a number, or leave the cell empty where nothing was measured"
    INFINITE = "is not a finite number; leave the cell empty where nothing was measured"
    ENCODING = "is not UTF-8 text; save the file as UTF-8"
    DATE = "is a date: a spreadsheet took a number for one; export the file anew, without opening it there"
    COMMA = "has a decimal comma where other numbers have points; write all numbers with points"
    POINT = "has a decimal point where other numbers have commas; write all numbers with points"


@dataclass
class Findings:
    """The problems of one file, gathered in any order.

    Cells of one column with the same fault are one problem, so that one wrong column stays one problem.
    Rows are numbered as a person counts them: lines of a text file from 1, the header included.
    """

    file: str
    names: str = "cell line"
    _rows: list[str] = field(default_factory=list)
    _cells: dict[tuple[str, BadCell], list[tuple[int, str]]] = field(default_factory=dict)
    _counts: dict[tuple[str, BadCell], int] = field(default_factory=dict)
    _named: dict[str, int] = field(default_factory=dict)
    _repeated: list[str] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """More would help nobody; readers may stop looking."""
        return len(self._rows) + len(self._repeated) + len(self._cells) >= MOST_KEPT

    def whole(self, problem: str) -> None:
        """A fault of the file as a whole."""
        self._rows.append(f"{self.file}: {problem}")

    def row(self, number: int, problem: str) -> None:
        """A fault of one row."""
        self.whole(f"row {number}: {problem}")

    def cell(self, number: int, column: str, fault: BadCell, text: str) -> None:
        """A fault of one cell; `text` is what stands there."""
        key = (column, fault)
        self._counts[key] = self._counts.get(key, 0) + 1
        shown = self._cells.setdefault(key, [])
        if len(shown) < CELLS_SHOWN:
            shown.append((number, text))

    def name_row(self, number: int, name: str) -> None:
        """Notes what a row is about; an empty, repeated or unusable id is a problem."""
        if not name.strip():
            self.row(number, f"no {self.names} id; give every row its id")
        elif fault := unusable_name(name):
            self.row(number, f"{self.names} {name[:40]!r} {fault}")
        elif name in self._named:
            first = self._named[name]
            self._repeated.append(
                f"{self.file}: row {number}: duplicate {self.names} {name!r}, already in row {first}; keep "
                "one of them"
            )
        else:
            self._named[name] = number

    def header(self, columns: Sequence[str], values: Sequence[int], genes: bool) -> None:
        """Value columns (positions `values`) without a name, with an unusable one or the name of another.

        Cell lines as columns of a matrix of genes are a problem, too: most others come of it.
        """
        names = [columns[position].strip() for position in values]
        if genes and 2 * sum(bool(_LINE.fullmatch(name)) for name in names) > len(names):
            self.whole(
                "cell lines stand as columns; expected them as rows, genes as columns: transpose the table"
            )
        for position, name in zip(values, names, strict=True):
            if not name:
                self.whole(f"column {position + 1} has no name; give it the gene's, or remove it")
            elif fault := unusable_name(name):
                self.whole(f"column {position + 1}: name {name[:40]!r} {fault}")
        named = [(position, name) for position, name in zip(values, names, strict=True) if name]
        for label, found in _duplicates([name for _, name in named], genes):
            where = " and ".join(str(named[i][0] + 1) for i in found)
            self.whole(f"duplicate column {label!r}: columns {where} name the same; keep one of them")

    def row_numbers_as_ids(self, ids: Sequence[str]) -> None:
        """Ids that only count the rows are a problem."""
        if counts_rows(ids):
            self.whole(
                "the first column counts the rows; expected cell line ids such as ACH-000001 there "
                "(write the table with its index, or name the id column ModelID)"
            )

    def lines(self) -> list[str]:
        """All problems as lines of text: rows in the order found, repeated ids, then cells by column."""
        repeated = self._repeated
        if len(repeated) >= max(FEWEST_REPEATED, len(self._named) / 2):
            repeated = [
                f"{self.file}: {len(repeated)} rows name a {self.names} again that has a row already: a long "
                "table? expected one row for each, and a column for each gene: pivot it"
            ]
        return self._rows + repeated + [self._cell_line(*key) for key in self._cells]

    def _cell_line(self, column: str, fault: BadCell) -> str:
        shown, count = self._cells[column, fault], self._counts[column, fault]
        cells = ", ".join(f"{text[:40]!r} in row {number}" for number, text in shown)
        more = f" and {count - len(shown)} more rows" if count > len(shown) else ""
        return f"{self.file}: column {column!r}: {cells}{more} {fault.value}"


def unusable_name(name: str) -> str:
    """Why a gene, drug or cell line cannot be called this; empty where it can.

    With line breaks, tabs, NUL and other characters that do not show, different names look equal, and tables
    and commands that hold them break.
    """
    if name.isprintable():
        return ""
    kinds = {unicodedata.category(letter) for letter in name}
    if "Cs" in kinds:  # what bytes that are not UTF-8 are decoded to
        return BadCell.ENCODING.value
    if kinds & {"Cc", "Cf", "Zl", "Zp"}:
        return "contains a line break, tab or other character that does not show; write it without"
    return ""


def counts_rows(ids: Sequence[str]) -> bool:
    """Whether ids are 0, 1, 2, ... or 1, 2, 3, ...: row numbers, not names."""
    if len(ids) < 2 or ids[0] not in ("0", "1"):
        return False
    return all(name == str(number) for number, name in enumerate(ids, start=int(ids[0])))


def _duplicates(names: Sequence[str], genes: bool) -> list[tuple[str, list[int]]]:
    if genes:
        return duplicate_genes(names)
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        positions.setdefault(name, []).append(position)
    return [(name, found) for name, found in positions.items() if len(found) > 1]
