"""Files of tables that have grown since: older ones read with nulls, newer ones are refused by name.

A file's version stands in its commit, where the sha256 covers it, and in its own metadata, for other tools. A
file without a version was written before tables had one: version 1.
"""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

import pyarrow as pa

from cluster.errors import NewerVersionError
from cluster.store.parquet import decode, encode
from cluster.store.records import StoredFile
from tasks.tables.columns import Table, schema_of
from tasks.tables.schemas import TABLES


class Written(Protocol):
    """What lists files: a commit, or a command's result."""

    @property
    def release(self) -> str | None:
        """The version of the Knockcast that wrote it; None where it does not say."""


TABLE_KEY, VERSION_KEY = "knockcast.table", "knockcast.version"
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
    data: bytes, written: Written, file: StoredFile, columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows of a committed file of a table, as this release knows them (or some of their columns).

    Columns that came after the file's version are null. Raises NewerVersionError for a file of a version
    that this release does not know, DamagedFileError where the bytes do not parse.
    """
    require_known(written, file)
    table = TABLES[file.table or ""]
    wanted = (
        table.stored if columns is None else [c for name in columns for c in table.stored if c.name == name]
    )
    there = [column.name for column in wanted if column.since <= file.version]
    rows = decode(data, file.path, there)
    arrays = [
        rows.column(column.name) if column.name in there else pa.nulls(rows.num_rows, column.type)
        for column in wanted
    ]
    return pa.table(arrays, schema=schema_of(wanted))


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


def _order(release: str) -> list[tuple[int, str]]:
    """Sorts 0.10 after 0.9."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in release.split(".")]
