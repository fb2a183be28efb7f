"""What several tests ask of a store: one with a plan, and tables as bytes without what may differ."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from cluster.store.filesystem import open_filesystem
from cluster.store.parquet import encode
from cluster.store.reader import StoreReader
from cluster.store.units import Unit
from cluster.store.writer import StoreWriter
from tasks.tables.schemas import MAY_DIFFER, SCHEMAS


def planned_store(folder: Path, units: Sequence[Unit]) -> StoreWriter:
    """A new store that wants these units."""
    writer = StoreWriter(open_filesystem(folder))
    writer.open_run({"seed": 0})
    writer.add_plan(units)
    return writer


def sorted_tables(store: Path | str) -> dict[str, pa.Table]:
    """Every committed table, sorted by its key, without the columns that may differ."""
    reader = StoreReader.open(store)
    return {name: _without(reader.table(name)) for name in SCHEMAS}


def table_bytes(store: Path | str) -> dict[str, bytes]:
    """The same, as the bytes of a Parquet file."""
    return {name: encode(table.combine_chunks()) for name, table in sorted_tables(store).items()}


def _without(table: pa.Table) -> pa.Table:
    return table.drop_columns([name for name in MAY_DIFFER if name in table.column_names])
