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
    keys, gone = _looked_up(fs)
    if gone:
        raise StorageError(
            f"{fs.name}: {len(gone)} of the commits that {layout.SUCCESS} lists are gone, as "
            f"{layout.commit_path(gone[0])}; run `knockcast resume`, which does their work again"
        )
    return keys


def unseal_what_is_not_whole(fs: FileSystem) -> int:
    """Remove _SUCCESS where commits that it lists are gone: their work is done again. How many are."""
    _, gone = _looked_up(fs)
    if gone:
        fs.delete(layout.SUCCESS)
    return len(gone)


def _looked_up(fs: FileSystem) -> tuple[list[str], list[str]]:
    """The keys of all commits, and those that the store was sealed with and lacks."""
    keys = _listed(fs)
    if not _sealed(fs) - set(keys):
        return keys, []
    keys = _listed(fs)  # it may have been sealed after we had listed
    return keys, sorted(_sealed(fs) - set(keys))


def _listed(fs: FileSystem) -> list[str]:
    return [key for path in fs.paths(layout.COMMITS) if (key := layout.key_of_commit(path))]


def _sealed(fs: FileSystem) -> set[str]:
    """The commits that the store was sealed with; none where it is not, or where `verify` will say why."""
    try:
        return {key for key, _ in read_json(fs.read(layout.SUCCESS), layout.SUCCESS)["commits"]}
    except (StorageError, KeyError, TypeError, ValueError):
        return set()
