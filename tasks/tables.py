"""The tables a shard writes: their columns (the contract), their keys, and how rows become Arrow tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

_UNIT = [("method", pa.string()), ("target", pa.string()), ("fold", pa.int32())]
_REAL = pa.float64()
_TEXT = pa.string()
_COUNT = pa.int32()

SCHEMAS: dict[str, pa.Schema] = {
    "scores": pa.schema(
        [
            *_UNIT,
            ("model", _TEXT),
            ("n_train", _COUNT),
            ("n_test", _COUNT),
            ("n_modifiers", _COUNT),
            ("pearson", _REAL),
            ("spearman", _REAL),
            ("rmse", _REAL),
            ("rmse_mean", _REAL),
            ("pearson_lineage", _REAL),
            ("pearson_own", _REAL),
            ("train_mean", _REAL),
            ("status", _TEXT),
            ("reason", _TEXT),
            ("seconds", _REAL),
        ]
    ),
    "modifiers": pa.schema(
        [
            *_UNIT,
            ("modifier", _TEXT),
            ("pearson", _REAL),
            ("pearson_q", _REAL),
            ("spearman", _REAL),
            ("spearman_q", _REAL),
            ("chi2", _REAL),
            ("chi2_q", _REAL),
            ("by_pearson", pa.bool_()),
            ("by_spearman", pa.bool_()),
            ("by_chi2", pa.bool_()),
            ("rank", _COUNT),
        ]
    ),
    "candidates": pa.schema(
        [
            *_UNIT,
            ("candidate", _TEXT),
            ("parameters", _TEXT),
            ("validation_rmse", _REAL),
            ("chosen", pa.bool_()),
            ("status", _TEXT),
            ("reason", _TEXT),
            ("seconds", _REAL),
        ]
    ),
    "predictions": pa.schema(
        [
            ("method", _TEXT),
            ("target", _TEXT),
            ("cell_line", _TEXT),
            ("fold", _COUNT),
            ("measured", _REAL),
            ("predicted", _REAL),
            ("predicted_lineage", _REAL),
            ("predicted_own", _REAL),
        ]
    ),
    "models": pa.schema(
        [
            ("method", _TEXT),
            ("target", _TEXT),
            ("kind", _TEXT),
            ("parameters", _TEXT),
            ("n_train", _COUNT),
            ("train_mean", _REAL),
            ("modifiers", pa.list_(_TEXT)),
            ("intercept", _REAL),
            ("coefficients", pa.list_(_REAL)),
            # The model's own file (safetensors) stands in its row, not beside it: a row then has the same
            # bytes whatever shard its target was fitted in. Null for linear kinds: coefficients say all. Of
            # methods on all genes it holds the dual coefficients, one for each cell line of the file that
            # `parameters` names (`tasks.training`).
            ("weights", pa.binary()),
            ("sha256", _TEXT),
            ("status", _TEXT),
            ("reason", _TEXT),
            ("seconds", _REAL),
        ]
    ),
    "failures": pa.schema([*_UNIT, ("status", _TEXT), ("error", _TEXT), ("attempts", _COUNT)]),
}

KEYS: dict[str, tuple[str, ...]] = {
    "scores": ("method", "target", "fold"),
    "modifiers": ("method", "target", "fold", "modifier"),
    "candidates": ("method", "target", "fold", "candidate"),
    # A line may be tested twice: with its lineage, and in the random twin of one.
    "predictions": ("method", "target", "cell_line", "fold"),
    "models": ("method", "target"),
    "failures": ("method", "target", "fold"),
}

# The only columns that may differ between two runs of the same configuration.
MAY_DIFFER = ("seconds", "host", "attempts", "bytes")


def table_of(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows (one mapping each, or columns of equal length in each) as the named table; NaN becomes null.

    A mapping's value may be a scalar or an array: a mapping with arrays stands for as many rows as the
    arrays are long, its scalars repeated. A missing column is null.
    """
    schema = SCHEMAS[name]
    unknown = {column for row in rows for column in row} - set(schema.names)
    if unknown:
        raise KeyError(f"table {name}: columns {sorted(unknown)} are not in its schema {schema.names}")
    lengths = [_length(row) for row in rows]
    return pa.table(
        [_column([row.get(f.name) for row in rows], f.type, lengths) for f in schema], schema=schema
    )


def _length(row: Mapping[str, Any]) -> int:
    """How many rows of the table a mapping stands for."""
    lengths = {len(value) for value in row.values() if isinstance(value, np.ndarray)}
    if len(lengths) > 1:
        raise ValueError(f"columns of one block differ in length: {sorted(lengths)}")
    return lengths.pop() if lengths else 1


def _column(values: Sequence[Any], kind: pa.DataType, lengths: Sequence[int]) -> pa.Array:
    """One column of all blocks: their arrays end to end, their scalars as often as the block has rows."""
    if any(isinstance(value, np.ndarray) for value in values):
        parts = [
            value if isinstance(value, np.ndarray) else np.full(n, value)
            for value, n in zip(values, lengths, strict=True)
        ]
        return pa.array(np.concatenate(parts), type=kind, from_pandas=True)
    column = pa.array(values, type=kind, from_pandas=True)
    return (
        column if all(n == 1 for n in lengths) else column.take(np.repeat(np.arange(len(lengths)), lengths))
    )
