"""`gc --compact`: many small commits become a pack; a later call removes the files that the pack replaces.

First the files of a pack are made durable, then the pack, which from then on counts in place of its commits.
Nothing that a reader uses is removed in the same call. Killed anywhere, a store is as it was or has the pack.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from cluster.errors import DamagedFileError, StorageError
from cluster.maintenance.packed import pack_problems
from cluster.store import layout
from cluster.store.body import PACKED, read_json, seal_json, sha256
from cluster.store.filesystem import FileSystem
from cluster.store.packs import Pack, pack_body, pack_name
from cluster.store.reader import StoreReader
from cluster.store.records import Commit, StoredFile, by_key
from cluster.store.units import FINAL_FOLD
from cluster.store.versions import decode_rows, encode_packed, is_newer
from cluster.store.writer import move_aside
from tasks.tables.schemas import TABLES

MOST_BYTES = 128 << 20  # of the files that one pack replaces: what is redone at worst where one is damaged
FEWEST = 2  # commits, for which a pack is worth while
KEPT_SECONDS = 3600.0  # for which replaced files stay, so that who began to read before can go on
SIGN = seal_json({"format": PACKED, "packs": layout.PACKS})


def compact(fs: FileSystem, most_bytes: int = MOST_BYTES) -> list[str]:
    """Fold the commits that are in no pack into packs; returns the paths of those.

    Raises StorageError, having changed nothing that counts, where a commit or one of its files is damaged.
    """
    reader = StoreReader(fs)
    groups = list(_groups(reader.commits(), most_bytes))
    attempts = Attempts.of(reader) if groups else Attempts({}, {})
    return [_fold(reader, group, attempts) for group in groups]


@dataclass(frozen=True)
class Attempts:
    """What was recorded of attempts and of their failures, by key: read once for all packs."""

    begun: Mapping[str, list[dict[str, Any]]]
    failed: Mapping[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, reader: StoreReader) -> Self:
        """Those of a store."""
        begun, failed = reader.history()
        return cls(by_key(begun), by_key(failed))


def _groups(commits: Sequence[Commit], most_bytes: int) -> Iterator[list[Commit]]:
    """What goes into one pack each: commits of one method, final or not, and of neighbouring targets."""
    small = sorted((c for c in commits if _is_foldable(c)), key=_place)
    group: list[Commit] = []
    size = 0
    for commit in small:
        if group and (_place(group[0])[:2] != _place(commit)[:2] or size + commit.size > most_bytes):
            yield from [group] * (len(group) >= FEWEST)
            group, size = [], 0
        group.append(commit)
        size += commit.size
    yield from [group] * (len(group) >= FEWEST)


def _is_foldable(commit: Commit) -> bool:
    """Not what others depend on by its key, which is little, nor what only a newer release can read."""
    if commit.place is not None or commit.other_files or commit.units[0].is_fold_level:
        return False
    return not any(is_newer(file) for file in commit.files)


def _place(commit: Commit) -> tuple[str, bool, str, int, str]:
    first = commit.units[0]
    target = min(unit.target for unit in commit.units)
    return first.method, first.fold == FINAL_FOLD, target, first.fold, commit.key


def _fold(reader: StoreReader, group: Sequence[Commit], known: Attempts) -> str:
    fs, name = reader.fs, pack_name(reader.run_digest, group)
    made = time.time()
    fs.create(layout.pack_begun_path(name), seal_json({"format": PACKED, "time": made}))
    held = {file.table for commit in group for file in commit.files}
    files = [_put_rows(reader, name, table, group) for table in sorted(t for t in held if t is not None)]
    attempts = _put_attempts(reader, name, group, known)
    fs.create(layout.SIGNPOST, SIGN)
    fs.create(layout.pack_path(name), seal_json(pack_body(reader.run_digest, group, files, attempts, made)))
    fs.delete(layout.pack_begun_path(name))
    return layout.pack_path(name)


def _put_rows(reader: StoreReader, name: str, table: str, group: Sequence[Commit]) -> StoredFile:
    """All rows that the commits have in a table, the ones that do not count included, in one file."""
    known = TABLES[table]
    found = [(number, c, file) for number, c in enumerate(group) for file in c.table_files(table)]
    read = reader.verified_all([file for _, _, file in found])
    parts = [decode_rows(data, commit, file) for (_, commit, file), data in zip(found, read, strict=True)]
    numbers = np.repeat(
        np.array([number for number, _, _ in found], np.int32), [part.num_rows for part in parts]
    )
    rows = pa.concat_tables(parts)
    data = encode_packed(known, rows, pa.array(numbers))
    path = _put(reader.fs, layout.pack_rows_path(name, table, sha256(data)), data)
    return StoredFile(path, len(data), sha256(data), table, rows.num_rows, known.file_version)


def _put_attempts(reader: StoreReader, name: str, group: Sequence[Commit], known: Attempts) -> StoredFile:
    keys = sorted(commit.key for commit in group)
    begun, failed = (
        [body for key in keys for body in bodies.get(key, [])] for bodies in (known.begun, known.failed)
    )
    data = seal_json({"format": PACKED, "begun": begun, "failed": failed})
    return StoredFile(
        _put(reader.fs, layout.pack_attempts_path(name, sha256(data)), data), len(data), sha256(data)
    )


def _put(fs: FileSystem, path: str, data: bytes) -> str:
    """Create a file; one of its name that has other bytes is damaged, and goes aside."""
    if not fs.create(path, data) and fs.read(path) != data:
        move_aside(fs, path)
        if not fs.create(path, data) and fs.read(path) != data:
            raise StorageError(f"{path}: another is writing other bytes under this name; run again")
    return path


def remove_replaced(fs: FileSystem, kept_seconds: float = KEPT_SECONDS) -> list[str]:
    """Remove the files that packs replace which were made more than so many seconds ago; returns their paths.

    Each pack is first checked byte by byte. Raises DamagedFileError where one is not whole: what it replaces
    stays.
    """
    reader = StoreReader(fs)
    reader.refresh()
    old = [pack for pack in reader.packs.here.values() if time.time() - pack.made >= kept_seconds]
    replaced = _replaced(reader, old)
    removed = []
    for pack in old:
        if not (paths := replaced.get(pack.name)):
            continue
        if problems := pack_problems(fs, pack):
            raise DamagedFileError(
                f"{problems[0].path}: {problems[0].what}; run `knockcast verify STORE --repair`: "
                "the files that it replaces are still there"
            )
        for batch in paths:
            if not fs.exists(layout.pack_path(pack.name)):
                break  # moved aside just now: what it replaced counts again
            fs.delete_all(batch)
            removed += batch
    return removed


def _replaced(reader: StoreReader, packs: Sequence[Pack]) -> dict[str, list[list[str]]]:
    """By pack: commits, data files, attempts. In this order: what commit is left can be read."""
    fs = reader.fs
    pack_of = {key: pack.name for pack in packs for key in pack.commits}
    found: dict[str, list[list[str]]] = {}
    if not pack_of:
        return found
    kept = reader.packs.attempts(None)
    for path in fs.paths(layout.ATTEMPTS):
        named = layout.attempt_of(path)
        if named and named[0] in pack_of and named in kept:
            found.setdefault(pack_of[named[0]], [[], [], []])[2].append(path)
    for path in fs.paths(layout.DATA):
        owner = layout.owner_of(path)
        if owner and owner[0] in pack_of:
            found.setdefault(pack_of[owner[0]], [[], [], []])[1].append(path)
    for key in pack_of.keys() & reader.listed:
        found.setdefault(pack_of[key], [[], [], []])[0].append(layout.commit_path(key))
    return found


def unfinished(fs: FileSystem, stale_seconds: float) -> list[str]:
    """The files of packs that somebody began that long ago and nobody finished."""
    by_name: dict[str, list[str]] = {}
    for path in fs.paths(layout.PACKS):
        if name := layout.owning_pack(path):
            by_name.setdefault(name, []).append(path)
    spare = []
    for name, paths in by_name.items():
        begun = layout.pack_begun_path(name)
        if begun not in paths:
            continue
        if layout.pack_path(name) in paths:
            spare.append(begun)
        elif time.time() - _began(fs, begun) > stale_seconds:
            spare += [*(path for path in paths if path != begun), begun]
    return spare


def _began(fs: FileSystem, path: str) -> float:
    return float(read_json(fs.read(path), path)["time"])
