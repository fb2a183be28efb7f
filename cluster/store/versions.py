"""Tables as files, and as readers ask for them; of tables that have grown, older files read with nulls and
newer ones are refused by name.

A file's version stands in its commit, where the sha256 covers it, and in its own metadata, for other tools. A
file without a version was written before tables had one: version 1.
"""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from cluster.errors import NewerVersionError
from cluster.store.parquet import decode, encode, sort_rows
from cluster.store.records import StoredFile
from cluster.store.units import Unit
from tasks.errors import BadInputError
from tasks.tables.columns import Table, schema_of
from tasks.tables.describe import did_you_mean
from tasks.tables.schemas import TABLES


class Written(Protocol):
    """What lists files: a commit, or a command's result."""

    @property
    def release(self) -> str | None:
        """The version of the Knockcast that wrote it; None where it does not say."""


TABLE_KEY, VERSION_KEY = "knockcast.table", "knockcast.version"
UNIT_COLUMNS = ("method", "target", "fold")
NUMBER = "commit"  # the column of a pack's files that says which of its commits a row is of
FIRST = 1  # what a file is that names no version


@cache
def installed_release() -> str | None:
    """The version of the installed Knockcast; None where it runs from a bare checkout."""
    try:
        return version("knockcast")
    except PackageNotFoundError:
        return None


def encode_rows(table: Table, rows: pa.Table) -> bytes:
    """The Parquet file of some rows, which names its table and version."""
    return encode(rows, {TABLE_KEY: table.name, VERSION_KEY: str(table.file_version)})


def decode_rows(
    data: bytes,
    written: Written,
    file: StoredFile,
    columns: Sequence[str] | None = None,
    dictionaries: bool = False,
) -> pa.Table:
    """The rows of a committed file of a table, as this release knows them (or some of their columns).

    With `dictionaries`, text of the columns named is dictionary-encoded.

    Columns that came after the file's version are null. Raises NewerVersionError for a file of a version
    that this release does not know, DamagedFileError where the bytes do not parse.
    """
    require_known(written, file)
    table = TABLES[file.table or ""]
    wanted = (
        table.stored if columns is None else [c for name in columns for c in table.stored if c.name == name]
    )
    there = [column.name for column in wanted if column.since <= file.version]
    rows = decode(data, file.path, there, dictionaries)
    arrays = [
        rows.column(column.name) if column.name in there else pa.nulls(rows.num_rows, column.type)
        for column in wanted
    ]
    if dictionaries:
        return pa.table(arrays, names=[column.name for column in wanted])
    return pa.table(arrays, schema=schema_of(wanted))


def encode_packed(table: Table, rows: pa.Table, numbers: pa.Array) -> bytes:
    """The Parquet file of rows of many commits, sorted by the table's key, each with its commit's number."""
    whole = rows.append_column(pa.field(NUMBER, pa.int32()), numbers)
    return encode_rows(table, sort_rows(whole, table.key))


def decode_packed(
    data: bytes,
    written: Written,
    file: StoredFile,
    columns: Sequence[str] | None = None,
    dictionaries: bool = False,
) -> pa.Table:
    """The rows of a pack's file, like `decode_rows`, and last the number of each one's commit."""
    rows = decode_rows(data, written, file, columns, dictionaries)
    numbers = decode(data, file.path, [NUMBER]).column(NUMBER)
    return rows.append_column(pa.field(NUMBER, pa.int32()), numbers)


def version_inside(rows: pa.Table) -> int:
    """The version that a decoded file names itself."""
    return int((rows.schema.metadata or {}).get(VERSION_KEY.encode(), FIRST))


def is_older(file: StoredFile) -> bool:
    """Whether columns were added to a file's table since it was written."""
    return file.table in TABLES and file.version < TABLES[file.table].file_version


def is_newer(file: StoredFile) -> bool:
    """Whether a file is of a table, or a version of one, that this release does not know."""
    return file.table is not None and (
        file.table not in TABLES or file.version > TABLES[file.table].file_version
    )


def require_known(written: Written, file: StoredFile) -> None:
    """Raise NewerVersionError, saying what to install, unless this release knows the file's version."""
    if is_newer(file):
        what = f"version {file.version} of table {file.table!r}"
        raise NewerVersionError(f"{file.path}: {what}, {what_to_install([written.release])}")


def what_to_install(releases: Sequence[str | None]) -> str:
    """What reads the files that these releases wrote."""
    named = sorted({release for release in releases if release is not None}, key=_order)
    this = installed_release() or "this one"
    if not named:
        return f"written by a newer Knockcast than {this}: install the newest release to read it"
    if named[-1] == this:
        return f"written by a development version after Knockcast {this}, which this is: install that version"
    return f"written by Knockcast {named[-1]}; this is {this}: install {named[-1]} or newer to read it"


def schema_named(name: str) -> pa.Schema:
    """The columns of a table that runs write, as this release writes them; BadInputError for another."""
    written = [table.name for table in TABLES.values() if not (table.computed or table.command)]
    if name not in written:
        hint = did_you_mean(name, written) or f"; a store has {', '.join(sorted(written))}"
        raise BadInputError(f"table {name!r}: there is none{hint}")
    return TABLES[name].stored_schema


def columns_asked(name: str, columns: Sequence[str] | None) -> list[str]:
    """The columns asked for, all where none are; BadInputError for one that the table does not have."""
    known = schema_named(name).names
    unknown = [column for column in columns or () if column not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known) or f"; it has {', '.join(known)}"
        raise BadInputError(f"table {name!r} has no column {unknown[0]!r}{hint}")
    return list(known if columns is None else columns)


def unit_columns(name: str) -> list[str]:
    """Those columns of a table that say which unit a row is of."""
    return [column for column in UNIT_COLUMNS if column in TABLES[name].stored_schema.names]


def is_asked(unit: Unit, targets: frozenset[str] | None, method: str | None) -> bool:
    """Whether a unit may have such rows; fold-level work has rows of any target (`modules`)."""
    return (targets is None or unit.is_fold_level or unit.target in targets) and method in (None, unit.method)


def rows_asked(rows: pa.Table, targets: frozenset[str] | None, method: str | None) -> pa.Table:
    """The rows of some targets and of one method, where asked."""
    if targets is not None:
        rows = rows.filter(pc.is_in(rows.column("target"), pa.array(sorted(targets), pa.string())))
    if method is None:
        return rows
    mine = pc.equal(rows.column("method"), method)
    return rows if pc.all(mine, min_count=0).as_py() else rows.filter(mine)  # a copy only where it matters


def _order(release: str) -> list[tuple[int, str]]:
    """Sorts 0.10 after 0.9."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in release.split(".")]
