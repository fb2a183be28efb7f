"""Parquet files of users, read within the bounds of `tasks.bounded`.

A word that stands once in such a file may stand in millions of rows. So text is read as words and their
places first, and written out only if it is not too long.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.bounded import cells_allowed, check_regular, check_shape, check_text
from tasks.errors import BadInputError


def read_bounded_parquet(path: Path, most_cells: int | None = None) -> pa.Table:
    """All columns, text as text however it is stored.

    Raises:
        BadInputError: more than a file of its size may hold (`most_cells`, if given).
        pa.ArrowException, OSError: as pyarrow.
    """
    check_regular(path)
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
    check_shape(path, metadata.num_rows, metadata.num_columns, most_cells)
    allowed = cells_allowed(path) if most_cells is None else most_cells
    values = sum(chunk.num_values for chunk, _ in _chunks(metadata))  # a row of lists has many
    if values > allowed:
        raise BadInputError(f"{path}: {values} values; a file of its size may have {allowed}: is it damaged?")
    return read_texts(path, path)


def read_texts(path: Path, source: Any, columns: Sequence[str] | None = None) -> pa.Table:
    """A Parquet file's table, or some of its columns; BadInputError where its texts are too long in all.

    `source` is what pyarrow opens, `path` what a message names.
    """
    with pq.ParquetFile(source) as file:
        metadata, words = file.metadata, _columns_of_words(file.schema)
    check_text(path, sum(_bytes(*each) for each in _chunks(metadata)))
    with pq.ParquetFile(source, read_dictionary=words, page_checksum_verification=True) as file:
        table = file.read(None if columns is None else list(columns))
    check_text(path, sum(map(_written_out, table.columns)))
    for place, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            kind = column.type.value_type
            table = table.set_column(place, table.schema.field(place).with_type(kind), column.cast(kind))
    return table


def _chunks(metadata: pq.FileMetaData) -> list[tuple[Any, Any]]:
    """What is said of each part of each column, and of the column."""
    columns = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    return [(group.column(place), column) for group in groups for place, column in enumerate(columns)]


def _columns_of_words(schema: pq.ParquetSchema) -> list[str]:
    """Also those within lists."""
    return [
        column.path
        for column in map(schema.column, range(len(schema)))
        if column.physical_type == "BYTE_ARRAY" and column.logical_type.type in ("STRING", "NONE")
    ]


def _bytes(chunk: Any, column: Any) -> int:
    """Of words as they are stored, and of values of a fixed length as they are read."""
    if column.physical_type == "FIXED_LEN_BYTE_ARRAY":
        return int(chunk.num_values * column.length)
    return int(chunk.total_uncompressed_size) if column.physical_type == "BYTE_ARRAY" else 0


def _written_out(column: pa.ChunkedArray) -> int:
    """Bytes of a column's words where each is written in every row; 0 of other columns."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else None
    if kind not in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()):
        return 0
    lengths = (pc.take(pc.binary_length(chunk.dictionary), chunk.indices) for chunk in column.chunks)
    return sum(pc.sum(pc.cast(each, pa.int64())).as_py() or 0 for each in lengths)
