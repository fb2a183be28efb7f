"""Copies of a bucket's files on this machine, each named by its sha256, so that none is fetched twice."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

MOST = 20 * 10**9  # bytes that stay; the copies used longest ago go first


def cache_folder() -> Path:
    """`$KNOCKCAST_CACHE`, else `$XDG_CACHE_HOME/knockcast`, else `~/.cache/knockcast`."""
    if named := os.environ.get("KNOCKCAST_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "knockcast"


def sha256(data: bytes) -> str:
    """A copy's name."""
    return hashlib.sha256(data).hexdigest()


class ContentCache:
    """Files by the sha256 of their bytes. Anything in the folder may be deleted at any time."""

    def __init__(self, folder: Path | None = None, most: int = MOST) -> None:
        self._folder = folder or cache_folder() / "objects"
        self._most = most
        self._bytes: int | None = None  # in the folder, from when this process first added to it

    def place(self, digest: str) -> Path:
        """Where the copy lies, if there is one."""
        return self._folder / digest[:2] / digest

    def read(self, digest: str) -> bytes | None:
        """The bytes of that sha256; None where there is no copy, or its bytes are others."""
        place = self.place(digest)
        try:
            data = place.read_bytes()
        except OSError:
            return None
        if sha256(data) != digest:
            return None
        with contextlib.suppress(OSError):
            os.utime(place)  # used now
        return data

    def put(self, digest: str, data: bytes) -> bool:
        """Keep a copy, whole or not at all; False for other bytes, or where the disk takes none."""
        if sha256(data) != digest:
            return False
        place = self.place(digest)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".", delete=False) as stream:
                stream.write(data)
            Path(stream.name).replace(place)
        except OSError:
            return False
        self._make_room(len(data))
        return True

    def _make_room(self, added: int) -> None:
        self._bytes = self._size() if self._bytes is None else self._bytes + added
        if self._bytes <= self._most:
            return
        kept = sorted(self._files(), key=lambda file: file[1])
        for path, _, size in kept:
            if self._bytes <= self._most * 0.9:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                self._bytes -= size

    def _size(self) -> int:
        return sum(size for _, _, size in self._files())

    def _files(self) -> list[tuple[Path, float, int]]:
        found = []
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(OSError):
                known = path.stat()
                found.append((path, known.st_mtime, known.st_size))
        return found
