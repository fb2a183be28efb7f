"""The table `ranking`: whether a cell line's strongest dependencies are those that were forecast for it."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.views.genes import of_method, scored_folds
from cluster.views.out_of_fold import positions, training_means
from modeling.statistics.ndcg import ranked
from tasks.tables.computed_tables import RANKING

VALUES = ("measured", "predicted", "predicted_lineage")
Grid = dict[str, np.ndarray]  # lines x targets by the names of VALUES


def ranking_table(reader: StoreReader) -> pa.Table:
    """One row per method and cell line predicted out of fold, sorted; see `statistics.ndcg.ranked`.

    Every value counts less the training mean of its target in the line's fold, so that what is essential in
    every line scores nothing; with the sign of the store's measure: of an effect, lower is stronger.
    """
    scores = scored_folds(reader)
    rows = [
        {"method": method, "cell_line": line, **row}
        for method in sorted(set(scores.column("method").to_pylist()))
        for line, row in _lines(*_strengths(reader, method, of_method(scores, method)))
    ]
    return sort_rows(pa.Table.from_pylist(rows, schema=RANKING.schema), RANKING.key).combine_chunks()


def _lines(lines: list[str], grid: Grid) -> Iterator[tuple[str, dict[str, float | None]]]:
    for at, line in enumerate(lines):
        measured, predicted, lineage = (grid[name][at] for name in VALUES)
        known = ~(np.isnan(measured) | np.isnan(predicted))
        model = ranked(measured[known], predicted[known])
        # A lineage that is not known says nothing: every target as usual.
        baseline = ranked(measured[known], np.nan_to_num(lineage[known]))
        values = {
            "ndcg": model.ndcg,
            "found": model.found,
            "ndcg_lineage": baseline.ndcg,
            "found_lineage": baseline.found,
            "ndcg_chance": model.chance,
        }
        yield (
            line,
            {"n": int(known.sum())} | {name: None if np.isnan(v) else v for name, v in values.items()},
        )


def _strengths(reader: StoreReader, method: str, scores: pa.Table) -> tuple[list[str], Grid]:
    """The lines predicted, and how much stronger than its target's training mean each dependency is."""
    sign = -1.0 if reader.run.get("measure", "effect") == "effect" else 1.0
    targets, folds, means = training_means(scores)
    counted = pa.array(folds, pa.int32())
    numbers: dict[str, int] = {}
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    columns = ("target", "cell_line", "fold", *VALUES)
    for _, whole in reader.parts("predictions", columns, method=method):
        part = whole.filter(pc.is_in(whole.column("fold"), value_set=counted))
        target, fold = positions(part, targets, folds)
        values = np.stack([part.column(name).to_numpy() for name in VALUES])
        line = _numbered(part.column("cell_line"), numbers)
        parts.append((line, target, sign * (values - means[target, fold])))
    grid = {name: np.full((len(numbers), len(targets)), np.nan) for name in VALUES}
    while parts:
        line, target, strengths = parts.pop()
        for name, column in zip(VALUES, strengths, strict=True):
            grid[name][line, target] = column
    return list(numbers), grid


def _numbered(column: pa.ChunkedArray, numbers: dict[str, int]) -> np.ndarray:
    """A number for each name; names not met before get the next ones."""
    names = column.combine_chunks().dictionary_encode()
    codes = [numbers.setdefault(name, len(numbers)) for name in names.dictionary.to_pylist()]
    return np.array(codes, np.int64)[np.asarray(names.indices)]
