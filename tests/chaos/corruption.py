"""Damage to the files of a store and of a Dataset, of every kind, and whether it is found."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from cluster.analyses.reading import rows_of
from cluster.errors import StorageError
from cluster.maintenance.compact import compact, remove_replaced
from cluster.maintenance.maintain import verify
from cluster.store.filesystem import FileSystem, open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.tables.schemas import SCHEMAS
from tests.made_results import kept
from tests.made_stores import made_store

RESULT = "validation"  # a table that `validate` adds, and `made_results` makes
WAYS = ("one bit", "cut short", "eight random bytes", "two files swapped", "another's file")


@dataclass(frozen=True)
class Mutant:
    """Bytes that stand where others were, by path."""

    way: str
    files: dict[str, bytes]


class Damaged:
    """A store as it is, but for a mutant's files; nothing on the disk changes."""

    def __init__(self, fs: FileSystem, mutant: Mutant) -> None:
        self._fs, self._mutant = fs, mutant

    def read(self, path: str, digest: str | None = None) -> bytes:
        """The mutant's bytes, or those on the disk."""
        return self._mutant.files.get(path) or self._fs.read(path, digest)

    def read_all(self, paths: Sequence[str], digests: Sequence[str] | None = None) -> Iterator[bytes]:
        """The same of many."""
        del digests
        yield from map(self.read, paths)

    def size(self, path: str) -> int:
        """How long the mutant's bytes are."""
        return len(self.read(path))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fs, name)


def kinds(fs: FileSystem) -> dict[str, list[str]]:
    """The files of a store by what they are for: the folder they lie in."""
    found: dict[str, list[str]] = {}
    for path in fs.paths(""):
        parts = path.split("/")
        name = "/".join(parts[:2]) if parts[0] == "data" else parts[0]
        found.setdefault(f"{name}, failed" if path.endswith(".failed.json") else name, []).append(path)
    return found


def mutants(files: dict[str, bytes], others: Sequence[bytes], count: int, seed: int) -> Iterator[Mutant]:
    """`count` mutants of files of one kind, way by way; `others` are such files of another valid store."""
    rng, paths = Random(seed), sorted(files)  # noqa: S311 - no secret
    can_swap = len(set(files.values())) > 1
    can_stray = can_swap or bool(set(others) - set(files.values()))
    possible = [*WAYS[:3], *WAYS[3:4] * can_swap, *WAYS[4:] * can_stray]
    for number in range(count):
        way, path = possible[number % len(possible)], rng.choice(paths)
        data = files[path]
        if way == "one bit":
            yield Mutant(way, {path: _flipped(data, rng)})
        elif way == "cut short":
            yield Mutant(way, {path: data[: rng.randrange(1, len(data))]})
        elif way == "eight random bytes":
            yield Mutant(way, {path: _overwritten(data, rng)})
        elif way == "two files swapped":
            second = rng.choice([name for name in paths if files[name] != data])
            yield Mutant(way, {path: files[second], second: data})
        else:
            yield Mutant(way, {path: rng.choice([e for e in (*files.values(), *others) if e != data])})


@dataclass
class Count:
    """How many mutants of a kind there were, were found, and gave other numbers than the whole."""

    mutants: int = 0
    found: int = 0
    wrong: int = 0
    missed: list[Mutant] = field(default_factory=list)


def damage_store(
    path: Path, other: Path, count: int, seed: int = 0, only: Collection[str] = ()
) -> dict[str, Count]:
    """Damage each kind of a store's files `count` times; `other` is a valid store of another run.

    Of some kinds `only`, if they are named.
    """
    fs, stranger = open_filesystem(path), kinds(open_filesystem(other))
    whole = {name: _rows(StoreReader(fs), name) for name in (*SCHEMAS, RESULT)}
    counts: dict[str, Count] = {}
    for kind, paths in kinds(fs).items():
        if only and kind not in only:
            continue
        mine = counts.setdefault(kind, Count())
        files = {each: fs.read(each) for each in paths}
        others = [open_filesystem(other).read(each) for each in stranger.get(kind, [])]
        for mutant in mutants(files, others, count, seed):
            damaged: Any = Damaged(fs, mutant)
            found = _is_found(damaged)
            mine.mutants += 1
            mine.found += found
            mine.wrong += _gives_other_numbers(damaged, whole)
            mine.missed += [mutant] * (not found)
    return counts


def damage_dataset(path: Path, other: Path, count: int, work: Path, seed: int = 0) -> dict[str, Count]:
    """The same of a Dataset, whose files are copied to `work`; its `verify` is what `run` begins with."""
    counts: dict[str, Count] = {}
    work.mkdir()
    for file in sorted(path.iterdir()):
        (work / file.name).write_bytes(file.read_bytes())
    whole = _content(path)
    for file in sorted(path.iterdir()):
        mine, data = counts.setdefault(file.name, Count()), file.read_bytes()
        others = [(other / file.name).read_bytes()] if (other / file.name).exists() else []
        for mutant in mutants({file.name: data}, others, count, seed):
            (work / file.name).write_bytes(mutant.files[file.name])
            mine.mutants += 1
            try:
                opened = Dataset.open(work)
                opened.verify()
            except BadInputError:
                mine.found += 1
            else:
                same = _content(work) == whole
                mine.found += same  # nothing that is read has changed
                mine.wrong += not same
                if not same:
                    mine.missed.append(mutant)
        (work / file.name).write_bytes(data)
    return counts


def _is_found(fs: Any) -> bool:
    try:
        return bool(verify(fs).problems)
    except (BadInputError, StorageError):
        return True


def _gives_other_numbers(fs: Any, whole: dict[str, pa.Table]) -> bool:
    try:
        reader = StoreReader(fs)
    except (BadInputError, StorageError):
        return False
    for name, rows in whole.items():
        try:
            if not _rows(reader, name).equals(rows):
                return True
        except (BadInputError, StorageError):
            continue
    return False


def _rows(reader: StoreReader, name: str) -> pa.Table:
    return rows_of(reader, name) if name == RESULT else reader.table(name)


def _content(path: Path) -> tuple[Any, ...]:
    dataset = Dataset.open(path)
    parts = [dataset.cell_lines, dataset.lineages, dataset.genes, dataset.targets, dataset.measure]
    arrays = [np.asarray(dataset.expression).tobytes(), np.asarray(dataset.effect).tobytes()]
    return (*parts, *arrays, dataset.report, dataset.cell_line_table.to_pydict())


def _flipped(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwritten(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(max(1, len(data) - 8))
    changed = data[:at] + rng.randbytes(8) + data[at + 8 :]
    return changed if changed != data else _flipped(data, rng)


def compacted(source: Path, copy: Path) -> Path:
    """A copy of a store, its shards' files in packs and gone."""
    shutil.copytree(source, copy)
    fs = open_filesystem(copy)
    assert compact(fs)
    remove_replaced(fs, 0)
    return copy


def with_records(path: Path, target: str) -> Path:
    """A store in which one of `made_store`'s targets failed and was set aside; and a command's result."""
    writer, key = made_store(path), target.lower() * 64
    kept(writer.fs, shift=float(ord(target)))
    writer.begin_attempt(key, {"units": 1})
    writer.record_failure(key, 1, {"kind": "error", "error": "no"})
    writer.quarantine(Unit("modifiers", target, 0), ["error: no"])
    return path
