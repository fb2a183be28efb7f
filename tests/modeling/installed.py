"""Distributions that look installed: a folder with metadata and modules, put on `sys.path`."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modeling.candidates import registry
from modeling.plugins import discover

Install = Callable[..., None]


@contextmanager
def installer(folder: Path) -> Iterator[Install]:
    """A function that installs a distribution into `folder`, which is on `sys.path` until the end.

    It takes the distribution's name and version, what its entry_points.txt says, and its modules' texts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = set(sys.modules)

    def install(name: str, version: str, entry_points: str, **modules: str) -> None:
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points)
        for module, text in modules.items():
            (folder / f"{module}.py").write_text(text)
        # Python finds distributions again when the folder's time has changed; two of ours can share a tick.
        held = len(list(folder.iterdir()))
        os.utime(folder, (held, held))
        forget()

    sys.path.insert(0, str(folder))
    try:
        yield install
    finally:
        sys.path.remove(str(folder))
        for module in set(sys.modules) - before:
            if str(folder) in (getattr(sys.modules[module], "__file__", None) or ""):
                del sys.modules[module]
        forget()


def forget() -> None:
    """What a process found is looked for again, also by Python, which trusts a folder's time stamp."""
    importlib.invalidate_caches()
    discover.cache_clear()
    registry._loaded.cache_clear()
