"""Where a store's files are kept: a small protocol that a local folder fulfils, and an object store can.

Paths are relative strings with `/`. The commit protocol is built on one operation, `create`: it makes a
whole, durable file or, if the name is taken, changes nothing (locally a hard link, on S3 a PUT with
`If-None-Match`). No file is ever renamed.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from cluster.store.places.local import LocalFileSystem
from tasks.errors import BadInputError


class FileSystem(Protocol):
    """What a store needs of the place it is kept in. Every method raises `StorageError` where it fails."""

    @property
    def name(self) -> str:
        """The place as a user would write it, for messages."""

    def read(self, path: str, digest: str | None = None) -> bytes:
        """All bytes of a file; `MissingFileError` where there is none.

        With a sha256, a copy on this machine that has it may be read instead. Without, what is there now.
        """

    def read_all(self, paths: Sequence[str], digests: Sequence[str] | None = None) -> Iterator[bytes]:
        """What `read` gives for each path, in order; far places fetch several at a time."""

    def local_file(self, path: str, digest: str) -> Path:
        """A file of this machine that holds a stored file of that sha256, for engines that open files."""

    def create(self, path: str, data: bytes) -> bool:
        """Make a durable file holding all of `data`; False, and no change, where the name is taken."""

    def paths(self, prefix: str) -> list[str]:
        """The paths that start with `prefix`, sorted; unfinished files are never among them."""

    def exists(self, path: str) -> bool:
        """Whether a file of that name was created."""

    def size(self, path: str) -> int:
        """A file's length in bytes."""

    def delete(self, path: str) -> None:
        """Remove a file, durably; nothing happens where there is none."""

    def delete_all(self, paths: Sequence[str]) -> None:
        """What `delete` does for each, in any order, all durable at the end."""

    def is_empty(self) -> bool:
        """Whether nothing at all is kept here (or the place does not exist yet)."""

    def require_exclusive(self) -> None:
        """Raise RefusedError where `create` would not keep its promise."""


def _local(url: str) -> FileSystem:
    return LocalFileSystem(Path(url).absolute())


def _s3(url: str) -> FileSystem:
    from cluster.store.places.s3 import S3FileSystem  # noqa: PLC0415 - boto3 takes half a second to import

    return S3FileSystem(url)


# What opens an address, by its scheme (`s3` of `s3://bucket/prefix`); "" is a path.
BACKENDS: dict[str, Callable[[str], FileSystem]] = {"": _local, "s3": _s3}


def address_of(place: str | Path) -> str:
    """A path or an address as a string; `Path("s3://b/p")`, which loses a slash, gets it back."""
    text = str(place)
    return text.replace("s3:/", "s3://", 1) if text.startswith("s3:/") and "://" not in text else text


def is_remote(place: str | Path) -> bool:
    """Whether it is an address and no path."""
    return "://" in address_of(place)


def open_filesystem(url: str | Path) -> FileSystem:
    """The file system of a store's address.

    Raises BadInputError for an address whose scheme is none of `BACKENDS`.
    """
    text = address_of(url)
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme not in BACKENDS:
        raise BadInputError(f"{text}: expected the path of a folder; this kind of address is not known")
    return BACKENDS[scheme](text)
