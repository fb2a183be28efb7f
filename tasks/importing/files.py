"""Files that are read: their types, and how delimited text starts and its lines are numbered."""

import codecs
import contextlib
import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from tasks.bounded import MOST_CELL, check_columns, open_bounded
from tasks.errors import BadInputError
from tasks.importing.recognition.dialect import SEPARATORS, Dialect, dialect_of

TEXT_TYPES = (".csv", ".tsv", ".txt", ".tab")
PARQUET_TYPES = (".parquet", ".pq")
MISSING = frozenset({"", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None"})
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_START = 2**20  # bytes that a file's dialect is told from


def file_type(path: Path) -> str:
    """The type by a file's name (".csv", ...; .gz is looked through), or "" for one that is not read here."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    last = (suffixes[:-1] if zipped else suffixes)[-1:]
    known = TEXT_TYPES if zipped else (*TEXT_TYPES, *PARQUET_TYPES)
    return last[0] if last and last[0] in known else ""


def dialect_of_file(path: Path) -> Dialect:
    """How a text file is written; its name implies commas in .csv, tabs in .tsv, .txt and .tab."""
    implied = "," if ".csv" in (suffix.lower() for suffix in path.suffixes[-2:]) else "\t"
    return dialect_of(_start(path), implied)


def read_header(path: Path) -> list[str]:
    """The names of the columns, as they are written.

    A name in quotes may contain a line break; whether it may be used is for the caller to check.

    Raises:
        BadInputError: no file, no content, not UTF-8, no separator that fits, or columns without end.
    """
    first = _first_line(path)
    if first.startswith(_UTF_16):
        raise BadInputError(
            f"{path}: row 1 starts with a byte order mark of UTF-16; save it as UTF-8 "
            "(in Excel choose CSV UTF-8, not Unicode text)"
        )
    dialect = dialect_of_file(path)
    if not first.strip():
        raise BadInputError(
            f"{path}: the file is empty (row 1 is blank); expected a header with column names"
        )
    try:
        text = first.decode(dialect.encoding)
    except UnicodeDecodeError as error:
        raise BadInputError(
            f"{path}: row 1: not UTF-8 text (byte {error.start + 1}); save it as UTF-8"
        ) from error
    if text.count('"') % 2:  # perhaps a quote is open at the end of the line, and the header goes on
        _, fields = next(numbered_rows(path))
    else:
        fields = _fields(path, text, dialect)
    if len(fields) < 2:
        raise BadInputError(f"{path}: row 1: {_wrong_separator(text, dialect.separator)}")
    check_columns(path, len(fields))
    return fields


def _fields(path: Path, line: str, dialect: Dialect) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=dialect.separator), [])
    except csv.Error as error:
        if "\r" in line.rstrip("\r\n"):
            raise BadInputError(
                f"{path}: row 1: lines end in carriage returns alone, as on old Macs; save it with line feeds"
            ) from error
        raise BadInputError(f"{path}: row 1: cannot be read ({error})") from error


def numbered_rows(
    path: Path, columns: int = 0, most_cells: int | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not blank with the number of its first line; bytes not UTF-8 become surrogates.

    Of a table of so many `columns`, no more than `most_cells`; see `tasks.bounded`.

    Raises:
        BadInputError: the compressed stream ends early or is damaged, a quote is never closed, or there is
            more than any real table has.
    """
    csv.field_size_limit(MOST_CELL)
    dialect = dialect_of_file(path)
    number = 0
    with open_bounded(path, columns, most_cells) as file:
        if dialect.marked:
            file.read(len(codecs.BOM_UTF8))
        reader = csv.reader(
            (line.decode("utf-8", "surrogateescape") for line in file), delimiter=dialect.separator
        )
        try:
            for fields in reader:
                if fields:
                    yield number + 1, fields
                number = reader.line_num
        except (EOFError, OSError, zlib.error) as error:
            raise BadInputError(f"{path}: row {number + 1}: {_broken_stream(error)}") from error
        except csv.Error as error:
            raise BadInputError(f"{path}: row {number + 1}: {error}; is a quote left open there?") from error


def ends_with_newline(path: Path) -> bool:
    """Whether the last line is closed; where it is not, the file may have been cut off."""
    if path.suffix.lower() in (".gz", *PARQUET_TYPES):
        return True  # a reader notices where these were cut
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) in b"\r\n"


def _first_line(path: Path) -> bytes:
    try:
        with open_bounded(path) as file:
            return file.readline()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInputError(f"{path}: row 1: {_broken_stream(error)}") from error
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error


def _start(path: Path) -> bytes:
    """What can be read of the file's start; nothing of one that cannot be opened. Readers say why."""
    start = b""
    with contextlib.suppress(EOFError, OSError, zlib.error, BadInputError), open_bounded(path) as file:
        while len(start) < _START and (more := file.read(2**16)):
            start += more
    return start


def _broken_stream(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the compressed file ends here: it is truncated; download or copy it again"
    return f"the compressed file is damaged ({error}); download or copy it again"


def _wrong_separator(first_line: str, expected: str) -> str:
    found = max(SEPARATORS, key=first_line.count)
    if found == expected or not first_line.count(found):
        return f"only one column; expected cell line ids and values separated by {SEPARATORS[expected]}"
    return (
        f"wrong delimiter: no {SEPARATORS[expected]} but {first_line.count(found)} {SEPARATORS[found]}; "
        "separate .csv by commas, .tsv and .txt by tabs"
    )
