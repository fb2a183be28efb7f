"""Packs: many small commits folded into one record, and their rows into one file for each table.

A pack is read in place of the commits it was made of, whether their own files are still there or not. Packs
are made by `knockcast gc --compact`; a commit that two packs hold counts from the one with the smaller name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from cluster.errors import DamagedFileError, MissingFileError
from cluster.store import layout
from cluster.store.body import PACKED, digest_of, read_json, sha256
from cluster.store.filesystem import FileSystem
from cluster.store.records import (
    Commit,
    Place,
    StoredFile,
    file_body,
    file_of,
    pack_units,
    unit_of_row,
    unpack_units,
)
from cluster.store.units import Unit
from cluster.store.versions import NUMBER, UNIT_COLUMNS, decode_packed, decode_rows

INFO = ("seconds", "host", "release", "memory", "ended")  # what a commit says of how it was made
Attempts = dict[tuple[str, int, bool], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Pack:
    """What a pack holds: its files, one for each table, and its commits by key. `made` is in Unix seconds.

    `attempts` is the file with what was recorded of the attempts that the commits came from.
    """

    name: str
    run: str
    made: float
    files: tuple[StoredFile, ...]
    attempts: StoredFile
    commits: Mapping[str, Commit]


def pack_name(run: str, commits: Iterable[Commit]) -> str:
    """The name of the pack of some commits: two that fold the same at once make the same pack."""
    listed = [[commit.key, commit.sha256] for commit in sorted(commits, key=lambda commit: commit.key)]
    return digest_of({"format": PACKED, "run": run, "commits": listed})


def pack_body(
    run: str, commits: Sequence[Commit], files: Sequence[StoredFile], attempts: StoredFile, made: float
) -> dict[str, Any]:
    """The JSON body of a pack of commits, numbered in their order."""
    tables = [file.table for file in files]
    return {
        "format": PACKED,
        "run": run,
        "made": made,
        "files": [file_body(file) for file in files],
        "attempts": file_body(attempts),
        "commits": [_commit_row(commit, tables) for commit in commits],
    }


def _commit_row(commit: Commit, tables: Sequence[str | None]) -> list[Any]:
    held = {file.table for file in commit.files}
    return [
        commit.key,
        commit.attempt,
        commit.sha256,
        pack_units(commit.units),
        list(commit.dependencies),
        [number for number, table in enumerate(tables) if table in held],
        commit.size,
        dict(commit.statuses),
        {name: getattr(commit, name) for name in INFO},
    ]


def pack_of_body(name: str, body: Mapping[str, Any]) -> Pack:
    """The pack that a JSON body describes. Raises KeyError, TypeError, ValueError for another body."""
    files = tuple(file_of(file) for file in body["files"])
    shared: dict[tuple[int, ...], tuple[StoredFile, ...]] = {}
    commits = {}
    for number, row in enumerate(body["commits"]):
        key, attempt, digest, units, dependencies, tables, size, statuses, info = row
        held = shared.setdefault(tuple(tables), tuple(files[table] for table in tables))
        commits[key] = Commit(
            key,
            attempt,
            body["run"],
            tuple(unpack_units(units)),
            tuple(dependencies),
            held,
            statuses,
            sha256=digest,
            place=Place(name, number, size),
            **dict.fromkeys(INFO) | info,
        )
    return Pack(name, body["run"], body["made"], files, file_of(body["attempts"]), commits)


def read_pack(fs: FileSystem, name: str, run: str) -> Pack:
    """The pack of a name. Raises DamagedFileError where it is not the one that was written."""
    path = layout.pack_path(name)
    body = read_json(fs.read(path), path)
    try:
        pack = pack_of_body(name, body)
        right = pack.run == run and pack_name(run, pack.commits.values()) == name
    except (KeyError, TypeError, ValueError, IndexError):
        right = False
    if not right:
        raise DamagedFileError(f"{path}: its body does not belong under this name; run `knockcast verify`")
    return pack


def names_of_packs(fs: FileSystem) -> list[str]:
    """The names of the packs that are there, sorted."""
    return [name for path in fs.paths(layout.PACKS) if (name := layout.pack_of(path))]


class Packs:
    """The packs of one store as of the last `refresh`, each read once."""

    def __init__(self, fs: FileSystem, run: str) -> None:
        self._fs, self._run = fs, run
        self.here: dict[str, Pack] = {}
        self.commits: dict[str, Commit] = {}
        self._attempts: dict[str, Attempts] = {}

    def refresh(self) -> dict[str, Commit]:
        """Take up packs made since, forget those moved aside; returns the commits that packs hold, by key."""
        names = names_of_packs(self._fs)
        if names != sorted(self.here):
            kept = self.here
            self.here = {name: kept.get(name) or read_pack(self._fs, name, self._run) for name in names}
            self.commits = {}
            for name in reversed(names):
                self.commits.update(self.here[name].commits)
        return self.commits

    def uncounted(self, name: str) -> list[Commit]:
        """The commits of a pack that count from another pack."""
        return [commit for key, commit in self.here[name].commits.items() if self.commits[key] is not commit]

    def attempts(self, key: str | None) -> Attempts:
        """What was recorded of attempts and failures whose commits are in packs, of one key or all."""
        found: Attempts = {}
        for name, pack in self.here.items():
            if key is not None and key not in pack.commits:
                continue
            if name not in self._attempts:
                self._attempts[name] = read_attempts(self._fs, pack)
            known = self._attempts[name].items()
            found |= {each: body for each, body in known if key in (None, each[0])}
        return found


def read_attempts(fs: FileSystem, pack: Pack) -> Attempts:
    """What a pack keeps of attempts. Raises DamagedFileError where the bytes are not the ones written."""
    file = pack.attempts
    data = fs.read(file.path, file.sha256)
    if sha256(data) != file.sha256:
        raise DamagedFileError(
            f"{file.path}: damaged (its sha256 is not the one of its pack); run `knockcast verify --repair`"
        )
    body = read_json(data, file.path)
    return {
        (record["key"], record["attempt"], failed): record
        for failed, records in ((False, body["begun"]), (True, body["failed"]))
        for record in records
    }


def attempt_in_packs(fs: FileSystem, key: str) -> int | None:
    """The attempt whose commit of a key is in a pack; None where no pack holds the key."""
    for name in names_of_packs(fs):
        try:
            found = _attempts_by_key(fs.name, name, fs)
        except MissingFileError:  # moved aside just now
            continue
        if key in found:
            return found[key]
    return None


def is_committed(fs: FileSystem, key: str) -> bool:
    """Whether a shard has a commit, by itself or in a pack."""
    return fs.exists(layout.commit_path(key)) or attempt_in_packs(fs, key) is not None


@lru_cache(maxsize=256)
def _known(place: str, name: str) -> dict[str, int]:
    del place, name
    return {}


def _attempts_by_key(place: str, name: str, fs: FileSystem) -> dict[str, int]:
    """Each commit's attempt in a pack, read once a process: a pack never changes."""
    known = _known(place, name)
    if not known:
        path = layout.pack_path(name)
        known |= {row[0]: row[1] for row in read_json(fs.read(path), path)["commits"]}
    return known


