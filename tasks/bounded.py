"""Bounds on what an input file may hold: a damaged or an evil one ends with a message, not with the memory.

A few megabytes of gzip unpack to gigabytes of one line or of nothing but line ends, and half a megabyte of
Parquet to millions of rows. The bounds are far above real files: DepMap's largest matrix has 33 million
cells.
"""

import gzip
import hashlib
import io
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv

from tasks.errors import BadInputError

MOST_LINE = 2**24  # bytes
MOST_ROWS = 5_000_000
MOST_PAIRS = 20_000_000  # of a sample and a target, a row each
MOST_COLUMNS = 200_000
MOST_CELLS = 500_000_000  # of numbers, 4 bytes each in memory
MOST_CELLS_SMALL = 100_000_000  # in a file that is small for that
CELLS_PER_BYTE = 20  # that a real file may hold, packed or not; levels that are mostly 0 are packed tightest
MOST_TEXTS = 50_000_000  # cells of a table that is read as text, some 80 bytes each
MOST_CELL = 2**17  # bytes of text; a spreadsheet's cell has 32 767 letters at most
MOST_BYTES = 2**31  # of a table that is read as text, and of all texts of another
BYTES_PER_NUMBER = 20  # in a delimited file, its separator included
_SPLIT = "split it into several files"


def open_bounded(path: Path, columns: int = 0, most_cells: int | None = None) -> io.BufferedReader:
    """Opens a file for reading, through gzip where its name ends in .gz.

    Reading raises BadInputError at a line that is too long, at more lines than a table of that many columns
    may have (`most_cells` in all; as numbers, if None), and at more bytes than those take.

    Raises:
        BadInputError: a pipe or a device, which might never end.
        OSError: no such file.
    """
    cells = cells_allowed(path) if most_cells is None else most_cells
    lines = min(MOST_ROWS, cells // columns + 1) if columns else MOST_ROWS
    return _opened(path, lines, max(MOST_BYTES, BYTES_PER_NUMBER * cells if most_cells is None else 0))


def open_columns(path: Path, columns: int) -> pa.PythonFile:
    """The same as pyarrow reads it."""
    return pa.PythonFile(open_bounded(path, columns), mode="r")


def open_long(path: Path) -> pa.PythonFile:
    """As pyarrow reads a table of samples and targets, which has a row for each pair or a cell."""
    return pa.PythonFile(_opened(path, MOST_PAIRS, 2 * MOST_BYTES, "write it wide, or as .parquet"), mode="r")


def read_csv(
    file: pa.PythonFile, read_options: pyarrow.csv.ReadOptions | None = None, **options: Any
) -> pa.Table:
    """What `pyarrow.csv.read_csv` reads, with its options, on one thread; the file is closed then.

    On several, Arrow's reading ahead may wait for itself after an error, and Python's end for it, for ever.
    """
    read_options = read_options or pyarrow.csv.ReadOptions()
    read_options.use_threads = False
    with file:
        return pyarrow.csv.read_csv(file, read_options=read_options, **options)


def _opened(path: Path, lines: int, size: int, advice: str = _SPLIT) -> io.BufferedReader:
    check_regular(path)
    is_zipped = path.suffix.lower() == ".gz"
    inner: Any = gzip.open(path) if is_zipped else path.open("rb")  # noqa: SIM115 - closed with what is returned
    return io.BufferedReader(_Bounded(path, inner, lines, size, advice), buffer_size=2**18)


def read_whole(path: Path, most: int) -> bytes:
    """All bytes of a file that may have so many.

    Raises:
        BadInputError: a pipe or a device, which might never end, or more bytes.
        OSError: it cannot be read.
    """
    check_regular(path)
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise BadInputError(f"{path}: has more than {most} bytes; expected a smaller file: is it damaged?")
    return data


def digest_of_file(path: Path) -> str:
    """The sha256 of a file, which is not read as a whole. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cells_allowed(path: Path) -> int:
    """How many numbers a file of this size may hold."""
    return min(MOST_CELLS, max(MOST_CELLS_SMALL, CELLS_PER_BYTE * path.stat().st_size))


def check_shape(path: Path, rows: int, columns: int, most_cells: int | None = None) -> None:
    """Raises BadInputError for a table that is larger than a file of its size holds."""
    check_columns(path, columns)
    allowed = cells_allowed(path) if most_cells is None else most_cells
    if rows > MOST_ROWS or rows * columns > allowed:
        found = f"{rows} rows x {columns} columns"
        raise BadInputError(_too_many(path, found, min(allowed // columns, MOST_ROWS)))


def check_text(path: Path, size: int) -> None:
    """Raises BadInputError for more bytes of text than a table may have."""
    if size > MOST_BYTES:
        raise BadInputError(
            f"{path}: {size} bytes of text; a table may have {MOST_BYTES}: is it damaged? Else {_SPLIT}"
        )


def check_cells(path: Path, rows: int, columns: int) -> None:
    """Raises BadInputError for more cells than fit into memory; a table may be as long as it likes."""
    if rows * columns > MOST_CELLS:
        found = f"{rows} rows x {columns} columns"
        raise BadInputError(_too_many(path, found, MOST_CELLS // columns))


def check_columns(path: Path, columns: int) -> None:
    """Raises BadInputError for more columns than any real table has."""
    if columns > MOST_COLUMNS:
        raise BadInputError(f"{path}: {columns} columns; expected {MOST_COLUMNS} at most: {_SPLIT}")


def check_regular(path: Path) -> None:
    """Raises BadInputError for a pipe or a device, which might never end."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise BadInputError(f"{path}: is no regular file; copy what it gives into one")


def _too_many(path: Path, found: str, rows: int, advice: str = _SPLIT) -> str:
    return (
        f"{path}: {found}; a table of that shape and size may have {rows} rows: is it damaged? Else {advice}"
    )


class _Bounded(io.RawIOBase):
    """Bytes of a file, as long as they are not too many, and its lines neither too long nor too many."""

    def __init__(
        self, path: Path, inner: BinaryIO, most_lines: int, most_bytes: int, advice: str = _SPLIT
    ) -> None:
        self._path, self._inner, self._most, self._left = path, inner, most_lines, most_bytes
        self._advice = advice
        self._lines, self._open = 0, 0  # line ends so far, bytes since the last one

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self._inner.read(min(len(buffer), MOST_LINE))
        buffer[: len(data)] = data
        self._count(data)
        return len(data)

    def _count(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise BadInputError(
                f"{self._path}: row {self._lines + 1}: more bytes than a table of that size may have: is the "
                f"file damaged? Else {self._advice}"
            )
        first = data.find(b"\n")
        longest = self._open + (first if first >= 0 else len(data))
        if longest > MOST_LINE:
            raise BadInputError(
                f"{self._path}: row {self._lines + 1}: the line has more than {MOST_LINE} bytes: is the file "
                "damaged, or no text?"
            )
        if first >= 0:
            self._lines += data.count(b"\n")
            self._open = len(data) - data.rfind(b"\n") - 1
        else:
            self._open = longest
        if self._lines > self._most + 1:
            raise BadInputError(
                _too_many(self._path, f"more than {self._most} rows", self._most, self._advice)
            )

    def close(self) -> None:
        self._inner.close()
        super().close()
