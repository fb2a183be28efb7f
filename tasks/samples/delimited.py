"""Delimited text with whatever columns; separator and decimal commas are found out and said."""

import csv
import zlib
from codecs import BOM_UTF8
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from tasks.bounded import check_columns, open_bounded, open_columns, read_csv
from tasks.errors import BadInputError
from tasks.importing.files import MISSING, file_type
from tasks.importing.recognition.dialect import MOST_ROWS, Dialect, dialect_of

_BLOCK_BYTES = 16 * 2**20
_MOST_BYTES = 2**20  # of the start that is looked at


def read_delimited(path: Path) -> tuple[pa.Table, list[str]]:
    """The columns of a .csv, .tsv or .txt file (.gz too), and notes on how it was read.

    Raises BadInputError where it cannot be read, or has no more than one column.
    """
    if not file_type(path):
        raise BadInputError(
            f"{path}: expected a file of type .csv, .tsv, .txt (also .gz), .parquet or .h5ad; rename or "
            "convert it"
        )
    comments, start = _start(path)
    dialect = dialect_of(start, "," if ".csv" in path.name.lower() else "\t")
    lines = start.removeprefix(BOM_UTF8).decode("utf-8", "replace").splitlines()
    header, cells = (_fields(path, comments + 1 + at, lines[at : at + 1], dialect) for at in (0, 1))
    if len(header) < 2:
        raise BadInputError(
            f"{path}: row {comments + 1}: only one column; expected names and numbers, with commas, tabs "
            "or semicolons between"
        )
    check_columns(path, len(header))
    if dialect.ambiguous:
        raise BadInputError(
            f"{path}: {dialect.ambiguous!r} may have a decimal comma or one for thousands, and so may all "
            "numbers; write them with decimal points"
        )
    if len(cells) == len(header) + 1:  # written by R without a name over the row names
        header = ["", *header]
    return _without_empty_ends(_read(path, header, comments, dialect)), list(dialect.notes())


def _fields(path: Path, row: int, lines: list[str], dialect: Dialect) -> list[str]:
    try:
        return next(csv.reader(lines, delimiter=dialect.separator), [])
    except csv.Error as error:
        raise BadInputError(f"{path}: row {row}: {error}; is a quote left open there?") from error


def _without_empty_ends(table: pa.Table) -> pa.Table:
    """Without nameless, empty last columns: spreadsheets end every row with a separator."""
    while table.column_names[-1] == "" and table.num_columns > 1:
        last = table.column(table.num_columns - 1)
        if last.null_count < len(last):
            break
        table = table.remove_column(table.num_columns - 1)
    return table


def _start(path: Path) -> tuple[int, bytes]:
    """How many comment lines come first, and the start of the file after them."""
    try:
        with open_bounded(path) as file:
            lines: list[bytes] = []
            size = 0
            while len(lines) < MOST_ROWS and size < _MOST_BYTES and (line := file.readline()):
                lines.append(line)
                size += len(line)
    except (EOFError, zlib.error) as error:
        raise _damaged(path) from error
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    comments = next((i for i, line in enumerate(lines) if not line.startswith(b"#")), len(lines))
    kept = b"".join(lines[comments:])
    if not kept.strip():
        raise BadInputError(f"{path}: the file is empty (no header); expected a header with column names")
    try:
        kept.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: not UTF-8 text (byte {error.start + 1}); save it as UTF-8") from error
    return comments, kept


def _damaged(path: Path) -> BadInputError:
    return BadInputError(f"{path}: the compressed file is damaged or cut short; copy it again")


def _read(path: Path, header: list[str], comments: int, dialect: Dialect) -> pa.Table:
    numbers = {str(place): pa.float32() for place in range(1, len(header))}
    try:
        try:
            table = _parse(path, len(header), comments, dialect, {"0": pa.string()} | numbers)
        except pa.ArrowInvalid:  # text among the columns: their types are found out, which takes longer
            table = _parse(path, len(header), comments, dialect, {"0": pa.string()})
    except (EOFError, zlib.error) as error:
        raise _damaged(path) from error
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0][:200]
        raise BadInputError(f"{path}: cannot be read as a table: {first_line}") from error
    return table.rename_columns([name.strip() for name in header])


def _parse(
    path: Path, columns: int, comments: int, dialect: Dialect, types: dict[str, pa.DataType]
) -> pa.Table:
    return read_csv(
        open_columns(path, columns),
        # Columns go by position: a header may hold a name twice.
        read_options=pyarrow.csv.ReadOptions(
            skip_rows=comments + 1,
            column_names=[str(place) for place in range(columns)],
            block_size=_BLOCK_BYTES,
        ),
        parse_options=pyarrow.csv.ParseOptions(delimiter=dialect.separator),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types,
            null_values=sorted(MISSING),
            strings_can_be_null=False,
            decimal_point=dialect.decimal,
        ),
    )
