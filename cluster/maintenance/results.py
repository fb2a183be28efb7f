"""Results that commands added to a store: what can be wrong with one, and which no reader will see again.

Of one key the record with the highest number counts. One that is bad is mended by repeating its command.
"""

from collections.abc import Iterator

import pyarrow as pa

from cluster.analyses.reading import records
from cluster.analyses.records import Result, result_key, result_of
from cluster.errors import DamagedFileError, StorageError
from cluster.maintenance.checks import Problem, sealed_body
from cluster.store import layout
from cluster.store.body import sha256
from cluster.store.filesystem import FileSystem
from cluster.store.parquet import decode
from cluster.store.records import StoredFile
from cluster.store.versions import is_newer, version_inside
from tasks.tables.columns import schema_of
from tasks.tables.schemas import TABLES


def check_results(fs: FileSystem, run: str) -> tuple[list[Result], list[Problem]]:
    """The results that count, and every problem of them.

    The records that a bad one had replaced go aside with it: else they would count again.
    """
    whole, problems = [], []
    for key, numbers in records(fs).items():
        path = layout.result_path(key, numbers[-1])
        found = _read(fs, path, run)
        mine = [found] if isinstance(found, Problem) else [*_wrong_files(fs, found, path)]
        if isinstance(found, Result):
            whole.append(found)
        problems += mine
        if any(problem.culprit for problem in mine):
            olds = (layout.result_path(key, number) for number in numbers[:-1])
            problems += [Problem(old, f"was replaced by {path}, which is bad", old) for old in olds]
    return whole, problems


def spare_results(fs: FileSystem) -> list[str]:
    """The records that another has replaced, and the files of those and of writers that lost to it.

    Files with a higher number than the record may be a result that is being written. Raises StorageError
    where a record is damaged.
    """
    spare = []
    for key, numbers in records(fs).items():
        last = numbers[-1]
        body = sealed_body(fs, layout.result_path(key, last), "")
        if isinstance(body, Problem):
            raise DamagedFileError(f"{body.path}: {body.what}; run `knockcast verify STORE --repair`")
        kept = {file.path for file in result_of(body).files}
        for path in fs.paths(layout.results_of(key)):
            named = layout.result_of(path) or layout.result_file_of(path)
            if named and named[1] <= last and path not in kept and path != layout.result_path(key, last):
                spare.append(path)
    return spare


def _read(fs: FileSystem, path: str, run: str) -> Result | Problem:
    body = sealed_body(fs, path, path)
    if isinstance(body, Problem):
        return body
    try:
        result = result_of(body)
        key = result_key(result.run, result.command, result.inputs)
    except (KeyError, TypeError, ValueError) as error:
        return Problem(path, f"its body is not a result's ({error!r})", path)
    if result.run != run:
        return Problem(path, "belongs to another run", path)
    if result.path != path or result.key != key:
        return Problem(path, "its name is not the key of its command and inputs", path)
    return result


def _wrong_files(fs: FileSystem, result: Result, culprit: str) -> Iterator[Problem]:
    again = f"; of `knockcast {result.command}`, analysis {result.name}: {result.inputs_text}"
    for file in result.files:
        for what in _wrong_with(fs, result, file):
            yield Problem(file.path, what + again, culprit)


def _wrong_with(fs: FileSystem, result: Result, file: StoredFile) -> list[str]:
    if layout.result_file_of(file.path) != (result.key, result.number, file.table, file.sha256):
        return ["is not a name this result may use"]
    try:
        data = fs.read(file.path)
        if len(data) != file.size:
            return [f"has {len(data)} bytes, expected {file.size}"]
        if sha256(data) != file.sha256:
            return ["damaged (its sha256 is not the one recorded)"]
        # Of what a newer release wrote, only the bytes are known.
        return [] if is_newer(file) else _wrong_rows(result, file, decode(data, file.path))
    except StorageError as error:
        return [str(error).removeprefix(f"{file.path}: ")]


def _wrong_rows(result: Result, file: StoredFile, rows: pa.Table) -> list[str]:
    table = TABLES[file.table or ""]
    if version_inside(rows) != file.version:
        return [f"names itself version {version_inside(rows)}, its record says {file.version}"]
    if not rows.schema.equals(schema_of(table.stored_in(file.version))) or table.command != result.command:
        return [f"does not have the columns of the table {table.name!r}"]
    if rows.num_rows != file.rows:
        return [f"has {rows.num_rows} rows, expected {file.rows}"]
    if set(rows.column("analysis").unique().to_pylist()) - {result.name}:
        return ["holds rows of another result"]
    return []
