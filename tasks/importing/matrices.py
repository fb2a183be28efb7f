"""One matrix file (CSV, TSV, Parquet; cell lines as rows): what its columns are, and its float32 values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from tasks.dataset.gene_labels import duplicate_genes
from tasks.importing.findings import counts_rows, unusable_name

IDS = ("modelid", "depmapid", "cellline", "celllineid", "broadid")
_DEFAULT = "isdefaultentryformodel"
_DESCRIPTIONS = frozenset(
    {
        "sequencingid",
        "modelconditionid",
        "isdefaultentryformc",
        "profileid",
        "celllinedisplayname",
        *(f"lineage{level}" for level in range(1, 8)),
    }
)
_ROW_NUMBERS = ("unnamed0", "index", "indexlevel0")  # how pandas calls a column without a name
_DEFAULT_ENTRY = frozenset({"yes", "true", "1"})


@dataclass(frozen=True, eq=False)
class Matrix:
    """The values of one file; NaN is missing.

    `values` holds one row per column of the file (gene, drug), because files are read column by column. `ids`
    and `columns` are without the blanks around them; `trimmed` are those that had some. `other_entries` are
    the cell lines of rows left out because they are not a model's default entry. `entries_only`: the file
    lists entries that are not 0, so that a line it does not name may be one without any. `notes` say how the
    file differs from a plain one, in words.
    """

    file: str
    ids: list[str]
    columns: list[str]
    values: Float32[np.ndarray, "columns rows"]
    described_by: tuple[str, ...] = ()
    other_entries: tuple[str, ...] = ()
    trimmed: tuple[str, ...] = ()
    entries_only: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """What a file's columns are, and whether a row without any value is a fault."""

    genes: bool
    empty_rows: bool = False


GENES = Kind(genes=True)
DRUGS = Kind(genes=False, empty_rows=True)
LAYER_GENES = Kind(genes=True, empty_rows=True)  # a line that lacks the layer may have a row
LAYER_FEATURES = Kind(genes=False, empty_rows=True)


def plain(name: str) -> str:
    """A column name without case, blanks and punctuation: DepMap spelled COSMIC_ID, COSMICID, DepMap_ID."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


@dataclass(frozen=True)
class ColumnPlan:
    """Positions of a file's columns by what they hold."""

    identifier: int
    default: int | None
    values: tuple[int, ...]
    set_aside: tuple[str, ...]


def plan_columns(columns: Sequence[str], fallback: int = 0) -> ColumnPlan:
    """Reads a header.

    Releases before 25Q2 put the cell line id first, under an empty name. Since 25Q2 a row number stands
    there, and ModelID, IsDefaultEntryForModel and other descriptions follow in an order that varies.
    `fallback` is the id's position where no column is called as ids are.
    """
    plain_names = [plain(name) for name in columns]
    identifier = next((plain_names.index(name) for name in IDS if name in plain_names), fallback)
    default = plain_names.index(_DEFAULT) if _DEFAULT in plain_names else None
    skipped = {i for i, name in enumerate(plain_names) if name in _DESCRIPTIONS}
    if identifier != 0 and columns and (not columns[0].strip() or plain_names[0] in _ROW_NUMBERS):
        skipped.add(0)
    special = skipped | {identifier, default}
    values = tuple(i for i in range(len(columns)) if i not in special)
    return ColumnPlan(identifier, default, values, tuple(columns[i] for i in sorted(skipped) if columns[i]))


def is_default_entry(text: str) -> bool:
    """Whether an IsDefaultEntryForModel cell means yes (Yes since 25Q2, True in some copies)."""
    return text.strip().lower() in _DEFAULT_ENTRY


def matrix_of(
    path: Path,
    header: Sequence[str],
    plan: ColumnPlan,
    ids: Sequence[str],
    default: Sequence[object] | None,
    values: Float32[np.ndarray, "columns rows"],
    notes: tuple[str, ...] = (),
) -> Matrix:
    """The matrix of a file that was read: default entries only, names without the blanks around them.

    `default` are the cells of its IsDefaultEntryForModel column, None where it has none.
    """
    rows = np.arange(len(ids))
    if default is not None:
        rows = np.flatnonzero([is_default_entry(str(cell)) for cell in default])
    kept = set(rows.tolist())
    used = [name for row, name in enumerate(ids) if row in kept]
    columns = [header[i] for i in plan.values]
    return Matrix(
        file=str(path),
        ids=[name.strip() for name in used],
        columns=[name.strip() for name in columns],
        values=_take_rows(values, rows),
        described_by=plan.set_aside,
        other_entries=tuple(name for row, name in enumerate(ids) if row not in kept),
        trimmed=tuple(name for name in (*columns, *used) if name != name.strip()),
        notes=notes,
    )


def is_clean(matrix: Matrix, kind: Kind) -> bool:
    """Whether the values read can be used as they are; if not, a slower pass finds out why."""
    names = matrix.columns
    unique = len(set(names)) == len(names) and not (kind.genes and duplicate_genes(names))
    named = all(name and not unusable_name(name) for name in (*names, *matrix.ids))
    named = named and not counts_rows(matrix.ids)
    if not (matrix.ids and names and unique and named and len(set(matrix.ids)) == len(matrix.ids)):
        return False
    return not infinite(matrix.values).any() and (kind.empty_rows or not empty_rows(matrix.values).any())


def infinite(values: Float32[np.ndarray, "columns rows"]) -> np.ndarray:
    """Which columns hold an infinite value: bool[columns]."""
    return np.array([bool(np.isinf(column).any()) for column in values], dtype=bool)


def empty_rows(values: Float32[np.ndarray, "columns rows"]) -> np.ndarray:
    """Which rows hold no value at all: bool[rows]."""
    empty = np.ones(values.shape[1], dtype=bool)
    for column in values:
        empty &= np.isnan(column)
        if not empty.any():
            break
    return empty


def _take_rows(
    values: Float32[np.ndarray, "columns rows"], rows: np.ndarray
) -> Float32[np.ndarray, "columns r"]:
    """Some rows of a matrix held column by column; the same array where they are all rows in order."""
    if len(rows) == values.shape[1] and (rows == np.arange(len(rows))).all():
        return values
    return np.ascontiguousarray(values[:, rows])
