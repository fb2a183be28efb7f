"""Where numba keeps what it compiled: a folder for each state of this package's sources.

Numba itself looks only at the file that defines a function. Constants and functions that come from another
file are compiled in and never looked at again: after a change there the old numbers would be computed.
"""

import hashlib
import os
import sys
from pathlib import Path

SETTING = "NUMBA_CACHE_DIR"
MARK = "knockcast-"  # begins the names of our folders


def use_own_cache() -> None:
    """Point numba to this state's folder; to be called before any function is compiled.

    It lies in the folder the user set, else in this package's `__pycache__`, else (nothing may be written
    there) in `~/.cache`: nowhere that others may write, for numba loads what it finds.
    """
    package = Path(__file__).parent
    given = os.environ.get(SETTING, "")
    inherited = Path(given).name.startswith(MARK)  # from a parent process, whose sources may be others
    base = Path(given) if given and not inherited else package / "__pycache__"
    if not os.access(base if base.exists() else package, os.W_OK):
        base = Path.home() / ".cache" / "knockcast"
    folder = str(base / f"{MARK}{digest_of(package)}")
    os.environ[SETTING] = folder
    if "numba" in sys.modules:  # it has read the setting already
        sys.modules["numba"].config.CACHE_DIR = folder


def digest_of(package: Path) -> str:
    """Of every source file of the package, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
