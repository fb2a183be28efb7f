"""The facts of a dataset's targets (class, mean, sd, ...), stored once and named by their own digest.

As sealed JSON rather than Parquet: a run's digest depends on it, and Parquet bytes change with the library's
version.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cluster.store.body import digest_of
from cluster.store.parquet import sort_rows

_KINDS = {str(kind): kind for kind in (pa.string(), pa.float64(), pa.int64(), pa.int32(), pa.bool_())}


def targets_body(table: pa.Table) -> dict[str, Any]:
    """The JSON body of the table, rows sorted by target; NaN becomes null.

    Raises ValueError for a column that is not text, number or truth value.
    """
    unknown = [field.name for field in table.schema if str(field.type) not in _KINDS]
    if unknown or "target" not in table.column_names:
        raise ValueError(f"targets: columns {unknown} cannot be stored, or column target is missing")
    rows = sort_rows(table, ("target",))
    return {
        "columns": [
            [name, str(column.type), _without_nan(column).to_pylist()]
            for name, column in zip(rows.column_names, rows.columns, strict=True)
        ]
    }


def targets_of(body: dict[str, Any]) -> pa.Table:
    """The table a body holds."""
    columns = {name: pa.array(values, _KINDS[kind]) for name, kind, values in body["columns"]}
    return pa.table(columns)


def targets_digest(table: pa.Table) -> str:
    """The `targets_sha256` of a run's body: the same for equal tables, whatever the libraries."""
    return digest_of(targets_body(table))


def _without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
