"""A table as bytes for people and programs: table, csv, json, parquet; the last three also in batches."""

import io
import itertools
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tasks.errors import BadInputError
from tasks.tables.spreadsheets import as_cell, as_cells

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 10_000  # that `beginning` shows
MOST_TEXT = 10_000_000  # characters of it
MOST_CELL = 10_000  # characters of a value in it
GAP = "  "  # between the columns
GROUP_ROWS = 131_072  # of a Parquet file that is written batch by batch
GROUP_BYTES = 256_000_000
_CSV = pyarrow.csv.WriteOptions(quoting_style="needed")
_CSV_ROWS = pyarrow.csv.WriteOptions(quoting_style="needed", include_header=False)


def to_bytes(table: pa.Table, kind: str) -> bytes:
    """The table in one of the formats of `KINDS`; text is UTF-8.

    Raises BadInputError for another kind, and for values the kind cannot hold.
    """
    if kind not in KINDS:
        raise BadInputError(f"--format {kind}: unknown; known are {', '.join(KINDS)}")
    with _holding(kind):
        return KINDS[kind](table)


@contextmanager
def _holding(kind: str) -> Iterator[None]:
    """Values a format cannot hold, in words."""
    try:
        yield
    except (OverflowError, pa.ArrowNotImplementedError) as error:  # timestamp 'infinity', an interval
        kept = f"--format {kind} cannot hold a value of the result ({error})"
        raise BadInputError(f"{kept}: CAST its column AS VARCHAR") from error


def frame_bytes(frame: "pd.DataFrame", kind: str) -> bytes:
    """The same of a frame, without its index."""
    return to_bytes(pa.Table.from_pandas(frame, preserve_index=False), kind)


