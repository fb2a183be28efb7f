"""What can be wrong with a pack: the questions `verify` asks of many commits at once."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from cluster.errors import NewerVersionError, StorageError
from cluster.maintenance.checks import Problem
from cluster.store import layout
from cluster.store.body import sha256
from cluster.store.filesystem import FileSystem
from cluster.store.packs import Pack, read_attempts, read_pack
from cluster.store.parquet import decode
from cluster.store.records import Commit, StoredFile, unit_of_row
from cluster.store.units import FINAL_FOLD, Unit, shard_key
from cluster.store.versions import NUMBER, is_newer, version_inside
from tasks.tables.columns import schema_of
from tasks.tables.schemas import TABLES

# Tables with exactly one row for each unit of some folds.
SCORED = {"scores": False, "models": True}


def look_at_packs(fs: FileSystem, run: str, names: Iterable[str]) -> tuple[list[Pack], list[Problem]]:
    """The packs whose own JSON is whole, and the problems of the others."""
    packs, problems = [], []
    for name in names:
        path = layout.pack_path(name)
        try:
            packs.append(read_pack(fs, name, run))
        except NewerVersionError as error:
            problems.append(Problem(path, str(error).removeprefix(f"{path}: "), is_newer=True))
        except StorageError as error:
            what = str(error).removeprefix(f"{path}: ").partition("; run")[0]
            problems.append(Problem(path, what, path))
    return packs, problems


def pack_problems(fs: FileSystem, pack: Pack, replaces: bool = False) -> list[Problem]:
    """Problems of a pack's commits and files; the pack is the culprit of each.

    `replaces`: whether the files that it was made of are all still there, to count in its place.
    """
    culprit = layout.pack_path(pack.name)
    wrong = [(culprit, what) for what in _wrong_keys(pack)]
    wrong += [(file.path, what) for file in pack.files for what in _wrong_with(fs, pack, file)]
    try:
        read_attempts(fs, pack)
    except (StorageError, KeyError, TypeError) as error:
        wrong.append((pack.attempts.path, str(error).removeprefix(f"{pack.attempts.path}: ")))
    return [Problem(path, what, culprit, is_replaceable=replaces) for path, what in wrong]


def _wrong_keys(pack: Pack) -> Iterable[str]:
    for key, commit in pack.commits.items():
        if shard_key(pack.run, commit.units, commit.dependencies) != key:
            yield f"lists {key}, which is not the key of its units"


def _wrong_with(fs: FileSystem, pack: Pack, file: StoredFile) -> list[str]:
    if file.path != layout.pack_rows_path(pack.name, file.table or "", file.sha256):
        return ["is not a name this pack may use"]
    try:
        data = fs.read(file.path)
        if len(data) != file.size:
            return [f"has {len(data)} bytes, expected {file.size}"]
        if sha256(data) != file.sha256:
            return ["damaged (its sha256 is not the one of its pack)"]
        return [] if is_newer(file) else _wrong_rows(pack, file, decode(data, file.path))
    except StorageError as error:
        return [str(error).removeprefix(f"{file.path}: ")]


def _wrong_rows(pack: Pack, file: StoredFile, rows: pa.Table) -> list[str]:
    name = file.table or ""
    if version_inside(rows) != file.version:
        return [f"names itself version {version_inside(rows)}, its pack says {file.version}"]
    known = schema_of(TABLES[name].stored_in(file.version)).append(pa.field(NUMBER, pa.int32()))
    if not rows.schema.equals(known):
        return [f"does not have the columns of the table {name!r}"]
    if rows.num_rows != file.rows:
        return [f"has {rows.num_rows} rows, expected {file.rows}"]
    holders = {c.place.number: c for c in pack.commits.values() if c.place and file in c.files}
    if unknown := set(np.unique(np.asarray(rows.column(NUMBER))).tolist()) - holders.keys():
        return [f"holds rows of commit {min(unknown)}, which has none in this table"]
    return _wrong_units(name, rows, holders)


def _wrong_units(name: str, rows: pa.Table, holders: dict[int, Commit]) -> list[str]:
    names = [column for column in ("method", "target", "fold", NUMBER) if column in rows.column_names]
    groups = rows.group_by(names).aggregate([([], "count_all")]).to_pylist()
    counts: Counter[tuple[int, Unit]] = Counter(
        {(row[NUMBER], unit_of_row(row)): row["count_all"] for row in groups}
    )
    listed = {(number, unit) for number, commit in holders.items() for unit in commit.units}
    if unknown := counts.keys() - listed:
        return [f"holds rows of {min(unknown)[1]}, which their commit does not list"]
    if name in SCORED:
        expected = Counter((n, unit) for n, unit in listed if (unit.fold == FINAL_FOLD) is SCORED[name])
        if counts != expected:
            return ["does not hold exactly one row for each unit of its commits"]
    return []
