"""What several tests ask of a store: its tables as bytes, without what may differ between equal runs."""

from pathlib import Path

import pyarrow as pa

from cluster.store.parquet import encode
from cluster.store.reader import StoreReader
from tasks.tables.schemas import MAY_DIFFER, SCHEMAS


def sorted_tables(store: Path | str) -> dict[str, pa.Table]:
    """Every committed table, sorted by its key, without the columns that may differ."""
    reader = StoreReader.open(store)
    return {name: _without(reader.table(name)) for name in SCHEMAS}


def table_bytes(store: Path | str) -> dict[str, bytes]:
    """The same, as the bytes of a Parquet file."""
    return {name: encode(table.combine_chunks()) for name, table in sorted_tables(store).items()}


def _without(table: pa.Table) -> pa.Table:
    return table.drop_columns([name for name in MAY_DIFFER if name in table.column_names])
