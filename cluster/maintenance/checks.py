"""What can be wrong with one file of a store: the questions `verify` asks."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cluster.errors import DamagedFileError, NewerVersionError, StorageError
from cluster.store import layout
from cluster.store.body import digest_of, read_json, sha256
from cluster.store.filesystem import FileSystem
from cluster.store.parquet import decode
from cluster.store.records import Commit, StoredFile, commit_of, unit_of_row
from cluster.store.units import FINAL_FOLD, Unit, fold_level_unit, shard_key, unit_of
from cluster.store.versions import is_newer, version_inside
from tasks.methods.registry import is_known, method_named
from tasks.tables.columns import schema_of
from tasks.tables.schemas import TABLES


@dataclass(frozen=True)
class Problem:
    """Something wrong: the file, what is wrong with it, and the file whose moving aside mends the store.

    `culprit` is empty where nothing can be moved to mend it. What is `is_newer` is not damaged: only a newer
    release reads it, and it has no culprit. What is `is_replaceable` has all that it was
    made of beside it, so that moving it aside loses nothing.
    """

    path: str
    what: str
    culprit: str = ""
    is_newer: bool = False
    is_replaceable: bool = False


def sealed_body(fs: FileSystem, path: str, culprit: str) -> dict[str, Any] | Problem:
    """The body of a JSON file, or the problem with it."""
    try:
        return body_of(fs.read(path), path, culprit)
    except StorageError as error:
        return Problem(path, str(error).removeprefix(f"{path}: "), culprit)


def body_of(data: bytes, path: str, culprit: str) -> dict[str, Any] | Problem:
    """The body in a JSON file's bytes, or the problem with it."""
    try:
        return read_json(data, path)
    except DamagedFileError as error:
        what = str(error).removeprefix(f"{path}: ").partition(";")[0]
        return Problem(path, what, culprit)
    except NewerVersionError as error:
        return Problem(path, str(error).removeprefix(f"{path}: "), is_newer=True)


def check_sealed(fs: FileSystem, path: str, is_right: Callable[[dict[str, Any]], bool]) -> list[Problem]:
    """Problems of a plan, an attempt or a quarantine: damage, or a body that does not fit the file's name."""
    body = sealed_body(fs, path, path)
    if isinstance(body, Problem):
        return [body]
    try:
        right = is_right(body)
    except (KeyError, TypeError, ValueError):
        right = False
    return [] if right else [Problem(path, "its body does not belong under this name", path)]


def check_attempt(fs: FileSystem, path: str) -> list[Problem]:
    """Problems of the record of an attempt or of its failure."""
    named = layout.attempt_of(path)
    return check_sealed(
        fs, path, lambda body: named is not None and (body["key"], body["attempt"]) == named[:2]
    )


def check_quarantine(fs: FileSystem, path: str) -> list[Problem]:
    """Problems of a unit's quarantine."""
    return check_sealed(fs, path, lambda body: layout.quarantine_path(unit_of(*body["unit"])) == path)


def check_lease(fs: FileSystem, path: str, run: str) -> list[Problem]:
    """Problems of what a driver said of itself."""
    return check_sealed(
        fs, path, lambda body: (layout.lease_path(body["number"], body["sign"]), body["run"]) == (path, run)
    )


def check_estimate(fs: FileSystem, path: str, run: str) -> list[Problem]:
    """Problems of what a run was thought to take."""
    return check_sealed(
        fs, path, lambda body: (layout.estimate_path(body["number"]), body["run"]) == (path, run)
    )


def check_cell_lines(fs: FileSystem, path: str) -> list[Problem]:
    """Problems of what is known of a dataset's cell lines."""
    return check_sealed(fs, path, lambda body: layout.cell_lines_path(body["dataset_hash"]) == path)


def check_plan(fs: FileSystem, path: str, run: str) -> list[Problem]:
    """Problems of a plan."""
    return check_sealed(
        fs, path, lambda body: layout.plan_path(digest_of(body)) == path and body["run"] == run
    )


def read_commit(fs: FileSystem, path: str, run: str) -> Commit | Problem:
    """A commit whose own JSON is whole and fits its name, or the problem with it."""
    try:
        data = fs.read(path)
    except StorageError as error:
        return Problem(path, str(error).removeprefix(f"{path}: "), path)
    body = body_of(data, path, path)
    if isinstance(body, Problem):
        return body
    return _commit_in(body, sha256(data), path, run)


def _commit_in(body: dict[str, Any], digest: str, path: str, run: str) -> Commit | Problem:
    try:
        commit = commit_of(body, digest)
    except (KeyError, TypeError, ValueError) as error:
        return Problem(path, f"its body is not a commit's ({error!r})", path)
    if commit.run != run:
        return Problem(path, "belongs to another run", path)
    key = shard_key(run, commit.units, commit.dependencies)
    if layout.commit_path(key) != path or commit.key != key:
        return Problem(path, "its name is not the key of its units", path)
    counted = sum(commit.statuses.values())
    if commit.statuses and counted != len(commit.units):
        return Problem(path, f"counts {counted} statuses for {len(commit.units)} units", path)
    return commit