def decoded(
    data: bytes,
    commit: Commit,
    file: StoredFile,
    columns: Sequence[str] | None = None,
    dictionaries: bool = False,
) -> pa.Table:
    """The rows of one of a commit's files; of a pack's, all its commits' rows, with their numbers."""
    return (decode_rows if commit.place is None else decode_packed)(data, commit, file, columns, dictionaries)


def files_of(commits: Iterable[Commit], table: str) -> list[tuple[StoredFile, list[Commit]]]:
    """The files with rows of a table, each with its commits: one, or those of a pack."""
    files: dict[str, tuple[StoredFile, list[Commit]]] = {}
    for commit in commits:
        for file in commit.table_files(table):
            files.setdefault(file.path, (file, []))[1].append(commit)
    return [*files.values()]


def of_commits(rows: pa.Table, commits: Sequence[Commit]) -> pa.Table:
    """Of the rows of a pack's file, those of some of its commits; of another file's, all."""
    if NUMBER not in rows.column_names:
        return rows
    mine = np.isin(np.asarray(rows.column(NUMBER)), np.array([_number(commit) for commit in commits]))
    return rows if mine.all() else rows.filter(pa.array(mine))


def owned(owner: Mapping[Unit, str], commits: Sequence[Commit], rows: pa.Table) -> pa.Table:
    """The rows of a file's commits that count: not those of units that count from another commit."""
    lost = {(_number(c), unit) for c in commits for unit in c.units if owner[unit] != c.key}
    if not lost:
        return rows
    if len(lost) == sum(len(commit.units) for commit in commits):
        return rows.slice(0, 0)
    names = [name for name in (*UNIT_COLUMNS, NUMBER) if name in rows.column_names]
    asked = rows.select(names).to_pylist()
    return rows.filter(pa.array([(r.get(NUMBER), unit_of_row(r)) not in lost for r in asked], pa.bool_()))


def by_commit(commits: Sequence[Commit], rows: pa.Table) -> Iterator[tuple[Commit, pa.Table]]:
    """A file's rows, those of each of its commits together, in the order they have."""
    if NUMBER not in rows.column_names:
        yield commits[0], rows
        return
    numbers = np.asarray(rows.column(NUMBER))
    order = np.argsort(numbers, kind="stable")
    ordered = rows.take(pa.array(order))
    places = np.array([_number(commit) for commit in commits])
    starts, ends = (np.searchsorted(numbers[order], places, side) for side in ("left", "right"))
    for commit, start, end in zip(commits, starts, ends, strict=True):
        yield commit, ordered.slice(start, end - start)


def _number(commit: Commit) -> int | None:
    return commit.place.number if commit.place else None
