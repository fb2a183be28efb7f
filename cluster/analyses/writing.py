"""Keeping a command's result in a store: its rows, each file durable, then the record that makes them count.

No commit, plan or `_SUCCESS` is touched, and no file overwritten: the run stays as it was sealed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from cluster.analyses.reading import read_result, records, result_rows
from cluster.analyses.records import SHORT, Inputs, Result, commits_digest, result_key
from cluster.errors import ReadOnlyError, StorageError
from cluster.store import layout
from cluster.store.body import seal_json, sha256
from cluster.store.filesystem import FileSystem
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.records import StoredFile
from cluster.store.versions import encode_rows, installed_release
from tasks.tables.schemas import TABLES


@dataclass(frozen=True)
class Kept:
    """What became of a result: `new` unless the store had it; `why_not` where the store is read-only."""

    result: Result
    new: bool
    why_not: str = ""

    def line(self) -> str:
        """One line for the user."""
        tables = ", ".join(f"`{file.table}`" for file in self.result.files)
        what = f"table {tables} (analysis {self.result.name})"
        if self.why_not:
            return f"not stored: {self.why_not}"
        return f"stored as {what}" if self.new else f"the store holds this result already: {what}"


def keep(reader: StoreReader, command: str, inputs: Inputs, tables: Mapping[str, pa.Table]) -> Kept:
    """Add a command's result to the store, unless it holds the very same.

    `tables` have all columns of their definitions but `analysis`, in that order. Two processes may keep one
    result at once: one record counts. Raises ValueError for a table that does not fit its definition,
    StorageError where writing fails for another reason than that the store is read-only.
    """
    key = result_key(reader.run_digest, command, inputs)
    made = {name: _marked(command, name, key, rows) for name, rows in tables.items()}
    digest = commits_digest(reader.commits())
    while True:
        number = _next_number(reader.fs, key)
        coded = [_coded(key, number, name, rows) for name, rows in sorted(made.items())]
        files = tuple(file for file, _ in coded)
        result = Result(key, number, reader.run_digest, command, inputs, digest, files, installed_release())
        if (there := _last_whole(reader, key)) and there.says_the_same(result):
            return Kept(there, new=False)
        try:
            created = _created(reader.fs, result, coded)
        except ReadOnlyError as error:
            return Kept(result, new=False, why_not=str(error))
        if created:
            return Kept(result, new=True)


def _next_number(fs: FileSystem, key: str) -> int:
    """Above that of every record and file of the key, whole or not: no name is used twice."""
    named = (
        layout.result_of(path) or layout.result_file_of(path) for path in fs.paths(layout.results_of(key))
    )
    return 1 + max((found[1] for found in named if found), default=0)


def _created(fs: FileSystem, result: Result, coded: list[tuple[StoredFile, bytes]]) -> bool:
    """Whether this result counts; not, if another process took its number in between."""
    put = [fs.create(file.path, data) or fs.read(file.path) == data for file, data in coded]
    return all(put) and fs.create(result.path, seal_json(result.body()))


def _last_whole(reader: StoreReader, key: str) -> Result | None:
    """The result that the store holds under this key, if every byte of it is as it was written."""
    try:
        found = read_result(reader, key, records(reader.fs)[key][-1])
        for file in found.files:
            result_rows(reader, found, file.table or "")
    except (KeyError, StorageError):
        return None
    return found


def _marked(command: str, name: str, key: str, rows: pa.Table) -> pa.Table:
    """The rows with the column that names their result, sorted by their key."""
    table = TABLES[name]
    named = pa.array([key[:SHORT]] * rows.num_rows, pa.string())
    if table.command != command or rows.schema.names != table.schema.names[1:]:
        raise ValueError(f"table {name}: expected of `{command}` the columns {table.schema.names[1:]}")
    whole = pa.table([named, *rows.columns], schema=table.schema)
    return sort_rows(whole, table.key)


def _coded(key: str, number: int, name: str, rows: pa.Table) -> tuple[StoredFile, bytes]:
    data = encode_rows(TABLES[name], rows)
    digest = sha256(data)
    path = layout.result_file_path(key, number, name, digest)
    return StoredFile(path, len(data), digest, name, rows.num_rows, TABLES[name].file_version), data
