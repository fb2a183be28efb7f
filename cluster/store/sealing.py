"""Which commits a store has, by themselves or in packs, held against those it was sealed with."""

from collections.abc import Callable, Collection

from cluster.errors import StorageError
from cluster.store import layout
from cluster.store.body import read_json
from cluster.store.filesystem import FileSystem
from cluster.store.packs import names_of_packs

Folded = Callable[[], Collection[str]]


def commit_keys(fs: FileSystem, folded: Folded) -> tuple[list[str], list[str]]:
    """The keys of all commits, sorted, and of those that have a file of their own.

    `folded` looks for the keys of commits in packs: after the others, which only go once their pack is there.

    Raises StorageError where the store is sealed and one of the commits it was sealed with is gone: fewer
    rows must not pass for all.
    """
    keys, listed, gone = _looked_up(fs, folded)
    if gone:
        raise StorageError(
            f"{fs.name}: {len(gone)} of the commits that {layout.SUCCESS} lists are gone, as "
            f"{layout.commit_path(gone[0])}; run `knockcast resume`, which does their work again"
        )
    return keys, listed


def unseal_what_is_not_whole(fs: FileSystem) -> int:
    """Remove _SUCCESS where commits that it lists are gone: their work is done again. How many are."""
    _, _, gone = _looked_up(fs, lambda: _folded(fs))
    if gone:
        fs.delete(layout.SUCCESS)
    return len(gone)


def _looked_up(fs: FileSystem, folded: Folded) -> tuple[list[str], list[str], list[str]]:
    """The keys of all commits, of those with a file of their own, and of sealed ones that are gone."""
    listed = _listed(fs)
    keys = {*listed, *folded()}
    if _sealed(fs) - keys:
        listed = _listed(fs)  # it may have been sealed after we had listed
        keys = {*listed, *folded()}
        return sorted(keys), listed, sorted(_sealed(fs) - keys)
    return sorted(keys), listed, []


def _folded(fs: FileSystem) -> set[str]:
    paths = [layout.pack_path(name) for name in names_of_packs(fs)]
    bodies = (read_json(fs.read(path), path) for path in paths)
    return {row[0] for body in bodies for row in body["commits"]}


def _listed(fs: FileSystem) -> list[str]:
    return [key for path in fs.paths(layout.COMMITS) if (key := layout.key_of_commit(path))]


def _sealed(fs: FileSystem) -> set[str]:
    """The commits that the store was sealed with; none where it is not, or where `verify` will say why."""
    try:
        return {key for key, _ in read_json(fs.read(layout.SUCCESS), layout.SUCCESS)["commits"]}
    except (StorageError, KeyError, TypeError, ValueError):
        return set()
