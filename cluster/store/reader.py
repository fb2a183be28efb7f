"""Reading a store: committed files only, and every byte hashed before it is parsed."""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from cluster.errors import DamagedFileError, StorageError
from cluster.store import layout
from cluster.store.body import digest_of, read_json, sha256
from cluster.store.filesystem import FileSystem, open_filesystem
from cluster.store.parquet import sort_rows
from cluster.store.records import Commit, StoredFile, commit_of, targets_of, unit_of_row, unpack_units
from cluster.store.sealing import commit_keys
from cluster.store.units import Unit, unit_of
from cluster.store.versions import decode_rows
from tasks.errors import BadInputError
from tasks.tables.describe import did_you_mean
from tasks.tables.schemas import TABLES

T = TypeVar("T")
UNIT_COLUMNS = ("method", "target", "fold")


class StoreReader:
    """What a store holds.

    Commits are seen as of the first question about them, then as of the last `refresh`, so that tables read
    one after another agree; each is read once. Plans, attempts and quarantine are seen as of now. Raises
    BadInputError where there is no store.
    """

    keeps = False  # whether `remember` does

    def __init__(self, fs: FileSystem) -> None:
        if not fs.exists(layout.RUN):
            raise BadInputError(
                f"{fs.name}: not a store (no {layout.RUN}); expected a folder `knockcast run` made"
            )
        self.fs = fs
        self.run: dict[str, Any] = read_json(fs.read(layout.RUN), layout.RUN)
        self.run_digest = digest_of(self.run)
        self._commits: dict[str, Commit] | None = None
        self._owner: dict[Unit, str] = {}
        self._plans: dict[str, list[Unit]] = {}

    @classmethod
    def open(cls, url: str | Path) -> Self:
        """The reader of the store at an address."""
        return cls(open_filesystem(url))

    def refresh(self) -> None:
        """Take up commits made since, and forget those moved aside.

        Raises StorageError where the store is sealed and one of the commits it was sealed with is gone.
        """
        keys = commit_keys(self.fs)
        known = self._commits or {}
        added = [key for key in keys if key not in known]
        read = self.fs.read_all([layout.commit_path(key) for key in added])
        found = {key: self._commit_of(key, data) for key, data in zip(added, read, strict=True)}
        self._commits = {key: known.get(key) or found[key] for key in keys}
        self._owner = {unit: key for key in reversed(keys) for unit in self._commits[key].units}

    def commits(self) -> list[Commit]:
        """All commits, sorted by key."""
        if self._commits is None:
            self.refresh()
        return list((self._commits or {}).values())

    def commit(self, key: str) -> Commit:
        """One commit, read now; StorageError where there is none."""
        return self._commit_of(key, self.fs.read(layout.commit_path(key)))

    def rows(self, commit: Commit, table: str) -> pa.Table:
        """What one commit holds of a table."""
        files = commit.table_files(table)
        parts = [decode_rows(self.verified(file), commit, file) for file in files]
        return pa.concat_tables([_schema(table).empty_table(), *parts])

    def committed_units(self) -> dict[Unit, str]:
        """Every committed unit, with the key whose rows count: the smaller one where two commits hold it."""
        self.commits()
        return self._owner

    def wanted_units(self) -> set[Unit]:
        """The units of every plan."""
        added = [path for path in self.fs.paths(layout.PLANS) if path not in self._plans]
        for path, body in zip(added, self._bodies(added), strict=True):
            self._plans[path] = unpack_units(body["units"])
        return {unit for units in self._plans.values() for unit in units}

    def wanted_of(self, target: str) -> set[Unit]:
        """Those of `wanted_units` that are of one target."""
        return {unit for unit in self.wanted_units() if unit.target == target and not unit.is_fold_level}

    def datasets(self) -> list[str]:
        """Where the runs into this store found their dataset."""
        places = [body.get("dataset", "") for body in self._bodies(self.fs.paths(layout.PLANS))]
        return sorted({place for place in places if place})

    def shard_size(self) -> int | None:
        """The shard size that the runs into this store were given, the smallest of several; None for none."""
        given = [body.get("shard_size") for body in self._bodies(self.fs.paths(layout.PLANS))]
        return min((size for size in given if size is not None), default=None)

    def quarantined(self) -> dict[Unit, list[Any]]:
        """The units set aside, with their errors; a unit committed since is not among them."""
        bodies = self._bodies(self.fs.paths(layout.QUARANTINE))
        found = {unit_of(*body["unit"]): body["errors"] for body in bodies}
        return {unit: errors for unit, errors in sorted(found.items()) if unit not in self.committed_units()}

    def attempts(self, key: str | None = None) -> list[dict[str, Any]]:
        """What was recorded when each attempt of a shard (or of every shard) began, by number."""
        return self._attempts(key, failed=False)

    def failures(self, key: str | None = None) -> list[dict[str, Any]]:
        """The failures seen of a shard (or of every shard), by attempt. Lost attempts are not among them."""
        return self._attempts(key, failed=True)

    def is_sealed(self) -> bool:
        """Whether the last run finished and nothing was asked since."""
        return self.fs.exists(layout.SUCCESS)

    def table(
        self, name: str, columns: Sequence[str] | None = None, targets: Collection[str] | None = None
    ) -> pa.Table:
        """The committed rows of a table, sorted by its key; some columns or targets only, where asked.

        Files written before a column was added have null there. Raises BadInputError for a table or column
        that does not exist, DamagedFileError for a file whose bytes are not the ones committed,
        NewerVersionError for one that only a newer release reads.
        """
        schema = _schema(name)
        wanted = _columns(name, columns)
        key = TABLES[name].key
        needed = list(dict.fromkeys([*wanted, *key]))
        parts = [*self.pieces(name, needed, targets)]
        table = pa.concat_tables([pa.schema([schema.field(n) for n in needed]).empty_table(), *parts])
        return sort_rows(table, key).select(wanted)

    def parts(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        targets: Collection[str] | None = None,
        method: str | None = None,
    ) -> Iterator[tuple[Commit, pa.Table]]:
        """The committed rows of a table, one commit after another, for what does not fit into memory.

        Rows of a unit that a commit with a smaller key holds too are left out.
        """
        wanted = _columns(name, columns)
        needed = list(dict.fromkeys([*wanted, *_unit_columns(name)]))
        chosen = None if targets is None else frozenset(targets)
        files = [
            (commit, file)
            for commit in self.commits()
            if any(_asked(unit, chosen, method) for unit in commit.units)
            for file in commit.table_files(name)
        ]
        for (commit, file), data in zip(files, self.verified_all([file for _, file in files]), strict=True):
            rows = self._owned(commit, decode_rows(data, commit, file, needed))
            yield commit, _rows_of(rows, chosen, method).select(wanted)

    def pieces(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        targets: Collection[str] | None = None,
        method: str | None = None,
    ) -> Iterator[pa.Table]:
        """The rows of `parts`, for what need not know which commit holds them."""
        for _, rows in self.parts(name, columns, targets, method):
            yield rows

    def remember(self, name: str, make: Callable[[], T]) -> T:
        """What `make` makes: here anew each time. A reader that answers many questions may keep it."""
        del name
        return make()

    def overlapping(self) -> list[Commit]:
        """The commits that hold a unit whose rows count from another."""
        return [c for c in self.commits() if any(self._owner[unit] != c.key for unit in c.units)]

    def targets(self) -> pa.Table | None:
        """The facts of the dataset's targets; None where the run's body names none."""
        digest = self.run.get("targets_sha256")
        if digest is None:
            return None
        path = layout.targets_path(digest)
        body = self.body(path)
        if digest_of(body) != digest:
            raise DamagedFileError(
                f"{path}: not the targets of this run; run `knockcast verify STORE --repair`, then `resume`"
            )
        return targets_of(body)

    def verified(self, file: StoredFile) -> bytes:
        """The bytes of a committed file; DamagedFileError unless they are the ones committed."""
        return next(self.verified_all([file]))

    def verified_all(self, files: Sequence[StoredFile]) -> Iterator[bytes]:
        """What `verified` gives for each file, in order."""
        read = self.fs.read_all([file.path for file in files], [file.sha256 for file in files])
        for file, data in zip(files, read, strict=True):
            yield _checked(data, file.path, file.sha256, "the one committed")

    def training(self, digest: str) -> bytes:
        """The expression that models naming this sha256 predict from; DamagedFileError if damaged."""
        path = layout.training_path(digest)
        return _checked(self.fs.read(path, digest), path, digest, "its name")

    def weights(self, digest: str) -> bytes:
        """The committed file of this sha256; StorageError where no commit lists one."""
        files = (file for commit in self.commits() for file in commit.other_files)
        found = next((file for file in files if file.sha256 == digest), None)
        if found is None:
            raise StorageError(f"{self.fs.name}: no commit lists weights {digest}; run `knockcast verify`")
        return self.verified(found)

    def body(self, path: str) -> dict[str, Any]:
        """The body of one of the store's JSON files."""
        return read_json(self.fs.read(path), path)

    def _bodies(self, paths: Sequence[str]) -> list[dict[str, Any]]:
        return [read_json(data, path) for path, data in zip(paths, self.fs.read_all(paths), strict=True)]

    def _commit_of(self, key: str, data: bytes) -> Commit:
        path = layout.commit_path(key)
        commit = commit_of(read_json(data, path), sha256(data))
        if commit.key != key or commit.run != self.run_digest:
            raise StorageError(
                f"{path}: belongs to another run or shard; run `knockcast verify STORE --repair`"
            )
        return commit

    def _attempts(self, key: str | None, failed: bool) -> list[dict[str, Any]]:
        prefix = layout.ATTEMPTS if key is None else f"{layout.ATTEMPTS}{key}/"
        named = [(found, path) for path in self.fs.paths(prefix) if (found := layout.attempt_of(path))]
        return self._bodies([path for found, path in sorted(named) if found[2] is failed])

    def _owned(self, commit: Commit, rows: pa.Table) -> pa.Table:
        lost = {unit for unit in commit.units if self._owner[unit] != commit.key}
        if not lost:
            return rows
        if len(lost) == len(commit.units):
            return rows.slice(0, 0)
        names = [name for name in UNIT_COLUMNS if name in rows.column_names]
        kept = [unit_of_row(row) not in lost for row in rows.select(names).to_pylist()]
        return rows.filter(pa.array(kept, pa.bool_()))


