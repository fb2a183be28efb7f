"""What the store's JSON bodies mean: stored files, commits, and lists of units."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cluster.store.units import FINAL_FOLD, Unit, unit_of

PackedUnits = list[list[Any]]


@dataclass(frozen=True)
class StoredFile:
    """One file of a commit. `table` and `rows` are None for weights."""

    path: str
    size: int
    sha256: str
    table: str | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Commit:
    """What one attempt made durable for one shard. `sha256` is of the commit file itself."""

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

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)

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
) -> dict[str, Any]:
    """The JSON body of a commit; `info` adds seconds, host and status counts."""
    return {
        **info,
        "key": key,
        "attempt": attempt,
        "run": run,
        "units": pack_units(units),
        "needs": sorted(dependencies),
        "files": [asdict(file) for file in files],
    }


def commit_of(body: Mapping[str, Any], digest: str) -> Commit:
    """The commit a JSON body describes; `digest` is the sha256 of its file."""
    return Commit(
        key=body["key"],
        attempt=body["attempt"],
        run=body["run"],
        units=tuple(unpack_units(body["units"])),
        dependencies=tuple(body["needs"]),
        files=tuple(StoredFile(**file) for file in body["files"]),
        statuses=body.get("statuses") or {},
        seconds=body.get("seconds"),
        host=body.get("host"),
        sha256=digest,
    )


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
