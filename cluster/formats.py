"""A table as bytes for people and programs: table, csv, json, parquet."""

import io
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tasks.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

_CSV = pyarrow.csv.WriteOptions(quoting_style="needed")


def to_bytes(table: pa.Table, kind: str) -> bytes:
    """The table in one of the formats of `KINDS`; text is UTF-8.

    Raises BadInputError for another kind, and for values the kind cannot hold.
    """
    if kind not in KINDS:
        raise BadInputError(f"--format {kind}: unknown; known are {', '.join(KINDS)}")
    try:
        return KINDS[kind](table)
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
        if writer is None:
            writer = _STREAMS[kind](sink, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def frame_text(frame: "pd.DataFrame") -> str:
    """A frame for people to read, without its index."""
    return frame_bytes(frame, "table").decode()


def _table(table: pa.Table) -> bytes:
    """Aligned columns: numbers to the right, six significant digits, nothing for null."""
    columns = [[name, *map(_cell, table.column(name).to_pylist())] for name in table.column_names]
    widths = [max(map(len, column)) for column in columns]
    right = [pa.types.is_integer(field.type) or pa.types.is_floating(field.type) for field in table.schema]
    lines = [
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in zip(*columns, strict=True)
    ]
    return ("\n".join(lines) + "\n").encode()


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
    """With a header; lists as JSON, bytes as hex."""
    sink = io.BytesIO()
    flat = {name: _flat(table.column(name)) for name in table.column_names}
    pyarrow.csv.write_csv(pa.table(flat), sink, _CSV)
    return sink.getvalue()


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if not (pa.types.is_nested(column.type) or pa.types.is_binary(column.type)):
        return column
    values = [None if value is None else _plain(value) for value in column.to_pylist()]
    return pa.array([v if v is None or isinstance(v, str) else json.dumps(v) for v in values], pa.string())


def _json(table: pa.Table) -> bytes:
    """An array with one object a line; NaN and infinities, which JSON lacks, as null."""
    lines = [json.dumps(_plain(row), allow_nan=False) for row in table.to_pylist()]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode() if lines else b"[]\n"


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
