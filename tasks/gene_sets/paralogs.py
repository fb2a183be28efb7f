"""Pairs of paralogs from a table: De Kegel and Ryan's, Ensembl's, BioMart's, or any with two such columns."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.bounded import MOST_TEXTS, check_shape
from tasks.bounded_parquet import read_texts
from tasks.errors import BadInputError
from tasks.gene_sets.symbols import is_symbol, name_of, read_bytes, text_of
from tasks.importing.files import MISSING, PARQUET_TYPES, TEXT_TYPES, dialect_of_file, file_type

# The two columns of a pair, as known tables name them, in small letters; the first pair that is there counts.
PAIRS = (
    ("gene_a", "gene_b"),
    ("a1", "a2"),
    ("gene1", "gene2"),
    ("gene", "paralog"),
    ("gene", "paralogue"),
    ("gene name", "human paralogue associated gene name"),
)
MOST_SHOWN = 20  # bad cells named one by one


@dataclass(frozen=True)
class Paralogs:
    """Pairs of paralogs, each once, in capitals and in order.

    `half` rows named one gene only and were left out: BioMart lists genes without a paralog that way.
    """

    name: str
    pairs: tuple[tuple[str, str], ...]
    sha256: str
    half: int = 0

    def of_each(self) -> dict[str, frozenset[str]]:
        """Every gene's paralogs."""
        found: dict[str, set[str]] = {}
        for one, other in self.pairs:
            found.setdefault(one, set()).add(other)
            found.setdefault(other, set()).add(one)
        return {gene: frozenset(others) for gene, others in sorted(found.items())}


def read_paralogs(path: Path) -> Paralogs:
    """The pairs of a table: .csv, .tsv, .txt (.gz too) or .parquet. A gene paired with itself does not count.

    Raises BadInputError with every problem: columns that are not there, cells that are no gene symbol.
    """
    data, digest = read_bytes(path)
    names, columns = columns_of(path, data)
    place = _place_of(names)
    if place is None:
        known = ", ".join(f"{a} and {b}" for a, b in PAIRS)
        raise BadInputError(
            f"{path}: no two columns that name a pair of genes; it has {', '.join(names) or 'none'}. "
            f"Rename them to one of: {known}"
        )
    first, second = ([_text(cell) for cell in columns[i]] for i in place)
    if problems := _bad_cells(path, [names[i] for i in place], (first, second)):
        raise BadInputError(problems)
    whole = [(a.upper(), b.upper()) for a, b in zip(first, second, strict=True) if a and b]
    pairs = tuple(sorted({(min(pair), max(pair)) for pair in whole if pair[0] != pair[1]}))
    if not pairs:
        raise BadInputError(f"{path}: holds no pair of two genes; expected one in each row")
    half = sum(bool(a) != bool(b) for a, b in zip(first, second, strict=True))
    return Paralogs(name_of(path), pairs, digest, half)


def columns_of(path: Path, data: bytes) -> tuple[list[str], list[list[object]]]:
    """A table's column names and cells. Raises BadInputError for a type or text that cannot be read."""
    kind = file_type(path)
    if not kind:
        raise BadInputError(f"{path}: expected {', '.join(TEXT_TYPES)} (or .gz of these) or .parquet")
    if kind in PARQUET_TYPES:
        try:
            file = pq.ParquetFile(pa.BufferReader(data))
            check_shape(path, file.metadata.num_rows, file.metadata.num_columns, MOST_TEXTS)
            table = read_texts(path, pa.BufferReader(data))
        except (pa.ArrowException, OSError) as error:
            raise BadInputError(f"{path}: not a readable Parquet file ({error})") from error
        return list(table.column_names), [column.to_pylist() for column in table.columns]
    text = text_of(path, data)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=dialect_of_file(path).separator) if row]
    header = [cell.strip() for cell in rows[0]] if rows else []
    short = [number for number, row in enumerate(rows[1:], start=2) if len(row) != len(header)]
    if short:
        raise BadInputError(
            f"{path}: row {short[0]} has not the {len(header)} columns of the header"
            + (f", nor have {len(short) - 1} more" if len(short) > 1 else "")
        )
    return header, [[row[i] for row in rows[1:]] for i in range(len(header))]


def _place_of(names: Sequence[str]) -> tuple[int, int] | None:
    spelled = [name.strip().lower() for name in names]
    for first, second in PAIRS:
        if first in spelled and second in spelled:
            return spelled.index(first), spelled.index(second)
    return (0, 1) if len(names) == 2 else None


def _text(cell: object) -> str:
    text = "" if cell is None else str(cell).strip()
    return "" if text in MISSING else text


def _bad_cells(path: Path, names: Sequence[str], columns: Sequence[Sequence[str]]) -> list[str]:
    wrong = [
        (row, name, cell)
        for name, column in zip(names, columns, strict=True)
        for row, cell in enumerate(column, start=2)
        if cell and not is_symbol(cell)
    ]
    problems = [
        f"{path}: row {row}, column {name}: {cell!r} is no gene symbol; expected one such as TP53"
        for row, name, cell in sorted(wrong)[:MOST_SHOWN]
    ]
    more = len(wrong) - len(problems)
    return problems + ([f"{path}: and {more} more cells that are no gene symbols"] if more > 0 else [])
