"""A Dataset wherever it is kept: a folder as it is, one in a bucket through a copy on this machine."""

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.errors import MissingFileError, StorageError
from cluster.store.body import sha256
from cluster.store.filesystem import FileSystem, address_of, is_remote, open_filesystem
from cluster.store.places.cache import cache_folder
from tasks.dataset import format as files
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError


def open_dataset(place: str | Path) -> Dataset:
    """The Dataset of a folder, or of `s3://BUCKET/PREFIX`, whose files are fetched once and verified.

    Raises BadInputError where there is none or it is damaged, StorageError where the bucket fails.
    """
    return Dataset.open(_local_copy(address_of(place)) if is_remote(place) else place)


def verified_dataset(place: str | Path) -> Dataset:
    """The Dataset, hashed again: a store must not mix the results of two matrices under one name."""
    dataset = open_dataset(place)
    dataset.verify()
    return dataset


def place_of_dataset(place: str | Path) -> str:
    """How a store records where its Dataset is: the whole path, or the address."""
    return address_of(place) if is_remote(place) else str(Path(place).resolve())


def is_dataset_there(place: str | Path) -> bool:
    """Whether anything is kept at such a place."""
    if not is_remote(place):
        return Path(place).exists()
    return open_filesystem(place).exists(files.BODY)


@contextmanager
def new_dataset(place: str | Path) -> Iterator[Path]:
    """A folder's path that a Dataset is to be written to; after the block it is at `place`.

    Raises BadInputError where something is there already.
    """
    if not is_remote(place):
        yield Path(place)
        return
    fs = open_filesystem(place)
    if not fs.is_empty():
        raise BadInputError(f"{fs.name}: exists already and is never overwritten; name another")
    with tempfile.TemporaryDirectory(prefix="knockcast-") as folder:
        written = Path(folder) / "dataset"
        yield written
        _publish(written, fs)


def _publish(folder: Path, fs: FileSystem) -> None:
    """Upload a Dataset's files, last the one without which there is none."""
    names = sorted((path.name for path in folder.iterdir()), key=lambda name: (name == files.BODY, name))
    for number, name in enumerate(names):
        try:
            is_new = fs.create(name, (folder / name).read_bytes())
        except StorageError as error:
            if number == 0:
                raise
            # What is there already keeps the same command from being repeated.
            raise StorageError(
                f"{error}\nA part of the Dataset is at {fs.name}: delete that first, or name another --out"
            ) from error
        if not is_new:
            raise BadInputError(f"{fs.name}/{name}: somebody else wrote it meanwhile; name another place")


def _local_copy(place: str) -> Path:
    """The folder of this machine that holds the Dataset of a bucket; named by its body, so never outdated."""
    fs = open_filesystem(place)
    try:
        body = fs.read(files.BODY)
    except MissingFileError:
        raise BadInputError(
            f"{fs.name}: no Dataset (no {files.BODY}); make one by `knockcast import ... --out {fs.name}`"
        ) from None
    copy = cache_folder() / "datasets" / sha256(body)
    if not (copy / files.BODY).exists():
        with contextlib.suppress(FileExistsError), files.new_folder(copy) as unfinished:
            _fetch(fs, unfinished)
            Dataset.open(unfinished).verify()
    return copy


def _fetch(fs: FileSystem, folder: Path) -> None:
    names = [path for path in fs.paths("") if "/" not in path]
    for name, data in zip(names, fs.read_all(names), strict=True):
        (folder / name).write_bytes(data)
