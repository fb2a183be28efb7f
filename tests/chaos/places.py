"""Places for stores of which no test waits for a disk."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder in memory, where there is such a thing, that is gone after the block."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    if not os.access(memory, os.W_OK):
        yield otherwise
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="knockcast-") as folder:
        yield Path(folder)
