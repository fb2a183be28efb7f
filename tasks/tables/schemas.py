"""Every table of a store by name, its Arrow schema and key, and how rows become Arrow tables."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tasks.tables.analysis_tables import (
    ANALYSES,
    ENRICHMENT,
    ENRICHMENT_COUNTS,
    GENE_SETS,
    PARALOGS,
    RELATIONS,
    TISSUES,
    VALIDATION,
)
from tasks.tables.columns import Table
from tasks.tables.computed_tables import COMPUTED
from tasks.tables.fold_tables import (
    BORROWING,
    COMPONENTS,
    FOLD_CHOICES,
    MODULES,
    NETWORKS,
    PROFILE_SCORES,
    RECONSTRUCTION,
    SEARCHES,
)
from tasks.tables.line_tables import IN_LINES
from tasks.tables.target_tables import CANDIDATES, FAILURES, MODELS, MODIFIERS, PREDICTIONS, SCORES

__all__ = ["KEYS", "MAY_DIFFER", "RECONSTRUCTION", "SCHEMAS", "TABLES", "table_of"]

_WRITTEN = (
    SCORES,
    MODIFIERS,
    CANDIDATES,
    PREDICTIONS,
    MODELS,
    NETWORKS,
    SEARCHES,
    FOLD_CHOICES,
    PROFILE_SCORES,
    COMPONENTS,
    BORROWING,
    MODULES,
)

_ADDED = (
    VALIDATION,
    ENRICHMENT,
    ENRICHMENT_COUNTS,
    GENE_SETS,
    PARALOGS,
    TISSUES,
)  # by a command, to a finished store

TABLES: dict[str, Table] = {
    table.name: table for table in (*_WRITTEN, FAILURES, *COMPUTED, *IN_LINES, *_ADDED, ANALYSES, RELATIONS)
}

# Of the tables that shards write: the columns they write, and the key.
SCHEMAS: dict[str, pa.Schema] = {
    t.name: t.stored_schema for t in TABLES.values() if not (t.computed or t.command)
}
KEYS: dict[str, tuple[str, ...]] = {name: TABLES[name].key for name in SCHEMAS}

# The only columns of these that may differ between two runs of the same configuration. (Of tables that are
# computed, `networks.file` may too, which names the attempt, and what `shards` says of attempts that failed.)
MAY_DIFFER = ("seconds", "host", "attempts", "bytes", "memory")


def table_of(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows (one mapping each, or columns of equal length in each) as the named table; NaN becomes null.

    A mapping's value may be a scalar or an array: a mapping with arrays stands for as many rows as the
    arrays are long, its scalars repeated. A missing column is null.
    """
    schema = TABLES[name].stored_schema
    unknown = set[str]().union(*rows) - set(schema.names)
    if unknown:
        raise KeyError(f"table {name}: columns {sorted(unknown)} are not in its schema {schema.names}")
    columns = [[row.get(name) for row in rows] for name in schema.names]
    with_arrays = [
        values for values in columns if any(issubclass(k, np.ndarray) for k in set(map(type, values)))
    ]
    lengths = [_length(arrays) for arrays in zip(*with_arrays, strict=True)] if with_arrays else None
    blocks = None if lengths is None else _Blocks(lengths, np.repeat(np.arange(len(lengths)), lengths))
    return pa.table(
        [_column(values, f.type, blocks) for values, f in zip(columns, schema, strict=True)], schema=schema
    )


class _Blocks(NamedTuple):
    """How many rows each mapping stands for, and of each row whose it is."""

    lengths: Sequence[int]
    owner: np.ndarray


def _length(values: Sequence[Any]) -> int:
    """How many rows of the table a mapping with these values stands for: without arrays one."""
    lengths = {len(value) for value in values if isinstance(value, np.ndarray)} or {1}
    if len(lengths) > 1:
        raise ValueError(f"columns of one block differ in length: {sorted(lengths)}")
    return lengths.pop()


def _column(values: Sequence[Any], kind: pa.DataType, blocks: _Blocks | None) -> pa.Array:
    """One column of all blocks: their arrays end to end, their scalars as often as the block has rows.

    `blocks` is None where all rows are single ones.
    """
    if blocks is None or not any(isinstance(value, np.ndarray) for value in values):
        column = pa.array(values, type=kind, from_pandas=True)
        if blocks is None:
            return column
        if values.count(values[0]) == len(values):  # often so, and quicker
            return pa.repeat(column[0], len(blocks.owner))
        return column.take(blocks.owner)
    parts = [
        value if isinstance(value, np.ndarray) else np.full(n, value)
        for value, n in zip(values, blocks.lengths, strict=True)
    ]
    if all(part.dtype == object for part in parts):  # texts, which many blocks share
        each = {id(part): part for part in parts}
        made = {key: pa.array(part, type=kind, from_pandas=True) for key, part in each.items()}
        return pa.concat_arrays([made[id(part)] for part in parts])
    return pa.array(np.concatenate(parts), type=kind, from_pandas=True)
