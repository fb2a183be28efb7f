"""Where a store's files are kept: a small protocol that a local folder fulfils, and an object store can.

Paths are relative strings with `/`. The commit protocol is built on one operation, `create`: it makes a
whole, durable file or, if the name is taken, changes nothing (locally a hard link, on S3 a PUT with
`If-None-Match`). No file is ever renamed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cluster.store.local import LocalFileSystem
from tasks.errors import BadInputError


class FileSystem(Protocol):
    """What a store needs of the place it is kept in. Every method raises `StorageError` where it fails."""

    @property
    def name(self) -> str:
        """The place as a user would write it, for messages."""

    def read(self, path: str) -> bytes:
        """All bytes of a file; `MissingFileError` where there is none."""

    def create(self, path: str, data: bytes) -> bool:
        """Make a durable file holding all of `data`; False, and no change, where the name is taken."""

    def paths(self, prefix: str) -> list[str]:
        """The paths that start with `prefix`, sorted; unfinished files are never among them."""

    def exists(self, path: str) -> bool:
        """Whether a file of that name was created."""

    def size(self, path: str) -> int:
        """A file's length in bytes."""

    def move(self, source: str, destination: str) -> bool:
        """Copy, then delete; not atomic. False, and no change, where `destination` is taken."""

    def delete(self, path: str) -> None:
        """Remove a file, durably; nothing happens where there is none."""

    def location(self, path: str) -> str:
        """The full path or URL under which a query engine opens the file."""

    def is_empty(self) -> bool:
        """Whether nothing at all is kept here (or the place does not exist yet)."""

    def stale(self, older_than_seconds: float) -> list[str]:
        """Unfinished files that nobody has touched for that long, for `discard`."""

    def discard(self, unfinished: str) -> None:
        """Remove one of the files `stale` named."""


def _local(url: str) -> FileSystem:
    return LocalFileSystem(Path(url).absolute())


def _no_s3_yet(url: str) -> FileSystem:
    raise BadInputError(f"{url}: stores on S3 are not built yet; give a folder on a local or shared disk")


# What opens an address, by its scheme (`s3` of `s3://bucket/prefix`); "" is a path.
BACKENDS: dict[str, Callable[[str], FileSystem]] = {"": _local, "s3": _no_s3_yet}


def open_filesystem(url: str | Path) -> FileSystem:
    """The file system of a store's address.

    Raises BadInputError for an address whose scheme is none of `BACKENDS`.
    """
    text = str(url)
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme not in BACKENDS:
        raise BadInputError(f"{text}: expected the path of a folder; this kind of address is not known")
    return BACKENDS[scheme](text)
