"""The tables a shard writes: their columns (the contract), their keys, and how rows become Arrow tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

_UNIT = [("method", pa.string()), ("target", pa.string()), ("fold", pa.int32())]
_REAL = pa.float64()
_TEXT = pa.string()
_COUNT = pa.int32()

RECONSTRUCTION = ("lines_uncentred", "lines", "genes")

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
            # `parameters` names (`tasks.artifacts.training_expression`).
            ("weights", pa.binary()),
            ("sha256", _TEXT),
            ("status", _TEXT),
            ("reason", _TEXT),
            ("seconds", _REAL),
        ]
    ),
    # What a fold's shared networks came to. The r are means: over lines of r over genes as they are
    # (`lines_uncentred`, the paper's way, which the mean profile inflates) and less each gene's training
    # mean (`lines`), and over genes of r over lines (`genes`); of what each network gives back of the test
    # lines, and with `_train` of the training lines.
    "networks": pa.schema(
        [
            ("method", _TEXT),
            ("fold", _COUNT),
            ("network", _TEXT),
            ("layers", pa.list_(_COUNT)),
            ("n_train", _COUNT),
            ("epochs", _COUNT),
            ("best_epoch", _COUNT),
            ("train_loss", _REAL),
            ("validation_loss", _REAL),
            *((f"{name}{of}", _REAL) for of in ("", "_train") for name in RECONSTRUCTION),
            ("status", _TEXT),
            ("reason", _TEXT),
            ("seconds", _REAL),
        ]
    ),
    # The architectures tried for a network, on an inner 80/20 split of a fold's training lines; `values` are
    # the training values that the weights should not outnumber.
    "searches": pa.schema(
        [
            ("method", _TEXT),
            ("fold", _COUNT),
            ("network", _TEXT),
            ("hidden_layers", _COUNT),
            ("units", _COUNT),
            ("weights", pa.int64()),
            ("values", pa.int64()),
            ("epochs", _COUNT),
            ("validation_loss", _REAL),
            ("chosen", pa.bool_()),
            ("nested", pa.bool_()),
            ("seconds", _REAL),
        ]
    ),
    # Forecasts of whole vectors (methods `profiles` and `drugs`): r over all that was tested of one cell
    # line (`axis` "cell_line"), or over the cell lines of one gene or drug (`axis` "gene", "drug").
    "profile_scores": pa.schema(
        [
            ("method", _TEXT),
            ("fold", _COUNT),
            ("model", _TEXT),
            ("features", _TEXT),
            ("axis", _TEXT),
            ("name", _TEXT),
            ("n", _COUNT),
            ("pearson", _REAL),
            ("spearman", _REAL),
        ]
    ),
    # Canonical components of expression and dependency profiles, strongest first.
    "components": pa.schema(
        [
            ("method", _TEXT),
            ("fold", _COUNT),
            ("component", _COUNT),
            ("pearson_train", _REAL),
            ("pearson", _REAL),
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
    "networks": ("method", "fold", "network"),
    "searches": ("method", "fold", "network", "hidden_layers", "units"),
    "profile_scores": ("method", "fold", "model", "features", "axis", "name"),
    "components": ("method", "fold", "component"),
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
