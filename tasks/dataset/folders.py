"""Folders and files that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.errors import BadInputError


def refuse_existing(out: Path) -> None:
    """BadInputError where something already stands at `out`: results are never overwritten."""
    if os.path.lexists(out):
        raise BadInputError(
            f"{out}: exists already and is never overwritten; name another or remove it first"
        )


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to write into, beside `out`; it takes that name in one step when the block ends well.

    Where the block raises, nothing is left behind (but parent folders made for it). The files must have
    been synced by their writers.
    """
    refuse_existing(out)
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".unfinished", dir=out.parent))
    try:
        yield beside
        beside.chmod(0o777 & ~_umask())  # mkdtemp's folders are private, ours need not be
        sync_folder(beside)
        beside.rename(out)
        sync_folder(out.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)  # gone already where it was renamed


def sync_folder(path: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