def write_frames(sink: BinaryIO, kind: str, frames: "Iterable[pd.DataFrame]") -> None:
    """Frames of the same columns as one table, .csv or .parquet, without holding all of it in memory."""
    writer: Any = None
    for frame in frames:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if kind == "csv":
            table = pa.table(
                [as_cells(column) for column in table.columns], names=[as_cell(n) for n in table.column_names]
            )
        if writer is None:
            writer = _STREAMS[kind](sink, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def frame_text(frame: "pd.DataFrame") -> str:
    """A frame for people to read, without its index."""
    return frame_bytes(frame, "table").decode()


def write_batches(sink: BinaryIO, kind: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Batches of rows as one csv, json or parquet, without holding all of it in memory.

    Raises BadInputError for values the kind cannot hold.
    """
    with _holding(kind):
        if kind == "parquet":
            _write_parquet(sink, schema, batches)
            return
        for piece in (_csv_pieces if kind == "csv" else _json_pieces)(schema, batches):
            sink.write(piece)


def beginning(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> tuple[str, int, bool]:
    """The first rows for people to read: as text, how many they are, and whether there are more.

    No more than `MOST_ROWS` and about `MOST_TEXT` characters, with each value cut at `MOST_CELL`; no batch is
    read after that.
    """
    widths = [len(name) for name in schema.names]
    rows: list[list[str]] = []
    is_more = False
    with _holding("table"):
        for row in (row for batch in batches for row in _rows(batch)):
            widths = [max(width, len(cell)) for width, cell in zip(widths, row, strict=True)]
            if len(rows) == MOST_ROWS or (rows and sum(widths) * (len(rows) + 1) > MOST_TEXT):
                is_more = True
                break
            rows.append(row)
    return _aligned(schema, rows), len(rows), is_more


def wrapped(table: pa.Table, width: int) -> str:
    """A small table for people, in lines of at most `width` characters if each word fits.

    Long text goes on in the next line of its column; the columns with the longest share what room there is.
    """
    rows = [[_cell(value) for value in row.values()] for row in table.to_pylist()]
    columns = [*zip(table.column_names, *rows, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    shortest = [max(len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    room = width - len(GAP) * (len(columns) - 1)
    while sum(widths) > room:
        place = max(range(len(widths)), key=lambda i: widths[i] - shortest[i])
        if widths[place] == shortest[place]:
            break
        widths[place] -= 1
    lines = []
    for row in zip(*columns, strict=True):
        cells = [
            textwrap.wrap(cell, size, break_on_hyphens=False) for cell, size in zip(row, widths, strict=True)
        ]
        lines += [
            GAP.join(map(str.ljust, parts, widths)).rstrip()
            for parts in itertools.zip_longest(*cells, fillvalue="")
        ]
    return "\n".join(lines) + "\n"


def _rows(batch: pa.RecordBatch, piece: int = 1000) -> Iterator[list[str]]:
    """Its rows as cells; few at a time are made text."""
    for start in range(0, batch.num_rows, piece):
        part = batch.slice(start, piece)
        yield from (
            [_cell(value)[:MOST_CELL] for value in row]
            for row in zip(*(column.to_pylist() for column in part.columns), strict=True)
        )


def _table(table: pa.Table) -> bytes:
    """Aligned columns: numbers to the right, six significant digits, nothing for null."""
    columns = [map(_cell, table.column(name).to_pylist()) for name in table.column_names]
    return _aligned(table.schema, [list(row) for row in zip(*columns, strict=True)]).encode()


def _aligned(schema: pa.Schema, rows: list[list[str]]) -> str:
    table = [schema.names, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    right = [pa.types.is_integer(field.type) or pa.types.is_floating(field.type) for field in schema]
    lines = [
        GAP.join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in table
    ]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = _plain(value)
    text = text if isinstance(text, str) else json.dumps(text)
    # A control character in a name could rewrite the reader's terminal.
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _csv(table: pa.Table) -> bytes:
    return b"".join(_csv_pieces(table.schema, table.to_batches()))


def _csv_pieces(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """With a header; lists as JSON, bytes as hex, no text that a spreadsheet would run as a formula."""
    names = [as_cell(name) for name in schema.names]
    for n, batch in enumerate(itertools.chain([schema.empty_table()], batches)):
        sink = io.BytesIO()
        flat = pa.table([as_cells(_flat(column)) for column in batch.columns], names=names)
        pyarrow.csv.write_csv(flat, sink, _CSV if n == 0 else _CSV_ROWS)
        yield sink.getvalue()


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if not (pa.types.is_nested(column.type) or pa.types.is_binary(column.type)):
        return column
    values = [None if value is None else _plain(value) for value in column.to_pylist()]
    return pa.array([v if v is None or isinstance(v, str) else json.dumps(v) for v in values], pa.string())


def _json(table: pa.Table) -> bytes:
    return b"".join(_json_pieces(table.schema, table.to_batches()))


def _json_pieces(_: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """An array with one object a line; NaN and infinities, which JSON lacks, as null."""
    before = "[\n"
    for batch in batches:
        if lines := [json.dumps(_plain(row), allow_nan=False) for row in batch.to_pylist()]:
            yield (before + ",\n".join(lines)).encode()
            before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def _plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value if value is None or isinstance(value, str | int) else str(value)


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return bytes(sink.getvalue())


def _write_parquet(sink: BinaryIO, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """In row groups of equal size, however large the batches are."""
    with _parquet_stream(sink, schema) as writer:
        waiting = schema.empty_table()
        for batch in batches:
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
            if waiting.nbytes > GROUP_BYTES:
                writer.write_table(waiting)
                waiting = schema.empty_table()
            while waiting.num_rows >= GROUP_ROWS:
                writer.write_table(waiting.slice(0, GROUP_ROWS))
                waiting = waiting.slice(GROUP_ROWS)
        if waiting.num_rows:
            writer.write_table(waiting)


def _csv_stream(sink: BinaryIO, schema: pa.Schema) -> Any:
    return pyarrow.csv.CSVWriter(sink, schema, write_options=_CSV)


def _parquet_stream(sink: BinaryIO, schema: pa.Schema) -> Any:
    return pq.ParquetWriter(sink, schema, compression="zstd", write_page_checksum=True)


_STREAMS: dict[str, Callable[[BinaryIO, pa.Schema], Any]] = {
    "csv": _csv_stream,
    "parquet": _parquet_stream,
}
KINDS: dict[str, Callable[[pa.Table], bytes]] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}
