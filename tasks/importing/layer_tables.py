"""Tables of layers that are no matrices: lists of mutations, and covariates of numbers and words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import BadInputError
from tasks.importing.cell_line_table import TextTable, read_text_table
from tasks.importing.files import MISSING, PARQUET_TYPES, file_type, read_header
from tasks.importing.findings import Findings, unusable_name
from tasks.importing.matrices import IDS, Matrix, is_default_entry, plain, plan_columns
from tasks.importing.text_matrix import fault_of

NO_LEVELS = "a list without a column of levels: each entry counts as 1, whatever it does to the gene"
LEVELS = (0.0, 1.0, 2.0)  # copies of the gene that are hit
FEWEST_OF_WORD = 5  # lines with a word, for a column of its own
_GENES = ("symbol", "hugosymbol", "genesymbol", "gene")
_LEVELS = ("level", "value", "copies")
_INDEX = "indexlevel0"  # how pandas stores an index without a name


@dataclass(frozen=True, eq=False)
class Covariates:
    """Covariates as a matrix: a column of 0 and 1 for each word; `rare` counts words without, by column."""

    matrix: Matrix
    rare: tuple[str, ...]


def lists_entries(path: Path) -> bool:
    """Whether a file of mutations is a list (a column of lines, one of genes), not a matrix."""
    if file_type(path) in PARQUET_TYPES:
        try:
            columns = pq.read_schema(path).names
        except (OSError, pa.ArrowException):
            return False  # whoever reads it says why
    else:
        columns = read_header(path)
    names = {plain(name) for name in columns}
    return bool(names & set(IDS)) and bool(names & set(_GENES))


def read_entries(path: Path) -> Matrix:
    """A list of mutations: columns of cell line, gene and level (1 where there is no such column; noted).

    What is not listed is 0 for the lines named; of several entries of one line and gene the highest counts.

    Raises:
        BadInputError: every problem of the file, with its row.
    """
    table = read_text_table(path)
    places = {plain(name): i for i, name in reversed(list(enumerate(table.columns)))}
    line, gene, level = (_first(places, names) for names in (IDS, _GENES, _LEVELS))
    if line is None or gene is None or (level is None and len(table.columns) > 2):
        raise BadInputError(
            f"{path}: expected the columns model_id, symbol and level (0, 1 or 2), found "
            f"{table.columns[:8]}; of a list of all variants, keep those that damage the gene (or the "
            "hotspots), and these columns"
        )
    findings = Findings(str(path))
    highest: dict[tuple[str, str], float] = {}
    repeated = 0
    for number, row in zip(table.numbers, table.rows, strict=True):
        key = (row[line].strip(), row[gene].strip())
        value = _level(findings, number, table.columns[level], row[level]) if level is not None else 1.0
        for name, what in zip(key, ("cell line id", "gene"), strict=True):
            if fault := f"no {what}; name one" if not name else unusable_name(name):
                findings.row(number, f"{what} {name[:40]!r}: {fault}" if name else fault)
        repeated += key in highest
        highest[key] = max(value, highest.get(key, 0.0))
        if findings.full:
            break
    if findings.lines():
        raise BadInputError(findings.lines())
    notes = [NO_LEVELS] if level is None else []
    notes += [f"{repeated} rows name a line and gene again: the highest level counts"] if repeated else []
    return replace(_matrix_of_entries(path, highest), notes=tuple(notes))


def checked_levels(matrix: Matrix) -> Matrix:
    """The same matrix of mutations; BadInputError where a value is no number of copies that are hit.

    It is one problem for the file, because then the whole file is likely to be another.
    """
    strange = [_first_strange(values) for values in matrix.values]
    columns = [i for i, value in enumerate(strange) if value is not None]
    if columns:
        first, more = columns[0], len(columns) - 1
        also = f", and others in {more} more columns" if more else ""
        raise BadInputError(
            f"{matrix.file}: column {matrix.columns[first]!r}: {strange[first]:g}{also}; {_EXPECTED_LEVELS}"
        )
    return matrix


def read_covariates(path: Path) -> Covariates:
    """A table with a row per cell line; other columns hold numbers, or words.

    A column is of numbers where more than half of its known cells are; then all must be.

    Raises:
        BadInputError: every problem of the file, with its row.
    """
    table = read_text_table(path)
    plain_names = [plain(name) for name in table.columns]
    fallback = plain_names.index(_INDEX) if _INDEX in plain_names else 0
    plan = plan_columns(table.columns, fallback)
    findings = Findings(str(path))
    findings.header(table.columns, plan.values, genes=False)
    if not plan.values:
        findings.whole("no column beside the cell line ids; expected covariates: numbers or words")
    rows = [
        row for row in range(len(table.rows))
        if plan.default is None or is_default_entry(table.rows[row][plan.default])
    ]  # fmt: skip
    ids = [table.rows[row][plan.identifier].strip() for row in rows]
    for row, name in zip(rows, ids, strict=True):
        findings.name_row(table.numbers[row], name)
    findings.row_numbers_as_ids(ids)
    columns: dict[str, np.ndarray] = {}
    rare: list[str] = []
    for position in plan.values:
        of_column, without = _column(findings, table, rows, position)
        columns |= of_column
        rare += [f"{table.columns[position].strip()} ({without})"] if without else []
    if findings.lines():
        raise BadInputError(findings.lines())
    values = np.array(list(columns.values()), dtype=np.float32).reshape(len(columns), len(rows))
    others = tuple(r[plan.identifier] for i, r in enumerate(table.rows) if i not in set(rows))
    return Covariates(Matrix(str(path), ids, list(columns), values, plan.set_aside, others), tuple(rare))


_EXPECTED_LEVELS = "expected 0, 1 or 2: how many copies of the gene are hit"


def _first_strange(values: np.ndarray) -> float | None:
    strange = values[~(np.isnan(values) | np.isin(values, LEVELS))]
    return float(strange[0]) if len(strange) else None


def _first(places: dict[str, int], names: Sequence[str]) -> int | None:
    return next((places[name] for name in names if name in places), None)


def _level(findings: Findings, number: int, column: str, text: str) -> float:
    if not fault_of(text.strip()) and float(text) in LEVELS:
        return float(text)
    findings.row(number, f"{column} {text[:40]!r}; {_EXPECTED_LEVELS}")
    return 0.0


def _matrix_of_entries(path: Path, highest: dict[tuple[str, str], float]) -> Matrix:
    lines, genes = (
        {name: i for i, name in enumerate(sorted(set(names)))} for names in zip(*highest, strict=True)
    )
    values = np.zeros((len(genes), len(lines)), dtype=np.float32)
    for (line, gene), value in highest.items():
        values[genes[gene], lines[line]] = value
    return Matrix(str(path), list(lines), list(genes), values, entries_only=True)


def _column(
    findings: Findings, table: TextTable, rows: Sequence[int], position: int
) -> tuple[dict[str, np.ndarray], int]:
    """What one column comes to: numbers under its own name, or a column for each word; and words without."""
    name = table.columns[position].strip()
    cells = [table.rows[row][position].strip() for row in rows]
    known = [(row, cell) for row, cell in zip(rows, cells, strict=True) if cell not in MISSING]
    faults = [(row, cell, fault) for row, cell in known if (fault := fault_of(cell))]
    if 2 * len(faults) < len(known) or not known:
        for row, cell, fault in faults:
            findings.cell(table.numbers[row], name, fault, cell)
        bad = {row for row, _, _ in faults}
        usable = [
            np.nan if cell in MISSING or row in bad else cell for row, cell in zip(rows, cells, strict=True)
        ]
        return {name: np.array(usable, dtype=np.float64)}, 0
    for row, cell in known:
        if why := unusable_name(cell):
            findings.row(table.numbers[row], f"column {name!r}: {cell[:40]!r} {why}")
    counts = Counter(cell for _, cell in known)
    missing = np.array([cell in MISSING for cell in cells], dtype=bool)
    words = sorted(word for word, count in counts.items() if count >= FEWEST_OF_WORD)
    made = {
        f"{name}: {word}": np.where(missing, np.nan, [float(cell == word) for cell in cells])
        for word in words
    }
    return made, len(counts) - len(words)
