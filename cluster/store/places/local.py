"""A store in a local (or shared POSIX) folder: temp file, fsync, hard link, fsync of the folder."""

import contextlib
import errno
import os
import stat
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster.errors import MissingFileError, ReadOnlyError, StorageError
from cluster.store.places.paths import require_inside

ADVICE = {
    errno.ENOSPC: "the disk is full: free some space, then repeat the command",
    errno.EDQUOT: "your disk quota is used up: free some space, then repeat the command",
    errno.EIO: "the disk reports an error: check the disk, then `knockcast verify`",
    errno.EROFS: "the file system is mounted read-only: mount it writable or choose another folder",
    errno.EACCES: "permission denied: give yourself the right to this folder or choose another",
    errno.EPERM: "not permitted (a file system without hard links?): choose a folder on another disk",
    errno.EOPNOTSUPP: "this file system has no hard links: choose a folder on another disk",
    errno.EMLINK: "too many hard links: choose a folder on another disk",
    errno.ENOTDIR: "a file stands where a folder is expected: choose another path",
    errno.EEXIST: "a file, or a link to nothing, stands where a folder is expected: choose another path",
    errno.ELOOP: "a link leads to itself: choose another path",
    errno.EISDIR: "a folder stands where a file is expected: choose another path",
}
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class LocalFileSystem:
    """Files below one folder. Safe for many processes at once; see `filesystem.FileSystem`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self._root)

    def location(self, path: str) -> str:
        """The file's absolute path; ValueError for a path that would leave the folder."""
        return str(self._root.joinpath(*require_inside(path)))

    def read(self, path: str, digest: str | None = None) -> bytes:
        """All bytes of a file; it needs no copy, whatever their sha256 should be."""
        del digest
        with _trouble("reading", self.location(path)):
            return _read_regular(self.location(path))

    def read_all(self, paths: Sequence[str], digests: Sequence[str] | None = None) -> Iterator[bytes]:
        """What `read` gives for each, in order."""
        del digests
        yield from map(self.read, paths)

    def local_file(self, path: str, digest: str) -> Path:
        """The file itself."""
        del digest
        file = Path(self.location(path))
        with _trouble("reading", str(file)):
            if file.exists() and not file.is_file():
                raise _no_file(str(file))
        return file

    def create(self, path: str, data: bytes) -> bool:
        """Make a whole, durable file unless the name is taken."""
        target = Path(self.location(path))
        with _trouble("writing", str(target)):
            created = not target.exists() and self._link_new(target, data)
            _sync_folder(target.parent)  # also where the name is taken: its creator may not have got this far
        return created

    def paths(self, prefix: str) -> list[str]:
        """The paths that start with `prefix`, sorted, temp files left out."""
        folder = self._root / prefix.rpartition("/")[0]
        with _trouble("listing", str(folder)):
            return sorted(
                path for path in self._walk(folder) if path.startswith(prefix) and not _hidden(path)
            )

    def exists(self, path: str) -> bool:
        """Whether there is a file of that name."""
        with _trouble("looking for", self.location(path)):
            return Path(self.location(path)).is_file()

    def size(self, path: str) -> int:
        """A file's length in bytes."""
        with _trouble("reading the size of", self.location(path)):
            return Path(self.location(path)).stat().st_size

    def delete(self, path: str) -> None:
        """Remove a file and make that durable."""
        target = Path(self.location(path))
        with _trouble("deleting", str(target)):
            try:
                target.unlink()
            except FileNotFoundError:
                return
            _sync_folder(target.parent)

    def delete_all(self, paths: Sequence[str]) -> None:
        """Remove files, and make that durable folder by folder."""
        targets = [Path(self.location(path)) for path in paths]
        for target in targets:
            with _trouble("deleting", str(target)):
                target.unlink(missing_ok=True)
        for folder in {target.parent for target in targets}:
            with _trouble("deleting files of", str(folder)):
                _sync_folder(folder)

    def is_empty(self) -> bool:
        """Whether the folder is missing or holds nothing but folders and unfinished temp files.

        A file in its place is something.
        """
        if self._root.exists() and not self._root.is_dir():
            return False
        with _trouble("listing", str(self._root)):
            return all(_hidden(path) for path in self._walk(self._root))

    def require_exclusive(self) -> None:
        """Nothing to look at: no hard link is made over a file, and without hard links `create` fails."""

    def stale(self, older_than_seconds: float) -> list[str]:
        """Temp files last written that long ago: their writers were killed."""
        limit = time.time() - older_than_seconds
        with _trouble("listing", self.name):
            found = (path for path in self._walk(self._root) if _hidden(path))
            return sorted(path for path in found if _written(self._root / path, never=limit) < limit)

    def discard(self, unfinished: str) -> None:
        """Remove one temp file named by `stale`."""
        if not _hidden(unfinished):
            raise ValueError(f"{unfinished!r} is not an unfinished file")
        self.delete(unfinished)

    def _walk(self, folder: Path) -> Iterator[str]:
        for parent, _, names in os.walk(folder, onerror=_raise_unless_missing):
            relative = os.path.relpath(parent, self._root)
            start = "" if relative == "." else relative.replace(os.sep, "/") + "/"
            yield from (start + name for name in names)

    def _link_new(self, target: Path, data: bytes) -> bool:
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        self._make_durable(target.parent)
        try:
            _write_synced(temporary, data)
            os.link(temporary, target)
        except FileExistsError:
            return False
        finally:
            with contextlib.suppress(OSError):  # a temp file left behind is harmless; gc finds it
                temporary.unlink()
        return True

    def _make_durable(self, folder: Path) -> None:
        """Make a folder, and every folder from the root to it, survive a power cut (once per process)."""
        if folder in self._durable:
            return
        if folder != self._root:
            self._make_durable(folder.parent)
        folder.mkdir(parents=folder == self._root, exist_ok=True)
        _sync_folder(folder.parent)
        self._durable.add(folder)


def _read_regular(path: str) -> bytes:
    """A file's bytes; what is no file (a pipe, a device) is refused, where reading it might never end."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:  # noqa: PTH123 - a descriptor
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise _no_file(path)
        return stream.read()


def _no_file(path: str) -> OSError:
    return OSError(errno.EINVAL, "not a regular file, but a pipe, device or folder: remove it", path)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hidden(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith(".") and name.endswith(".tmp")


def _written(path: Path, never: float) -> float:
    """When a file was last written; `never` for one whose writer has just finished with it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return never


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@contextmanager
def _trouble(doing: str, where: str) -> Iterator[None]:
    """Turn an operating-system error into a StorageError that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        why = "no such file; `knockcast verify` lists what is missing"
        if doing == "writing":
            why = "its folder is gone or takes no new files; name a store elsewhere"
        raise MissingFileError(f"{doing} {where}: {why}") from error
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, "check the disk, then repeat the command")
        message = f"{doing} {where}: {error.strerror or error}; {advice}. Nothing committed is lost"
        kind = ReadOnlyError if doing == "writing" and error.errno in READ_ONLY else StorageError
        raise kind(message) from error
