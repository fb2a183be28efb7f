"""Tables as Parquet bytes: zstd, page checksums, rows in the order of their keys."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cluster.errors import DamagedFileError

ROWS_PER_GROUP = 1 << 18
ROWS_AT_ONCE = 256  # of weights: under 2 GiB as long as one model is under 8 MiB


def encode(table: pa.Table, metadata: Mapping[str, str] | None = None) -> bytes:
    """A Parquet file of the table; equal tables give equal bytes with one version of pyarrow.

    `metadata` becomes key-value metadata of the file.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.combine_chunks().replace_schema_metadata(metadata),
        sink,
        compression="zstd",
        write_page_checksum=True,
        row_group_size=ROWS_PER_GROUP,
        use_dictionary=[field.name for field in table.schema if pa.types.is_string(field.type)],
    )
    return bytes(sink.getvalue())


def decode(
    data: bytes, name: str, columns: Sequence[str] | None = None, dictionaries: bool = False
) -> pa.Table:
    """The table (or some columns, in the order asked) of a Parquet file whose sha256 was already checked.

    Text comes as dictionaries where asked: a third of the time, where it repeats. The schema's metadata are
    those of the file. Raises DamagedFileError where it does not parse or lacks a column; the message names it
    `name`.
    """
    try:
        text = list(columns) if dictionaries and columns is not None else None  # of numbers, nothing changes
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True, read_dictionary=text)
        table = file.read(list(columns) if columns is not None else None, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DamagedFileError(
            f"{name}: not a readable Parquet file ({error}); run `knockcast verify`"
        ) from error
    if columns is None:
        return table
    missing = sorted(set(columns) - set(table.column_names))
    if missing:
        raise DamagedFileError(f"{name}: columns {missing} are missing; run `knockcast verify`")
    return table.select(list(columns))


def sort_rows(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Rows ordered by the keys, text by code point; equal keys keep their order."""
    order = np.lexsort([_ranks(table.column(key)) for key in reversed(keys)])
    if np.array_equal(order, np.arange(table.num_rows)):
        return table
    columns = [_taken(column, order) for column in table.columns]
    return pa.table(columns, schema=table.schema)


def _taken(column: pa.ChunkedArray, order: np.ndarray) -> pa.ChunkedArray:
    """The column in another order; a genome's weights, which outgrow 32-bit offsets, piece by piece."""
    if not pa.types.is_binary(column.type):
        return column.take(pa.array(order))
    wide = column.cast(pa.large_binary())
    pieces = [order[start : start + ROWS_AT_ONCE] for start in range(0, len(order), ROWS_AT_ONCE)]
    return pa.chunked_array(
        [wide.take(pa.array(p)).combine_chunks().cast(column.type) for p in pieces], column.type
    )


def _ranks(column: pa.ChunkedArray) -> np.ndarray:
    """Integers in the order of a column's values, for a fast sort of few distinct texts."""
    if not pa.types.is_string(column.type):
        return np.asarray(column)
    encoded = column.combine_chunks().dictionary_encode()
    order = np.asarray(pc.sort_indices(encoded.dictionary))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[np.asarray(encoded.indices)]
