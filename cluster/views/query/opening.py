"""A store's tables made known to DuckDB, which from then on can read their files and nothing else."""

from typing import Any

import duckdb
import pyarrow as pa

from cluster.store.reader import StoreReader
from cluster.store.records import StoredFile
from cluster.store.versions import require_known
from cluster.views.asked import targets_asked
from cluster.views.models import residuals_table
from cluster.views.registry import COMPUTED, view
from cluster.views.run_dataset import cell_lines_table
from tasks.tables.columns import Column, Table
from tasks.tables.schemas import TABLES
from tasks.tables.target_tables import RESIDUALS

JOINED = ("models", "predictions")  # on the disk but for some columns, which are joined to them


def open_table(connection: duckdb.DuckDBPyConnection, reader: StoreReader, name: str, tree: Any) -> list[str]:
    """Make a table known; returns the files DuckDB will have to read for it."""
    files = reader.files(name)
    is_on_disk = name in JOINED or name not in COMPUTED
    if not is_on_disk or not files or reader.has_spare_rows(name):
        connection.register(name, view(reader, name, targets_asked(tree, name)))
        return []
    for commit, file in files:
        require_known(commit, file)
    for _ in reader.verified_all([file for _, file in files]):
        pass  # each is now known to be whole, and on this machine
    source = _rows_of(reader, TABLES[name], [file for _, file in files])
    if name == "predictions":
        connection.register("_lines", cell_lines_table(reader).select(["cell_line", "lineage"]))
        source = f"SELECT p.*, lineage FROM ({source}) p LEFT JOIN _lines USING (cell_line)"  # noqa: S608
    if name == "models":  # joined here, so that a genome's weights are only read where they are selected
        connection.register("_residuals", residuals_table(reader))
        joined = f"({source}) m LEFT JOIN _residuals USING (method, target)"
        source = f"SELECT m.*, {', '.join(RESIDUALS)} FROM {joined}"  # noqa: S608 - our own names
    connection.execute(f'CREATE VIEW "{name}" AS {source}')
    return [str(reader.fs.local_file(file.path, file.sha256)) for _, file in files]


def _rows_of(reader: StoreReader, table: Table, files: list[StoredFile]) -> str:
    """SQL for the rows of a table's files, those of each version with null in the columns added since."""
    parts = []
    for version in sorted({file.version for file in files}):
        paths = [
            str(reader.fs.local_file(file.path, file.sha256)) for file in files if file.version == version
        ]
        columns = ", ".join(_selected(column, version) for column in table.stored)
        source = f"read_parquet([{_listed(paths)}], hive_partitioning = false)"
        parts.append(f"SELECT {columns} FROM {source}")  # noqa: S608 - our own names
    return " UNION ALL ".join(parts)


def _selected(column: Column, version: int) -> str:
    if column.since <= version:
        return f'"{column.name}"'
    return f'CAST(NULL AS {_sql_type(column.type)}) AS "{column.name}"'


def _sql_type(kind: pa.DataType) -> str:
    """What DuckDB calls a column's type."""
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    return {"string": "VARCHAR", "binary": "BLOB"}.get(str(kind), str(kind))  # it knows int32, double, bool


def lock(connection: duckdb.DuckDBPyConnection, files: list[str]) -> None:
    """From here on: those files, no other file, no network, and no way back."""
    connection.execute(f"SET allowed_paths = [{_listed(files)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _listed(paths: list[str]) -> str:
    return ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
