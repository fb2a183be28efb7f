"""The table `followed`: which genes' expression the predictions of methods on all genes follow.

The expression is that of the run's Dataset where it still lies where a run found it, else the copy that final
models predict from (`training/`), with the lineages that the store's own table `cell_lines` has.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float32, Float64, Int64

from cluster.store import layout
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.views.genes import of_method, scored_folds
from cluster.views.out_of_fold import positions, training_means
from cluster.views.run_dataset import dataset_of, lineages_of
from modeling.interpretation.followed import followed_genes, groups_of, standardised
from modeling.statistics.metrics import CONSTANT_TOLERANCE
from tasks.artifacts.files import training_of
from tasks.errors import BadInputError
from tasks.methods.registry import usable_methods
from tasks.tables.computed_tables import FOLLOWED

Deviations = Float64[np.ndarray, "lines targets"]


@dataclass(frozen=True, eq=False)
class Expression:
    """What the run's cell lines express; `groups` numbers their lineages, None where those are not known."""

    cell_lines: Sequence[str]
    genes: Sequence[str]
    values: Float32[np.ndarray, "lines genes"]
    groups: Int64[np.ndarray, " lines"] | None


def followed_table(reader: StoreReader, only: Collection[str] | None = None) -> pa.Table:
    """Up to ten genes per target (of `only`, where given) of every method that predicts from all genes.

    Raises BadInputError where there is such a method, but its expression is nowhere to be found.
    """
    on_all_genes = {method.name for method in usable_methods() if method.predicts_from == "all genes"}
    scores = scored_folds(reader, only)
    methods = sorted(on_all_genes.intersection(scores.column("method").to_pylist()))
    if not methods:
        return FOLLOWED.schema.empty_table()
    expression = reader.remember("expression", lambda: _expression_of(reader))
    parts = [_of_method(reader, method, of_method(scores, method), expression, only) for method in methods]
    return sort_rows(pa.concat_tables(parts), FOLLOWED.key).combine_chunks()


def _of_method(
    reader: StoreReader,
    method: str,
    scores: pa.Table,
    expression: Expression,
    only: Collection[str] | None,
) -> pa.Table:
    targets, predicted, measured = _deviations(reader, method, scores, expression.cell_lines, only)
    scaled = None
    if reader.keeps:
        scaled = reader.remember("standardised expression", lambda: standardised(expression.values))
    found = followed_genes(expression.values, predicted, measured, expression.groups, scaled=scaled)
    genes = np.array(expression.genes, dtype=object)
    columns = {
        "method": [method] * len(found.rank),
        "target": targets.take(pa.array(found.target)).to_pylist(),
        "gene": genes[found.gene],
        "rank": found.rank,
        "pearson": found.pearson,
        "partial": found.partial,
        "pearson_measured": found.measured,
        "partial_measured": found.measured_partial,
    }
    arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in FOLLOWED.schema]
    return pa.table(arrays, schema=FOLLOWED.schema)


def _deviations(
    reader: StoreReader,
    method: str,
    scores: pa.Table,
    cell_lines: Sequence[str],
    only: Collection[str] | None,
) -> tuple[pa.StringArray, Deviations, Deviations]:
    """Targets; predicted and measured effects less their fold's training mean, NaN where there is none."""
    targets, folds, means = training_means(scores)
    number = {line: at for at, line in enumerate(cell_lines)}
    predicted, measured = (np.full((len(cell_lines), len(targets)), np.nan) for _ in range(2))
    counted = pa.array(folds, pa.int32())
    wanted = ("target", "fold", "cell_line", "predicted", "measured")
    for whole in reader.pieces("predictions", wanted, only, method):
        part = whole.filter(pc.is_in(whole.column("fold"), value_set=counted))
        at = positions(part, targets, folds)
        encoded = part.column("cell_line").combine_chunks().dictionary_encode()
        lines = np.array([number[line] for line in encoded.dictionary.to_pylist()], dtype=np.int64)
        place = (lines[np.asarray(encoded.indices)], at[0])
        for side, name in ((predicted, "predicted"), (measured, "measured")):
            values = part.column(name).to_numpy().astype(np.float64, copy=False)
            side[place] = _less(values, means[at])
    return targets, predicted, measured


def _less(values: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Values less their mean, and 0 where only rounding is left: predicting the mean is no prediction."""
    left = values - mean
    return np.where(np.abs(left) <= CONSTANT_TOLERANCE * np.abs(mean), 0.0, left)


def _expression_of(reader: StoreReader) -> Expression:
    if (dataset := dataset_of(reader)) is not None:
        values = np.asarray(dataset.expression)
        return Expression(dataset.cell_lines, dataset.genes, values, groups_of(dataset.lineages))
    if copies := sorted(reader.fs.paths(layout.TRAINING)):
        training = training_of(reader.training(Path(copies[0]).stem))
        known = lineages_of(reader)
        groups = groups_of([known.get(line, "") for line in training.cell_lines]) if known else None
        return Expression(training.cell_lines, training.genes, training.expression, groups)
    places = ", ".join(reader.datasets()) or "no place is recorded"
    raise BadInputError(
        f"{reader.fs.name}: table followed needs the expression of the run's Dataset, which is not to be "
        f"found unchanged ({places}), and the store holds no copy: put it back, or tell the store where it "
        "is now by the same `knockcast run` on it (nothing is computed again)"
    )
