"""`gc`: remove what no reader of a store will ever see."""

from collections.abc import Iterable

from cluster.errors import MissingFileError
from cluster.maintenance.compact import unfinished
from cluster.maintenance.results import spare_results
from cluster.store import layout
from cluster.store.filesystem import FileSystem
from cluster.store.places.local import LocalFileSystem
from cluster.store.reader import StoreReader
from cluster.store.records import Commit

STALE_SECONDS = 24 * 3600.0  # no writer takes a day between opening a temp file and linking it


def gc(fs: FileSystem, stale_seconds: float = STALE_SECONDS) -> list[str]:
    """Remove files no reader will ever see; returns their paths.

    These are the files of attempts whose key another attempt has committed, checkpoints of what is committed,
    whole or not, results of commands that a later one has replaced, and temp files whose writers died more
    than `stale_seconds` ago. Raises StorageError, having removed nothing, where a commit or a result's record
    is damaged.
    """
    reader = StoreReader(fs)
    kept = {commit.key: _files_of(reader, commit) for commit in reader.commits()}
    spare = [
        path
        for path in [*fs.paths(layout.DATA), *fs.paths(layout.FILES)]
        if (owner := layout.owner_of(path)) and owner[0] in kept and path not in kept[owner[0]]
    ]
    spare += [
        path
        for path in fs.paths(layout.CHECKPOINTS)
        if (named := layout.checkpoint_of(path)) and named[0] in kept
    ]
    spare += [*spare_results(fs), *unfinished(fs, stale_seconds)]
    removed = []
    for path in spare:
        if _is_still_spare(reader, path):
            fs.delete(path)
            removed.append(path)
    return removed + _discard_unfinished(fs, kept, stale_seconds)


def _is_still_spare(reader: StoreReader, path: str) -> bool:
    """Whether another attempt's commit stands: it may have been moved aside, and its work done again."""
    owner = layout.owner_of(path) or layout.checkpoint_of(path)
    if owner is None:
        return True
    try:
        commit = reader.commit(str(owner[0]))
        return path not in _files_of(reader, commit)
    except MissingFileError:
        return False


def _files_of(reader: StoreReader, commit: Commit) -> set[str]:
    """The files that may still be read for a commit; of one in a pack its own, too, while they are there."""
    files = {file.path for file in commit.files}
    if commit.place is not None and commit.key in reader.listed:
        try:
            files |= {file.path for file in reader.original(commit.key).files}
        except MissingFileError:  # another `gc --compact` has just removed it
            return files
    return files


def _discard_unfinished(fs: FileSystem, committed: Iterable[str], stale_seconds: float) -> list[str]:
    """Remove temp files of a folder whose writers are dead; a bucket shows whole objects only."""
    if not isinstance(fs, LocalFileSystem):
        return []
    trained = tuple(layout.checkpoints_of(key) for key in committed)
    old, any_age = fs.stale(stale_seconds), fs.stale(0)
    unfinished = {*old, *(path for path in any_age if path.startswith(trained))}
    for path in unfinished:
        fs.discard(path)
    return sorted(unfinished)