def check_training(fs: FileSystem, path: str) -> list[Problem]:
    """Problems of a file of training expression, which is named by its sha256."""
    try:
        whole = layout.training_path(sha256(fs.read(path))) == path
    except StorageError as error:
        return [Problem(path, str(error).removeprefix(f"{path}: "), path)]
    return [] if whole else [Problem(path, "damaged (its sha256 is not its name)", path)]


def needed_training(fs: FileSystem, commit: Commit, seen: set[str]) -> set[str]:
    """The files of training expression that a commit's models predict from; none where its own are bad.

    Files in `seen` were looked at before; those that are now are added.
    """
    needed: set[str] = set()
    if not any(
        unit.fold == FINAL_FOLD
        and is_known(unit.method)
        and method_named(unit.method).needs_training_expression
        for unit in commit.units
    ):
        return needed
    for file in commit.table_files("models"):
        if is_newer(file) or file.path in seen:
            continue
        seen.add(file.path)
        try:
            data = fs.read(file.path)
            if sha256(data) != file.sha256:
                continue
            parameters = decode(data, file.path, ["parameters"]).column("parameters").to_pylist()
        except StorageError:  # `check_files` reports it
            continue
        known = (json.loads(text) for text in parameters if text is not None)
        needed |= {layout.training_path(each["training"]) for each in known if "training" in each}
    return needed


def check_files(fs: FileSystem, commit: Commit) -> list[Problem]:
    """Problems of the files a commit lists; the commit is the culprit of each."""
    culprit = layout.commit_path(commit.key)
    return [
        Problem(file.path, what, culprit) for file in commit.files for what in _wrong_with(fs, commit, file)
    ]


def _wrong_with(fs: FileSystem, commit: Commit, file: StoredFile) -> Iterable[str]:
    if layout.owner_of(file.path) != (commit.key, commit.attempt) or layout.table_of(file.path) != file.table:
        return ["is not a name this commit's attempt may use"]
    try:
        data = fs.read(file.path)
        if len(data) != file.size:
            return [f"has {len(data)} bytes, expected {file.size}"]
        if sha256(data) != file.sha256:
            return ["damaged (its sha256 is not the one committed)"]
        if file.table is None or is_newer(file):  # of what a newer release wrote, only the bytes are known
            return []
        return _wrong_rows(commit, file, decode(data, file.path))
    except StorageError as error:
        return [str(error).removeprefix(f"{file.path}: ")]


def _wrong_rows(commit: Commit, file: StoredFile, rows: pa.Table) -> list[str]:
    name = file.table or ""
    if version_inside(rows) != file.version:
        return [f"names itself version {version_inside(rows)}, its commit says {file.version}"]
    if not rows.schema.equals(schema_of(TABLES[name].stored_in(file.version))):
        return [f"does not have the columns of the table {name!r}"]
    if rows.num_rows != file.rows:
        return [f"has {rows.num_rows} rows, expected {file.rows}"]
    counts = _rows_per_unit(rows, commit)
    if unknown := counts.keys() - set(commit.units):
        return [f"holds rows of {min(unknown)}, which its commit does not list"]
    scored = {
        "scores": lambda unit: unit.fold != FINAL_FOLD and not unit.is_fold_level,
        "models": lambda unit: unit.fold == FINAL_FOLD and not unit.is_fold_level,
    }
    if name in scored and counts != Counter(filter(scored[name], commit.units)):
        return ["does not hold exactly one row for each unit of its commit"]
    return []


def _rows_per_unit(rows: pa.Table, commit: Commit) -> Counter[Unit]:
    """How many rows each unit has; a table without folds is of the final one, without targets of a whole.

    So are rows of targets without a fold that fold-level work wrote: what a fold's targets have in common.
    """
    names = [name for name in ("method", "target", "fold") if name in rows.column_names]
    if commit.units[0].is_fold_level and "fold" not in names:
        names = ["method"]
    groups = rows.group_by(names).aggregate([([], "count_all")])
    if "target" not in names:
        return Counter({_fold_level(commit, row): row["count_all"] for row in groups.to_pylist()})
    return Counter({unit_of_row(row): row["count_all"] for row in groups.to_pylist()})


def _fold_level(commit: Commit, row: dict[str, Any]) -> Unit:
    """The unit that a row without a target belongs to: of its commit's one piece of fold-level work."""
    return fold_level_unit(row["method"], row.get("fold", FINAL_FOLD), commit.units[0].work)
