"""What needs every target of a genome, in little memory: the table `genes` block after block, and q alone."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.genes import (
    GENES_SCHEMA,
    P_VALUES,
    genes_table,
    lacking_targets,
    of_method,
    scored_folds,
    unpredicted,
)
from cluster.views.out_of_fold import read_out_of_fold
from modeling.statistics.metrics import benjamini_hochberg
from modeling.statistics.pooling import pooled_many

TARGETS_AT_ONCE = 1500


def genes_in_blocks(
    reader: StoreReader, progress: Callable[[float], None] = lambda share: None, size: int = TARGETS_AT_ONCE
) -> pa.Table:
    """The same table as `genes_table`, in a fraction of its memory and somewhat more time.

    `progress` is called with the share that is done. Targets that were committed together are read together.
    """
    targets = [t for t, folds in _committed(reader).items() if folds != {FINAL_FOLD}]
    parts = []
    for start in range(0, len(targets), size):
        parts.append(genes_table(reader, frozenset(targets[start : start + size])))
        progress(min(1.0, (start + size) / len(targets)))
    lost = unpredicted(reader, scored_folds(reader), None)
    known = pa.array(targets, pa.string())
    lost = lost.filter(pc.invert(pc.is_in(lost.column("target"), value_set=known)))
    table = sort_rows(pa.concat_tables([GENES_SCHEMA.empty_table(), *parts, lost]), ("method", "target"))
    methods = sorted(set(table.column("method").to_pylist()))
    whole = [_with_q(reader, method, of_method(table, method)) for method in methods]
    return pa.concat_tables([GENES_SCHEMA.empty_table(), *whole]).combine_chunks()


def committed_targets(reader: StoreReader) -> list[str]:
    """The targets that any commit holds; those that were committed together lie together."""
    return list(_committed(reader))


def _committed(reader: StoreReader) -> dict[str, set[int]]:
    """The targets, in the order of the commits, with the folds committed of each."""
    found: dict[str, set[int]] = {}
    for commit in reader.commits():
        for unit in commit.units:
            if not unit.is_fold_level:
                found.setdefault(unit.target, set()).add(unit.fold)
    return found


def _with_q(reader: StoreReader, method: str, table: pa.Table) -> pa.Table:
    """One method's rows, all of them, with the q that each alone could not have."""
    scored = table.filter(pc.greater(table.column("folds"), 0))
    lacking = lacking_targets(reader, method, tuple(scored.column("target").to_pylist()))
    for name in P_VALUES:
        q = np.ones(table.num_rows)
        p = np.asarray(scored.column(f"p_{name}"))
        known = np.asarray(pc.greater(table.column("folds"), 0))
        q[known] = benjamini_hochberg(np.concatenate([p, np.ones(lacking)]))[: len(p)]
        at = table.schema.get_field_index(f"q_{name}")
        table = table.set_column(at, table.schema.field(at), pa.array(q, pa.float64()))
    return table


def q_values(reader: StoreReader, method: str) -> dict[str, float]:
    """Column `q_value` of `genes`, by target; one without a committed fold is not in it, and has q = 1."""
    rows = read_out_of_fold(
        reader, method, of_method(scored_folds(reader), method), values=("measured", "predicted")
    )
    p = np.ones(len(rows.targets))
    for block in rows.blocks():
        columns = (rows.codes[block], rows.measured[block], rows.predicted[block], rows.fold_mean[block])
        pooled = pooled_many(*columns)
        p[pooled.targets] = np.where(np.isnan(pooled.p), 1.0, pooled.p)
    lacking = lacking_targets(reader, method, rows.targets)
    q = benjamini_hochberg(np.concatenate([p, np.ones(lacking)]))
    return dict(zip(rows.targets, q[: len(p)].tolist(), strict=True))