def _checked(data: bytes, path: str, digest: str, what: str) -> bytes:
    if sha256(data) != digest:
        message = f"{path}: damaged (its sha256 is not {what})"
        raise DamagedFileError(
            f"{message}; run `knockcast verify STORE --repair`, then `knockcast resume STORE`"
        )
    return data


def _schema(name: str) -> pa.Schema:
    written = [table.name for table in TABLES.values() if not (table.computed or table.command)]
    if name not in written:
        hint = did_you_mean(name, written) or f"; a store has {', '.join(sorted(written))}"
        raise BadInputError(f"table {name!r}: there is none{hint}")
    return TABLES[name].stored_schema


def _columns(name: str, columns: Sequence[str] | None) -> list[str]:
    known = _schema(name).names
    unknown = [column for column in columns or () if column not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known) or f"; it has {', '.join(known)}"
        raise BadInputError(f"table {name!r} has no column {unknown[0]!r}{hint}")
    return list(known if columns is None else columns)


def _unit_columns(name: str) -> list[str]:
    return [column for column in UNIT_COLUMNS if column in TABLES[name].stored_schema.names]


def _asked(unit: Unit, targets: frozenset[str] | None, method: str | None) -> bool:
    """Whether a unit may have such rows; fold-level work has rows of any target (`modules`)."""
    return (targets is None or unit.is_fold_level or unit.target in targets) and method in (None, unit.method)


def _rows_of(rows: pa.Table, targets: frozenset[str] | None, method: str | None) -> pa.Table:
    if targets is not None:
        rows = rows.filter(pc.is_in(rows.column("target"), pa.array(sorted(targets), pa.string())))
    if method is None:
        return rows
    mine = pc.equal(rows.column("method"), method)
    return rows if pc.all(mine, min_count=0).as_py() else rows.filter(mine)  # a copy only where it matters
