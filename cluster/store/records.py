"""What the store's JSON bodies mean: stored files, commits, lists of units, and facts of targets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cluster.errors import DamagedFileError
from cluster.store.body import digest_of
from cluster.store.parquet import sort_rows
from cluster.store.units import FINAL_FOLD, Unit, unit_of

PackedUnits = list[list[Any]]
_PLAIN = (pa.string(), pa.float64(), pa.int64(), pa.int32(), pa.bool_())
_KINDS = {str(kind): kind for kind in (*_PLAIN, pa.list_(pa.int32()))}


@dataclass(frozen=True)
class StoredFile:
    """One file of a commit. `table` and `rows` are None for weights; `version` is that of the table."""

    path: str
    size: int
    sha256: str
    table: str | None = None
    rows: int | None = None
    version: int = 1


@dataclass(frozen=True)
class Place:
    """Where the rows of a commit are that was folded into a pack; `size` is that of the files it had."""

    pack: str
    number: int
    size: int


@dataclass(frozen=True)
class Commit:
    """What one attempt made durable for one shard. `sha256` is of the commit file itself.

    `release` is the version of the Knockcast that wrote it, `memory` the most that the process held (bytes),
    `ended` when (Unix seconds); None where it does not say.
    Where it was folded, `place` says into what, and its files are the pack's, which it shares with others.
    """

    key: str
    attempt: int
    run: str
    units: tuple[Unit, ...]
    dependencies: tuple[str, ...]
    files: tuple[StoredFile, ...]
    statuses: Mapping[str, int]
    seconds: float | None
    host: str | None
    sha256: str
    release: str | None = None
    memory: int | None = None
    ended: float | None = None
    place: Place | None = None

    @property
    def size(self) -> int:
        """Bytes of all the files that its attempt wrote."""
        return self.place.size if self.place else sum(file.size for file in self.files)

    @property
    def other_files(self) -> tuple[StoredFile, ...]:
        """Its files that are no table: weights."""
        return tuple(file for file in self.files if file.table is None)

    def table_files(self, table: str) -> tuple[StoredFile, ...]:
        """Its files that hold rows of one table."""
        return tuple(file for file in self.files if file.table == table)


def commit_body(
    key: str,
    attempt: int,
    run: str,
    units: Sequence[Unit],
    dependencies: Iterable[str],
    files: Sequence[StoredFile],
    info: Mapping[str, Any],
    release: str | None = None,
) -> dict[str, Any]:
    """The JSON body of a commit; `info` adds seconds, host and status counts, `release` who wrote it."""
    return {
        **info,
        **({} if release is None else {"release": release}),
        "key": key,
        "attempt": attempt,
        "run": run,
        "units": pack_units(units),
        "needs": sorted(dependencies),
        "files": [file_body(file) for file in files],
    }


def commit_of(body: Mapping[str, Any], digest: str) -> Commit:
    """The commit a JSON body describes; `digest` is the sha256 of its file.

    Keys that only newer releases know are passed over.
    """
    return Commit(
        key=body["key"],
        attempt=body["attempt"],
        run=body["run"],
        units=tuple(unpack_units(body["units"])),
        dependencies=tuple(body["needs"]),
        files=tuple(file_of(file) for file in body["files"]),
        statuses=body.get("statuses") or {},
        seconds=body.get("seconds"),
        host=body.get("host"),
        sha256=digest,
        release=body.get("release"),
        memory=body.get("memory"),
        ended=body.get("ended"),
    )


def file_body(file: StoredFile) -> dict[str, Any]:
    """Its entry in a commit; what is not a table has no version."""
    body = asdict(file)
    if file.table is None:
        del body["version"]
    return body


def file_of(body: Mapping[str, Any]) -> StoredFile:
    """The stored file that an entry of a commit or a pack describes."""
    known = [field.name for field in fields(StoredFile)]
    return StoredFile(**{name: body[name] for name in known if body.get(name) is not None})


def pack_units(units: Iterable[Unit]) -> PackedUnits:
    """Sorted units as [method, fold, [stored names]], a tenth of the bytes of one record each."""
    groups: dict[tuple[str, int], list[str]] = {}
    for unit in sorted(units, key=lambda unit: (unit.method, unit.stored_name, unit.fold)):
        groups.setdefault((unit.method, unit.fold), []).append(unit.stored_name)
    return [[method, fold, targets] for (method, fold), targets in sorted(groups.items())]


def unpack_units(packed: PackedUnits) -> list[Unit]:
    """The units `pack_units` packed, sorted by method, fold and target."""
    return [unit_of(method, name, fold) for method, fold, names in packed for name in names]


def unit_of_row(row: Mapping[str, Any]) -> Unit:
    """The unit a table's row belongs to; the rows of a table without folds are of the final one."""
    return Unit(row["method"], row["target"], row.get("fold", FINAL_FOLD))


def targets_body(table: pa.Table) -> dict[str, Any]:
    """The facts of a dataset's targets (class, mean, sd, ...) as a JSON body, sorted by target; NaN is null.

    As sealed JSON rather than Parquet: a run's digest depends on it, and Parquet bytes change with the
    library's version.

    Raises ValueError for a column that is not text, number or truth value.
    """
    return _table_body(table, "target")


def cell_lines_body(table: pa.Table, dataset_hash: str) -> dict[str, Any]:
    """What is known of a dataset's cell lines as a JSON body, sorted by `cell_line`.

    Raises ValueError for a column of another kind than `targets_body` takes, but for lists of integers.
    """
    return {"dataset_hash": dataset_hash, **_table_body(table, "cell_line")}


def _table_body(table: pa.Table, key: str) -> dict[str, Any]:
    unknown = [field.name for field in table.schema if str(field.type) not in _KINDS]
    if unknown or key not in table.column_names:
        raise ValueError(f"{key}s: columns {unknown} cannot be stored, or column {key} is missing")
    rows = sort_rows(table, (key,))
    return {
        "columns": [
            [name, str(column.type), _without_nan(column).to_pylist()]
            for name, column in zip(rows.column_names, rows.columns, strict=True)
        ]
    }


def targets_of(body: dict[str, Any]) -> pa.Table:
    """The table a body of `targets_body` or `cell_lines_body` holds; DamagedFileError where it holds none."""
    try:
        return pa.table({name: pa.array(values, _KINDS[kind]) for name, kind, values in body["columns"]})
    except (KeyError, pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise DamagedFileError(f"facts of targets or cell lines: no table ({error}); restore them") from error


def targets_digest(table: pa.Table) -> str:
    """The `targets_sha256` of a run's body: the same for equal tables, whatever the libraries."""
    return digest_of(targets_body(table))


def _without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


def by_key(bodies: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What was recorded of attempts, by the shard's key, in the order given."""
    found: dict[str, list[dict[str, Any]]] = {}
    for body in bodies:
        found.setdefault(body["key"], []).append(body)
    return found
