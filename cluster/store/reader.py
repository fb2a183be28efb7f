"""Reading a store: committed files only, and every byte hashed before it is parsed."""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import pyarrow as pa

from cluster.errors import DamagedFileError, MissingFileError, StorageError
from cluster.store import layout
from cluster.store.body import checked, digest_of, read_json, sha256
from cluster.store.filesystem import FileSystem, open_filesystem
from cluster.store.packs import Packs, by_commit, decoded, files_of, of_commits, owned
from cluster.store.parquet import sort_rows
from cluster.store.records import Commit, StoredFile, commit_of, targets_of, unpack_units
from cluster.store.sealing import commit_keys
from cluster.store.units import Unit, unit_of
from cluster.store.versions import columns_asked, is_asked, rows_asked, schema_named, unit_columns
from tasks.errors import BadInputError
from tasks.tables.schemas import TABLES

T = TypeVar("T")
RETRIES = 3


class StoreReader:
    """What a store holds.

    Commits are seen as of the first question, then as of the last `refresh`, so that tables read one after
    another agree; the rest is seen as of now. Raises BadInputError where there is no store.
    """

    keeps = False  # whether `remember` does

    def __init__(self, fs: FileSystem) -> None:
        if not fs.exists(layout.RUN):
            empty = ", nothing is there" if fs.is_empty() else ""  # which says so where there is no bucket
            raise BadInputError(
                f"{fs.name}: not a store (no {layout.RUN}){empty}; expected a folder `knockcast run` made"
            )
        self.fs = fs
        self.run: dict[str, Any] = read_json(fs.read(layout.RUN), layout.RUN)
        self.run_digest = digest_of(self.run)
        self._commits: dict[str, Commit] | None = None
        self._owner: dict[Unit, str] = {}
        self._overlaps = False  # whether two commits hold a unit
        self.listed: frozenset[str] = frozenset()  # keys of commits with a file of their own
        self.packs = Packs(fs, self.run_digest)
        self._plans: dict[str, list[Unit]] = {}
        self._attempts: dict[tuple[str, int, bool], dict[str, Any]] = {}  # their files never change

    @classmethod
    def open(cls, url: str | Path) -> Self:
        """The reader of the store at an address."""
        return cls(open_filesystem(url))

    def refresh(self) -> None:
        """Take up commits made since, and forget those moved aside.

        Raises StorageError where the store is sealed and one of the commits it was sealed with is gone.
        """
        for attempt in range(RETRIES):
            keys, listed = commit_keys(self.fs, self.packs.refresh)
            try:
                self._commits = commits = self._read_commits(keys)
                break
            except MissingFileError:  # its pack came after we had looked, and its own file went
                if attempt + 1 == RETRIES:
                    raise
        self.listed = frozenset(listed)
        self._owner = {unit: key for key in reversed(keys) for unit in commits[key].units}
        self._overlaps = sum(len(commit.units) for commit in commits.values()) > len(self._owner)

    def _read_commits(self, keys: Sequence[str]) -> dict[str, Commit]:
        known = {key: commit for key, commit in (self._commits or {}).items() if commit.place is None}
        known |= self.packs.commits
        added = [key for key in keys if key not in known]
        read = self.fs.read_all([layout.commit_path(key) for key in added])
        found = {key: self._commit_of(key, data) for key, data in zip(added, read, strict=True)}
        return {key: known.get(key) or found[key] for key in keys}

    def commits(self) -> list[Commit]:
        """All commits, sorted by key."""
        if self._commits is None:
            self.refresh()
        return list((self._commits or {}).values())

    def commit(self, key: str) -> Commit:
        """One commit, read now; MissingFileError where there is none."""
        try:
            commit = self.original(key)
        except MissingFileError:
            if (folded := self.packs.refresh().get(key)) is None:
                raise
            return folded
        return self.packs.refresh().get(key, commit)

    def original(self, key: str) -> Commit:
        """A commit by its own file, read now, although it may be in a pack, too; MissingFileError if gone."""
        return self._commit_of(key, self.fs.read(layout.commit_path(key)))

    def rows(self, commit: Commit, table: str) -> pa.Table:
        """What one commit holds of a table."""
        parts = []
        for file in commit.table_files(table):
            rows = of_commits(decoded(self.verified(file), commit, file), [commit])
            parts.append(rows.select(schema_named(table).names))
        return pa.concat_tables([schema_named(table).empty_table(), *parts])

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
        return self.history(key)[0]

    def failures(self, key: str | None = None) -> list[dict[str, Any]]:
        """The failures seen of a shard (or of every shard), by attempt. Lost attempts are not among them."""
        return self.history(key)[1]

    def history(self, key: str | None = None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What `attempts` and `failures` give, by one listing."""
        prefix = layout.ATTEMPTS if key is None else f"{layout.ATTEMPTS}{key}/"
        named = {found: path for path in self.fs.paths(prefix) if (found := layout.attempt_of(path))}
        self.packs.refresh()  # after the others, which only go once their pack is there
        known = self.packs.attempts(key)
        added = [each for each in named if each not in known and each not in self._attempts]
        self._attempts |= zip(added, self._bodies([named[each] for each in added]), strict=True)
        known |= {each: self._attempts[each] for each in named if each not in known}
        begun, failed = ([known[each] for each in sorted(known) if each[2] is kind] for kind in (False, True))
        return begun, failed

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
        schema = schema_named(name)
        wanted = columns_asked(name, columns)
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
        wanted = columns_asked(name, columns)
        for commits, rows in self._read(name, wanted, targets, method):
            for commit, mine in by_commit(commits, rows):
                yield commit, mine.select(wanted)

    def pieces(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        targets: Collection[str] | None = None,
        method: str | None = None,
        dictionaries: bool = False,
    ) -> Iterator[pa.Table]:
        """The rows of `parts`, for what need not know which commit holds them: a file's at once."""
        wanted = columns_asked(name, columns)
        for _, rows in self._read(name, wanted, targets, method, dictionaries):
            yield rows.select(wanted)

    def files(self, name: str) -> list[tuple[Commit, StoredFile]]:
        """The committed files of a table, each with (one of) its commits."""
        return [(commits[0], file) for file, commits in files_of(self.commits(), name)]

    def has_spare_rows(self, name: str) -> bool:
        """Whether some file of a table holds rows that do not count."""
        lost = [*self.overlapping(), *(c for n in self.packs.here for c in self.packs.uncounted(n))]
        return any(commit.table_files(name) for commit in lost)

    def _read(
        self,
        name: str,
        wanted: Sequence[str],
        targets: Collection[str] | None,
        method: str | None,
        dictionaries: bool = False,
    ) -> Iterator[tuple[list[Commit], pa.Table]]:
        """Each file's commits, and its rows that count; of a pack's, with the number of each row's commit."""
        needed = list(dict.fromkeys([*wanted, *unit_columns(name)]))
        chosen = None if targets is None else frozenset(targets)
        asked = (c for c in self.commits() if any(is_asked(unit, chosen, method) for unit in c.units))
        files = files_of(asked, name)
        read = self.verified_all([file for file, _ in files])
        for (file, commits), data in zip(files, read, strict=True):
            rows = decoded(data, commits[0], file, needed, dictionaries)
            rows = of_commits(rows_asked(rows, chosen, method), commits)
            yield commits, owned(self._owner, commits, rows) if self._overlaps else rows

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
            yield checked(data, file.path, file.sha256, "the one committed")

    def training(self, digest: str) -> bytes:
        """The expression that models naming this sha256 predict from; DamagedFileError if damaged."""
        path = layout.training_path(digest)
        return checked(self.fs.read(path, digest), path, digest, "its name")

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
        owners = {layout.owner_of(file.path) for file in commit.files}
        if commit.key != key or commit.run != self.run_digest or owners - {(key, commit.attempt)}:
            raise StorageError(
                f"{path}: belongs to another run or shard; run `knockcast verify STORE --repair`"
            )
        return commit
