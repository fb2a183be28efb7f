"""Which commits a store has, held against those it was sealed with."""

from cluster.errors import StorageError
from cluster.store import layout
from cluster.store.body import read_json
from cluster.store.filesystem import FileSystem


def commit_keys(fs: FileSystem) -> list[str]:
    """The keys of all commits, sorted.

    Raises StorageError where the store is sealed and one of the commits it was sealed with is gone: fewer
    rows must not pass for all.
    """
    keys = _listed(fs)
    if not _sealed(fs) - set(keys):
        return keys
    keys = _listed(fs)  # it may have been sealed after we had listed
    if gone := sorted(_sealed(fs) - set(keys)):
        raise StorageError(
            f"{fs.name}: {len(gone)} of the commits that {layout.SUCCESS} lists are gone, as "
            f"{layout.commit_path(gone[0])}; run `knockcast verify STORE --repair`, then `knockcast resume`"
        )
    return keys


def _listed(fs: FileSystem) -> list[str]:
    return [key for path in fs.paths(layout.COMMITS) if (key := layout.key_of_commit(path))]


def _sealed(fs: FileSystem) -> set[str]:
    """The commits that the store was sealed with; none where it is not, or where `verify` will say why."""
    try:
        return {key for key, _ in read_json(fs.read(layout.SUCCESS), layout.SUCCESS)["commits"]}
    except (StorageError, KeyError, TypeError, ValueError):
        return set()
