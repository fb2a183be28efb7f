"""The table `cell_lines`, the lineage it gives each row of `predictions`, and each target in each lineage."""

from collections.abc import Collection, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64, Int64

from cluster.store import layout
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.store.records import targets_of
from cluster.views.genes import of_method, scored_folds
from cluster.views.out_of_fold import positions, training_means
from cluster.views.run_dataset import dataset_of
from modeling.folds import Fold
from modeling.statistics.grouped import within_groups
from tasks.dataset.line_facts import line_facts
from tasks.dataset.target_facts import is_dependent
from tasks.tables.line_tables import CELL_LINES, TARGET_LINEAGES
from tasks.tables.schemas import TABLES

_VALUES = ("measured", "predicted", "predicted_lineage")
Rows = Float64[np.ndarray, " rows"]


def cell_lines_table(reader: StoreReader) -> pa.Table:
    """One row per cell line, sorted; `CELL_LINES`.

    As the run wrote it. Stores of releases before 0.2 hold none: then from the Dataset, should it lie where a
    run found it, with the folds that predictions tell; else the lines predicted, with nothing but folds.
    """
    path = layout.cell_lines_path(str(reader.run.get("dataset_hash")))
    if reader.fs.exists(path):
        return _typed(targets_of(reader.body(path)))
    tested = _tested(reader)
    if (dataset := dataset_of(reader, verify=False)) is None:
        columns = {"cell_line": sorted(tested), "folds": [sorted(tested[line]) for line in sorted(tested)]}
        return _typed(pa.table({n: pa.array(v, CELL_LINES.schema.field(n).type) for n, v in columns.items()}))
    row = {line: at for at, line in enumerate(dataset.cell_lines)}
    none = np.arange(0)
    numbers = sorted({fold for folds in tested.values() for fold in folds})
    folds = [
        Fold(fold, "", none, np.array([row[line] for line, of in tested.items() if fold in of], np.int64))
        for fold in numbers
    ]
    return sort_rows(line_facts(dataset, folds), CELL_LINES.key)


def lineages_of(reader: StoreReader) -> dict[str, str]:
    """Each cell line's lineage, of those whose lineage is known."""
    lines = reader.remember("cell lines", lambda: cell_lines_table(reader))
    pairs = zip(lines.column("cell_line").to_pylist(), lines.column("lineage").to_pylist(), strict=True)
    return {line: lineage for line, lineage in pairs if lineage is not None}


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


def _typed(lines: pa.Table) -> pa.Table:
    """With the columns of the table, in its order: those that are missing null."""
    columns = [
        lines.column(f.name).cast(f.type) if f.name in lines.column_names else pa.nulls(len(lines), f.type)
        for f in CELL_LINES.schema
    ]
    return pa.table(columns, schema=CELL_LINES.schema)


def _tested(reader: StoreReader) -> dict[str, set[int]]:
    """The lines that were predicted, and in which folds."""
    found: dict[str, set[int]] = {}
    for _, part in reader.parts("predictions", ("cell_line", "fold")):
        pairs = part.group_by(["cell_line", "fold"]).aggregate([])
        for line, fold in zip(
            pairs.column("cell_line").to_pylist(), pairs.column("fold").to_pylist(), strict=True
        ):
            found.setdefault(line, set()).add(fold)
    return found


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
