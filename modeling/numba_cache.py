"""Compiled functions, and where their machine code is kept: a folder for each state of our sources.

Numba itself looks only at the file that defines a function. Constants and functions that come from another
file are compiled in and never looked at again: after a change there the old numbers would be computed.

Numba is pointed to the folder only while a function of ours is decorated, which is when numba decides where
that function's code goes. The environment and other packages' compiled functions stay as they are.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

import numba

_numbas: Any = numba.config  # of which type checkers know nothing
_decorating = Lock()  # numba's setting belongs to the process


def njit(function: Callable[..., Any] | None = None, /, **options: Any) -> Callable[..., Any]:
    """As `numba.njit`, which gets the options; the code is kept, and runs without Python's lock.

    For functions of this package, and of others that call them: numba looks at the file of such a function,
    the folder stands for the sources of all that it may call here. Raises OSError where no folder can be
    written.
    """
    if function is None:
        return partial(njit, **options)
    compiled = numba.njit(**{"cache": True, "nogil": True} | options)
    with _decorating:
        given = _numbas.CACHE_DIR
        _numbas.CACHE_DIR = str(folder())
        try:
            decorated: Callable[..., Any] = compiled(function)
        finally:
            _numbas.CACHE_DIR = given
    return decorated


def is_warm() -> bool:
    """Whether anything of these sources was compiled here before."""
    return next(folder().rglob("*.nbi"), None) is not None


@cache
def folder() -> Path:
    """This state's folder, made where there is none; decided once in a process.

    It lies in the folder the user set (`NUMBA_CACHE_DIR`), else in this package's `__pycache__`; where that
    cannot be written, in `~/.cache`: nowhere that others may write, for numba loads what it finds.
    """
    package = Path(__file__).parent
    bases = (
        Path(_numbas.CACHE_DIR or package / "__pycache__"),
        Path(os.path.expanduser("~/.cache/knockcast")),  # noqa: PTH111 - Path's raises where there is no home
    )
    for base in bases:
        found = base / f"knockcast-{digest_of(package)}"
        try:
            found.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(found, os.W_OK):
            return found
    raise OSError(
        f"no folder for compiled code can be written, neither {bases[0]} nor {bases[1]}; "
        "set NUMBA_CACHE_DIR to one that can"
    )


def digest_of(package: Path) -> str:
    """Of every source file of the package, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
