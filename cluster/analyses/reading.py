"""Results that commands added to a store: found and read, every byte hashed before it is parsed."""

from collections.abc import Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from cluster.analyses.records import Result, commits_digest, result_of
from cluster.errors import DamagedFileError, StorageError
from cluster.store import layout
from cluster.store.body import sha256
from cluster.store.filesystem import FileSystem
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.versions import decode_rows
from tasks.tables.analysis_tables import ANALYSES
from tasks.tables.schemas import TABLES

AGAIN = "run `knockcast verify STORE --repair`, then repeat the command that made it"


def records(fs: FileSystem) -> dict[str, list[int]]:
    """The numbers of every result's records, ascending, by key; keys are sorted."""
    found: dict[str, list[int]] = {}
    for path in fs.paths(layout.ANALYSES):
        if named := layout.result_of(path):
            found.setdefault(named[0], []).append(named[1])
    return {key: sorted(numbers) for key, numbers in sorted(found.items())}


def results(reader: StoreReader) -> list[Result]:
    """The results that count, by key, as of now.

    Raises DamagedFileError where a record is not the one written.
    """
    return [read_result(reader, key, numbers[-1]) for key, numbers in records(reader.fs).items()]


def read_result(reader: StoreReader, key: str, number: int) -> Result:
    """One result's record."""
    path = layout.result_path(key, number)
    try:
        body = reader.body(path)
    except DamagedFileError:
        raise DamagedFileError(
            f"{path}: damaged (its body does not have the sha256 it carries); {AGAIN}"
        ) from None
    try:
        result = result_of(body)
    except (KeyError, TypeError) as error:
        raise DamagedFileError(f"{path}: its body is not a result's ({error!r}); {AGAIN}") from None
    if (result.key, result.number, result.run) != (key, number, reader.run_digest):
        raise StorageError(f"{path}: belongs to another run or result; {AGAIN}")
    return result


def result_rows(
    reader: StoreReader, result: Result, table: str, columns: Sequence[str] | None = None
) -> pa.Table:
    """What one result holds of a table.

    Raises DamagedFileError where bytes are not those recorded, NewerVersionError for a file that only a newer
    release reads.
    """
    schema = pa.schema([TABLES[table].schema.field(name) for name in columns or TABLES[table].schema.names])
    parts = []
    for file in result.files:
        if file.table != table:
            continue
        data = reader.fs.read(file.path)
        if sha256(data) != file.sha256:
            again = f"repeat `knockcast {result.command}` with the inputs that table `analyses` names"
            raise DamagedFileError(f"{file.path}: damaged (its sha256 is not the one recorded); {again}")
        parts.append(decode_rows(data, result, file, schema.names))
    return pa.concat_tables([schema.empty_table(), *parts])


def rows_of(
    reader: StoreReader,
    table: str,
    columns: Sequence[str] | None = None,
    targets: Collection[str] | None = None,
) -> pa.Table:
    """The rows of all results in a table, sorted by its key; some columns, or targets, only where asked."""
    names = list(columns or TABLES[table].schema.names)
    needed = list(dict.fromkeys([*names, *TABLES[table].key, *(["target"] if targets is not None else [])]))
    parts = [result_rows(reader, result, table, needed) for result in results(reader)]
    schema = pa.schema([TABLES[table].schema.field(name) for name in needed])
    whole = pa.concat_tables([schema.empty_table(), *parts])
    if targets is not None:
        whole = whole.filter(pc.is_in(whole.column("target"), pa.array(sorted(targets), pa.string())))
    return sort_rows(whole, TABLES[table].key).select(names)


def analyses_table(reader: StoreReader) -> pa.Table:
    """The table `analyses`: one row per result that counts."""
    digest = commits_digest(reader.commits())
    rows = [
        {
            "analysis": result.name,
            "command": result.command,
            "inputs": result.inputs_text,
            "tables": ", ".join(sorted({file.table or "" for file in result.files})),
            "rows": sum(file.rows or 0 for file in result.files),
            "current": result.made_from == digest,
            "release": result.release,
        }
        for result in results(reader)
    ]
    return pa.Table.from_pylist(rows, schema=ANALYSES.schema)
