"""Tables as Parquet bytes: zstd, page checksums, rows in the order of their keys; and tables that grew.

Older files are read with nulls, newer ones are refused by name. A file's version stands in its commit, where
the sha256 covers it, and in its own metadata, for other tools. A file without a version was written before
tables had one: version 1."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cluster.errors import DamagedFileError, NewerVersionError
from cluster.store.records import Commit, StoredFile
from tasks.tables.columns import Table, schema_of
from tasks.tables.schemas import TABLES

ROWS_PER_GROUP = 1 << 18
ROWS_AT_ONCE = 256  # of weights: under 2 GiB as long as one model is under 8 MiB


def encode(table: pa.Table, metadata: Mapping[str, str] | None = None) -> bytes:
    """A Parquet file of the table; equal tables give equal bytes with one version of pyarrow.

    `metadata` becomes key-value metadata of the file.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.combine_chunks().replace_schema_metadata(metadata),
        sink,
        compression="zstd",
        write_page_checksum=True,
        row_group_size=ROWS_PER_GROUP,
        use_dictionary=[field.name for field in table.schema if pa.types.is_string(field.type)],
    )
    return bytes(sink.getvalue())


def decode(data: bytes, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """The table (or some columns, in the order asked) of a Parquet file whose sha256 was already checked.

    Its schema's metadata are those of the file. Raises DamagedFileError where it does not parse or lacks a
    column; the message names it `name`.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        table = file.read(list(columns) if columns is not None else None, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DamagedFileError(
            f"{name}: not a readable Parquet file ({error}); run `knockcast verify`"
        ) from error
    if columns is None:
        return table
    missing = sorted(set(columns) - set(table.column_names))
    if missing:
        raise DamagedFileError(f"{name}: columns {missing} are missing; run `knockcast verify`")
    return table.select(list(columns))


def sort_rows(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Rows ordered by the keys, text by code point; equal keys keep their order."""
    order = np.lexsort([_ranks(table.column(key)) for key in reversed(keys)])
    if np.array_equal(order, np.arange(table.num_rows)):
        return table
    columns = [_taken(column, order) for column in table.columns]
    return pa.table(columns, schema=table.schema)


def _taken(column: pa.ChunkedArray, order: np.ndarray) -> pa.ChunkedArray:
    """The column in another order; a genome's weights, which outgrow 32-bit offsets, piece by piece."""
    if not pa.types.is_binary(column.type):
        return column.take(pa.array(order))
    wide = column.cast(pa.large_binary())
    pieces = [order[start : start + ROWS_AT_ONCE] for start in range(0, len(order), ROWS_AT_ONCE)]
    return pa.chunked_array(
        [wide.take(pa.array(p)).combine_chunks().cast(column.type) for p in pieces], column.type
    )


def _ranks(column: pa.ChunkedArray) -> np.ndarray:
    """Integers in the order of a column's values, for a fast sort of few distinct texts."""
    if not pa.types.is_string(column.type):
        return np.asarray(column)
    encoded = column.combine_chunks().dictionary_encode()
    order = np.asarray(pc.sort_indices(encoded.dictionary))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[np.asarray(encoded.indices)]


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
    data: bytes, commit: Commit, file: StoredFile, columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows of a committed file of a table, as this release knows them (or some of their columns).

    Columns that came after the file's version are null. Raises NewerVersionError for a file of a version
    that this release does not know, DamagedFileError where the bytes do not parse.
    """
    require_known(commit, file)
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


def require_known(commit: Commit, file: StoredFile) -> None:
    """Raise NewerVersionError, saying what to install, unless this release knows the file's version."""
    if is_newer(file):
        what = f"version {file.version} of table {file.table!r}"
        raise NewerVersionError(f"{file.path}: {what}, {what_to_install([commit.release])}")


def what_to_install(releases: Sequence[str | None]) -> str:
    """What reads the files that these releases wrote."""
    named = sorted({release for release in releases if release is not None}, key=_order)
    this = installed_release() or "this one"
    if not named:
        return f"written by a newer Knockcast than {this}: install the newest release to read it"
    return f"written by Knockcast {named[-1]}; this is {this}: install {named[-1]} or newer to read it"


def _order(release: str) -> list[tuple[int, str]]:
    """Sorts 0.10 after 0.9."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in release.split(".")]
