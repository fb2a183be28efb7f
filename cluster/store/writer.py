"""Writing a store: plans and attempts before the work, data files, then the commit that makes them count."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from socket import gethostname
from typing import Any

import pyarrow as pa

from cluster.errors import MissingFileError, StorageError
from cluster.store import layout
from cluster.store.body import canonical, digest_of, read_json, seal_json, sha256
from cluster.store.filesystem import FileSystem, open_filesystem
from cluster.store.packs import attempt_in_packs
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.records import StoredFile, cell_lines_body, commit_body, pack_units, targets_body
from cluster.store.run_body import refuse_foreign_folder, refuse_other_run
from cluster.store.units import Unit
from cluster.store.versions import encode_rows, installed_release
from tasks.tables.schemas import TABLES

MOST_RERUNS = 100


class StoreWriter:
    """The only writer of a store's files. Every method may be called by several processes at once."""

    def __init__(self, fs: FileSystem, run_digest: str | None = None) -> None:
        self.fs = fs
        self._run_digest = run_digest
        self.lease: int | None = None  # the number of the driver's own, which its attempts name

    @classmethod
    def join(cls, url: str | Path, run_digest: str) -> "StoreWriter":
        """A writer for a worker process: the run was opened elsewhere; nothing is read."""
        return cls(open_filesystem(url), run_digest)

    @property
    def run_digest(self) -> str:
        """The sha256 of the run's body; RuntimeError before `open_run`."""
        if self._run_digest is None:
            raise RuntimeError("open_run comes first")
        return self._run_digest

    def open_run(self, body: Mapping[str, Any]) -> str:
        """Start the run, or join the one stored here if it is the same; returns the run's digest.

        Raises BadInputError, having written nothing, where any field differs (each is named) or the folder
        holds something that is no store.
        """
        refuse_foreign_folder(self.fs)
        if not self.fs.create(layout.RUN, seal_json(body)):
            refuse_other_run(self.fs, body)
        self._run_digest = digest_of(body)
        return self._run_digest

    def put_targets(self, table: pa.Table) -> str:
        """Store the facts of the dataset's targets, once; returns the sha256 `targets_digest` gives.

        Columns: target, entrez, class, mean, sd, own_expression.
        """
        body = targets_body(table)
        digest = digest_of(body)
        self.fs.create(layout.targets_path(digest), seal_json(body))
        return digest

    def put_cell_lines(self, table: pa.Table, dataset_hash: str) -> None:
        """Store what is known of the dataset's cell lines, once: what is there stays."""
        path = layout.cell_lines_path(dataset_hash)
        self.fs.create(path, seal_json(cell_lines_body(table, dataset_hash)))

    def put_training(self, data: bytes) -> str:
        """Store the expression that final models on all genes predict from, once; returns its sha256."""
        name = sha256(data)
        self.fs.create(layout.training_path(name), data)
        return name

    def add_plan(
        self,
        units: Iterable[Unit],
        dataset: str = "",
        shard_size: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> str:
        """Say which units a run wants; returns the plan's digest. New work first removes _SUCCESS.

        `dataset` is where the dataset is, so that a resume finds it; `shard_size` is kept for a resume, too,
        and so is `more`.
        """
        body: dict[str, Any] = {"run": self.run_digest, "dataset": dataset, "units": pack_units(set(units))}
        body |= more or {}
        if shard_size is not None:  # else left out, so that other plans keep the digests they always had
            body["shard_size"] = shard_size
        path = layout.plan_path(digest_of(body))
        if not self.fs.exists(path):
            self.unseal()
            self.fs.create(path, seal_json(body))
            self.unseal()  # again: another driver may have sealed before it could see this plan
        return digest_of(body)

    def begin_attempt(self, key: str, info: Mapping[str, Any]) -> int:
        """Take the next free attempt number of a shard, before any work; `info` is kept for the record."""
        attempt = 1
        body = {"key": key, "run": self.run_digest, "id": uuid.uuid4().hex, **info}
        if self.lease is not None:
            body["lease"] = self.lease
        while not self.fs.create(layout.attempt_path(key, attempt), seal_json({**body, "attempt": attempt})):
            attempt += 1
        return attempt

    def record_failure(self, key: str, attempt: int, error: Mapping[str, Any]) -> None:
        """Keep what was seen to go wrong with an attempt; what was recorded first stays."""
        body = {**error, "key": key, "attempt": attempt}
        self.fs.create(layout.failed_path(key, attempt), seal_json(body))

    def commit(
        self,
        key: str,
        attempt: int,
        units: Sequence[Unit],
        tables: Mapping[str, pa.Table],
        files: Mapping[str, bytes],
        dependencies: Sequence[str] = (),
        info: Mapping[str, Any] | None = None,
    ) -> bool:
        """Make a shard's results durable, then make them count.

        `info` holds seconds, host and statuses (counts by status word). True: this attempt is the one that
        counts; False: another had committed, and nothing of ours will be read. Raises ValueError for a table
        that does not have its schema, StorageError where the store is gone or cannot be written.
        """
        path = layout.commit_path(key)
        if self.fs.exists(path):
            return self._committed_by(key) == attempt
        if not self.fs.exists(layout.RUN):  # or its folders would be made again, and block the next run
            raise MissingFileError(
                f"writing {self.fs.name}: the store is gone (no {layout.RUN}) as {gethostname()} sees it; "
                "if others see it, use a place that all nodes reach; if it was removed, run into a new one"
            )
        if (folded := attempt_in_packs(self.fs, key)) is not None:
            return folded == attempt
        stored = [
            self._put_table(name, key, attempt, table) for name, table in sorted(tables.items()) if len(table)
        ]
        stored += [self._put_file(extension, key, attempt, data) for extension, data in sorted(files.items())]
        body = commit_body(
            key, attempt, self.run_digest, units, dependencies, stored, info or {}, installed_release()
        )
        if not self.fs.create(path, seal_json(body)):
            return self._committed_by(key) == attempt
        folded = attempt_in_packs(self.fs, key)  # folded, and its own file removed, meanwhile?
        return folded in (None, attempt)

    def quarantine(self, unit: Unit, errors: Sequence[Any]) -> None:
        """Set a unit aside with the errors that condemned it; a later commit overrides this."""
        body = {"unit": [unit.method, unit.stored_name, unit.fold], "errors": list(errors)}
        self.fs.create(layout.quarantine_path(unit), seal_json(body))

    def release(self, unit: Unit) -> None:
        """Give a quarantined unit another chance (`--retry-failed`); its record is kept aside."""
        path = layout.quarantine_path(unit)
        if self.fs.exists(path):
            self.unseal()
            move_aside(self.fs, path)

    def seal(self) -> str:
        """Write _SUCCESS: every commit with its sha256, and the digest of that list, which is returned."""
        commits = StoreReader(self.fs).commits()
        listed = [[commit.key, commit.sha256] for commit in sorted(commits, key=lambda commit: commit.key)]
        digest = sha256(canonical({"commits": listed}))
        data = seal_json({"run": self.run_digest, "commits": listed, "digest": digest})
        if not self.fs.create(layout.SUCCESS, data) and self.fs.read(layout.SUCCESS) != data:
            self.unseal()
            self.fs.create(layout.SUCCESS, data)
        return digest

    def unseal(self) -> None:
        """Remove _SUCCESS, if it is there."""
        self.fs.delete(layout.SUCCESS)

    def _committed_by(self, key: str) -> int | None:
        path = layout.commit_path(key)
        try:
            attempt: int = read_json(self.fs.read(path), path)["attempt"]
        except MissingFileError:  # it was folded into a pack, and its own file removed just now
            return attempt_in_packs(self.fs, key)
        return attempt

    def _put_table(self, name: str, key: str, attempt: int, table: pa.Table) -> StoredFile:
        known = TABLES[name]
        if not table.schema.equals(known.stored_schema):
            raise ValueError(f"table {name}: expected the schema\n{known.stored_schema}\ngot\n{table.schema}")
        data = encode_rows(known, sort_rows(table, known.key))
        path = self._put(data, (layout.data_path(name, key, attempt, rerun) for rerun in range(MOST_RERUNS)))
        return StoredFile(path, len(data), sha256(data), name, table.num_rows, known.file_version)

    def _put_file(self, extension: str, key: str, attempt: int, data: bytes) -> StoredFile:
        path = self._put(
            data, (layout.file_path(key, attempt, extension, rerun) for rerun in range(MOST_RERUNS))
        )
        return StoredFile(path, len(data), sha256(data))

    def _put(self, data: bytes, names: Iterable[str]) -> str:
        """Create the file under the first free name: Ray may run an attempt twice; nothing is overwritten."""
        tried = []
        for path in names:
            if self.fs.create(path, data) or self.fs.read(path) == data:
                return path
            tried.append(path)
        raise StorageError(f"{tried[0]}: taken, like {len(tried) - 1} names after it; run `knockcast verify`")


def move_aside(fs: FileSystem, path: str) -> str:
    """Move a file to the folder of what is set aside, never over another; returns its new path."""
    copy, data = 0, fs.read(path)
    while not fs.create(layout.aside_path(path, copy), data):
        copy += 1
    fs.delete(path)
    return layout.aside_path(path, copy)
