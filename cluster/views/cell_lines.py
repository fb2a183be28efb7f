"""The lineage of each row of `predictions`, and each target in each lineage."""

from collections.abc import Collection, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64, Int64

from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.views.genes import of_method, scored_folds
from cluster.views.out_of_fold import positions, training_means
from cluster.views.run_dataset import lineages_of
from modeling.statistics.grouped import within_groups
from tasks.dataset.target_facts import is_dependent
from tasks.tables.line_tables import TARGET_LINEAGES
from tasks.tables.schemas import TABLES

_VALUES = ("measured", "predicted", "predicted_lineage")
Rows = Float64[np.ndarray, " rows"]


def predictions_table(reader: StoreReader, targets: Collection[str] | None = None) -> pa.Table:
    """The committed `predictions` (of some targets), sorted, each with its line's lineage."""
    rows = reader.table("predictions", targets=targets)
    named = rows.append_column("lineage", lineage_column(rows.column("cell_line"), lineages_of(reader)))
    return named.cast(TABLES["predictions"].schema)


def lineage_column(cell_lines: pa.ChunkedArray, lineages: dict[str, str]) -> pa.Array:
    """The lineage of each of many rows, null where it is not known."""
    encoded = cell_lines.combine_chunks().dictionary_encode()
    known = pa.array([lineages.get(line) for line in encoded.dictionary.to_pylist()], pa.string())
    return known.take(encoded.indices)


def target_lineages_table(
    reader: StoreReader, only: Collection[str] | None = None, lineages: Collection[str] | None = None
) -> pa.Table:
    """One row per method, target and lineage with a prediction, sorted; of some targets or lineages only."""
    known = lineages_of(reader)
    if lineages is not None:
        known = {line: lineage for line, lineage in known.items() if lineage in lineages}
    scores = scored_folds(reader, only)
    methods = sorted(set(scores.column("method").to_pylist())) if known else []
    parts = [_lineages_of(reader, method, of_method(scores, method), only, known) for method in methods]
    table = pa.concat_tables([TARGET_LINEAGES.schema.empty_table(), *parts])
    return sort_rows(table, TARGET_LINEAGES.key).combine_chunks()


def _lineages_of(
    reader: StoreReader, method: str, scores: pa.Table, only: Collection[str] | None, known: dict[str, str]
) -> pa.Table:
    targets, folds, means = training_means(scores)
    lines = sorted(known, key=lambda line: (known[line], line))  # so that lines of a lineage lie together
    names = sorted(set(known.values()))
    lineage_of = np.array([names.index(known[line]) for line in lines], dtype=np.int64)
    parts = [*_parts(reader, method, (targets, folds, means), only, lines)]
    if not parts:
        return TARGET_LINEAGES.schema.empty_table()
    keys, *columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(keys)
    row = keys[order] // max(len(folds), 1)
    groups = row // len(lines) * len(names) + lineage_of[row % len(lines)]
    found = within_groups(groups, *(column[order] for column in columns))
    depends = is_dependent(columns[0][order], reader.run.get("measure", "effect"))
    first = np.searchsorted(groups, found.groups)
    dependent = np.add.reduceat(depends.astype(np.int64), first) if len(first) else depends
    target, lineage = np.divmod(found.groups, len(names))
    values = {
        "method": np.full(len(target), method, dtype=object),
        "target": np.array(targets.to_pylist(), dtype=object)[target],
        "lineage": np.array(names, dtype=object)[lineage],
        "n": found.n,
        "dependent": dependent,
        "mean": found.mean,
        "sd": found.sd,
        "pearson": found.r,
        "pearson_without_one": found.r_least,
        "pearson_low": found.low,
        "pearson_high": found.high,
        "p_value": found.p,
        "rmse": found.rmse,
        "rmse_lineage": found.rmse_baseline,
    }
    arrays = [pa.array(values[f.name], f.type, from_pandas=True) for f in TARGET_LINEAGES.schema]
    return pa.table(arrays, schema=TARGET_LINEAGES.schema)


def _parts(
    reader: StoreReader,
    method: str,
    scored: tuple[pa.StringArray, Int64[np.ndarray, " folds"], Float64[np.ndarray, "targets folds"]],
    only: Collection[str] | None,
    cell_lines: list[str],
) -> Iterator[tuple[Int64[np.ndarray, " rows"], Rows, Rows, Rows, Rows]]:
    """Each commit's rows of these lines: (target, line, fold) as one number, `_VALUES`, the fold's mean.

    No two rows have one number, so that ordered by it they are the same whatever the shards.
    """
    targets, folds, means = scored
    counted, lines = pa.array(folds, pa.int32()), pa.array(cell_lines, pa.string())
    for whole in reader.pieces("predictions", ("target", "fold", "cell_line", *_VALUES), only, method):
        mine = pc.and_(
            pc.is_in(whole.column("fold"), value_set=counted),
            pc.is_in(whole.column("cell_line"), value_set=lines),
        )
        part = whole.filter(mine)
        if not part.num_rows:
            continue
        target, fold = positions(part, targets, folds)
        encoded = part.column("cell_line").combine_chunks().dictionary_encode()
        line = np.asarray(pc.index_in(encoded.dictionary, value_set=lines))[np.asarray(encoded.indices)]
        measured, predicted, baseline = (
            part.column(name).to_numpy().astype(np.float64, copy=False) for name in _VALUES
        )
        key = (target * len(lines) + line) * len(folds) + fold
        yield key, measured, predicted, baseline, means[target, fold]
