"""Where commands write what a user asked for (`--out`, `--figure`), checked before the work where possible.

Whatever cannot be written is bad input: the message names the option, the path and the reason.
"""

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tasks.errors import BadInputError, Problems

TABLES, FIGURES = (".csv", ".json", ".parquet"), (".html", ".svg", ".png", ".pdf")  # endings


def check_files(option: str, *paths: Path, endings: Collection[str] = ()) -> None:
    """Raise BadInputError, with every problem, unless files can be written at these paths.

    The first path is the one the user named, and must have one of the `endings`, if any are given. Nothing
    that exists is changed.
    """
    problems = wrong_ending(option, paths[0], endings)
    reasons = {
        why: path for path in reversed(paths) if (why := _file_problem(path))
    }  # each with its first path
    problems += [_message(option, path, why) for why, path in reversed(reasons.items())]
    if problems:
        raise BadInputError(problems)


def check_table_and_figure(out: Path | None, figure: Path | None) -> None:
    """`check_files` for --out and --figure, where given: all problems of both."""
    problems = Problems()
    for option, path, endings in (("--out", out, TABLES), ("--figure", figure, FIGURES)):
        if path is not None:
            problems.of(partial(check_files, option, path, endings=endings), None)
    if problems.found:
        raise BadInputError(problems.found)


def wrong_ending(option: str, path: Path, endings: Collection[str]) -> list[str]:
    """What is wrong with the end of a file's name; nothing where any will do."""
    if not endings or path.suffix in endings:
        return []
    *others, last = endings
    named = f"{', '.join(others)} or {last}" if others else last
    return [f"{option} {path}: expected a name that ends with {named}"]


def check_folder(option: str, path: Path) -> None:
    """Raise BadInputError unless there can be a folder at this path, with files in it."""
    existing = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    if why := _folder_problem(existing):
        raise BadInputError(_message(option, path, why))


def write_file(option: str, path: Path, data: bytes) -> None:
    """Write a whole file. BadInputError where that fails."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise cannot_write(option, path, error) from None


@contextmanager
def replacing(option: str, path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes its name when all of it is written; until then, what was there stays.

    BadInputError where writing fails. A pipe or a device is written to directly.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as sink:
                yield sink
            return
        whole = followed(path)  # a link stays a link
        part = whole.with_name(f".{whole.name}.{os.getpid()}.part")
        try:
            with part.open("xb") as sink:
                yield sink
            if whole.exists():
                shutil.copymode(whole, part)
            part.replace(whole)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(option, path, error) from None


def followed(path: Path) -> Path:
    """Where a path leads, links followed; one that leads to itself stays as it is."""
    return Path(os.path.realpath(path))  # Path.resolve raises RuntimeError there


def cannot_write(option: str, path: Path, error: OSError) -> BadInputError:
    """The error to raise where writing failed after all."""
    return BadInputError(_message(option, path, error.strerror or str(error)))


def _message(option: str, path: Path, why: str) -> str:
    return f"{option} {path}: cannot be written: {why}"


def _file_problem(path: Path) -> str:
    """Why no file can be written there; empty if one can."""
    if path.is_dir():
        return "it is a folder; name a file"
    if path.is_file():
        return "" if os.access(path, os.W_OK) else "the file is there and may not be changed"
    if path.exists():  # a pipe or a device: trying it would use it up
        return ""
    parent = path.parent
    if not os.path.lexists(parent):
        return f"there is no folder {parent}; make it first"
    return _folder_problem(parent)


def _folder_problem(folder: Path) -> str:
    """Why no file can be made in there; empty if one can. Rights alone do not tell: /proc takes no files."""
    if not folder.is_dir():
        return f"{folder} is no folder"
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except FileNotFoundError:
        return f"the folder {folder} takes no new files"
    except OSError as error:
        return f"no file can be made in {folder}: {error.strerror}"
