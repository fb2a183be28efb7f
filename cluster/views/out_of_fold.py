"""A method's out-of-fold predictions, target after target, in memory that a whole genome fits into."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64, Int16, Int64

from cluster.store.reader import StoreReader

ROWS_AT_ONCE = 1 << 20
PREDICTIONS = (
    "measured",
    "predicted",
    "predicted_lineage",
    "predicted_own",
    "predicted_confounders",
    "predicted_expression",
)

T = TypeVar("T")
Rows = Float64[np.ndarray, " rows"]


@dataclass(frozen=True, eq=False)
class Spans:
    """Where targets' rows lie among rows sorted by target: target i's from `starts[i]` to the next start."""

    place: dict[str, int]
    starts: Int64[np.ndarray, " ends"]

    @classmethod
    def among(cls, targets: Sequence[str], codes: Int64[np.ndarray, " rows"]) -> "Spans":
        """From the targets and each row's position among them, which must not decrease."""
        place = {target: i for i, target in enumerate(targets)}
        return cls(place, np.searchsorted(codes, np.arange(len(targets) + 1)))

    def of(self, target: str) -> slice:
        """A target's rows; none of one that is not there."""
        if target not in self.place:
            return slice(0, 0)
        return slice(*self.starts[self.place[target] : self.place[target] + 2])


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Rows sorted by target, fold and cell line. `codes` are positions in `targets`; missing is NaN.

    `folds` are positions among the folds read; `fold_mean` is the training mean of the row's fold.
    `lineage` numbers the lines' lineages, -1 where it is unknown; None where none is, or none was asked for.
    """

    targets: tuple[str, ...]
    codes: Int64[np.ndarray, " rows"]
    folds: Int64[np.ndarray, " rows"]
    fold_mean: Rows
    measured: Rows
    predicted: Rows
    predicted_lineage: Rows
    predicted_own: Rows
    predicted_confounders: Rows
    predicted_expression: Rows
    lineage: Int16[np.ndarray, " rows"] | None = None

    def of_expression(self) -> "OutOfFold":
        """The same with what expression alone predicts, where a method read other inputs too.

        That is what its final models are judged by: they are of expression alone.
        """
        alone = ~np.isnan(self.predicted_expression)
        if not alone.any():
            return self
        return replace(self, predicted=np.where(alone, self.predicted_expression, self.predicted))

    def blocks(self, rows: int = ROWS_AT_ONCE) -> Iterator[slice]:
        """Slices of whole targets, each of about `rows` rows."""
        ends = np.flatnonzero(np.diff(self.codes, append=-1)) + 1
        start = 0
        while start < len(self.codes):
            last = min(int(np.searchsorted(ends, start + rows)), len(ends) - 1)
            stop = int(ends[last])
            yield slice(start, stop)
            start = stop


def read_out_of_fold(
    reader: StoreReader,
    method: str,
    scores: pa.Table,
    only: Collection[str] | None = None,
    values: Sequence[str] = PREDICTIONS,
    lineages: Mapping[str, str] | None = None,
) -> OutOfFold:
    """The method's predictions (of some targets) in the folds of `scores`: target, fold and train_mean.

    Of `PREDICTIONS`, those that are not among `values` are not read, and NaN. `lineages` has the lineage of
    each cell line where that is known and asked for.
    """
    targets, folds, means = training_means(scores)
    groups, columns, lineage = _gather(reader, method, targets, folds, only, values, lineages or {})
    order = np.argsort(groups, kind="stable")
    groups = groups[order]
    codes, fold = np.divmod(groups, len(folds)) if len(folds) else (groups, groups)
    none = np.broadcast_to(np.nan, len(order))
    read = {name: columns.pop(name)[order] if name in columns else none for name in PREDICTIONS}
    return OutOfFold(
        targets=tuple(targets.to_pylist()),
        codes=codes,
        folds=fold,
        fold_mean=means.ravel()[groups],
        lineage=lineage[order] if lineages else None,
        **read,
    )


def training_means(
    scores: pa.Table,
) -> tuple[pa.StringArray, Int64[np.ndarray, " folds"], Float64[np.ndarray, "targets folds"]]:
    """The targets (sorted) and folds of `scores`, and each target's training mean in each, NaN without."""
    targets = pa.array(sorted(set(scores.column("target").to_pylist())), pa.string())
    folds = np.unique(np.asarray(scores.column("fold")).astype(np.int64))
    means = np.full((len(targets), len(folds)), np.nan)
    means[positions(scores, targets, folds)] = _real(scores, "train_mean")
    return targets, folds, means


def positions(
    rows: pa.Table, targets: pa.StringArray, folds: Int64[np.ndarray, " folds"]
) -> tuple[Int64[np.ndarray, " rows"], Int64[np.ndarray, " rows"]]:
    """Each row's place among the targets and among the folds, which all must be there."""
    encoded = rows.column("target").combine_chunks().dictionary_encode()
    places = np.asarray(pc.index_in(encoded.dictionary, value_set=targets)).astype(np.int64)
    return places[np.asarray(encoded.indices)], np.searchsorted(folds, np.asarray(rows.column("fold")))


def _gather(
    reader: StoreReader,
    method: str,
    targets: pa.Array,
    folds: np.ndarray,
    only: Collection[str] | None,
    values: Sequence[str],
    lineages: Mapping[str, str],
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Every row's (target, fold) as one number, values, and lineage's number, in the order of the files."""
    most = sum(file.rows or 0 for _, file in reader.files("predictions"))
    groups = np.empty(most, np.int64)
    columns = {name: np.empty(most) for name in values}
    lineage = np.full(most if lineages else 0, -1, np.int16)
    number = {name: at for at, name in enumerate(sorted(set(lineages.values())))}
    read_too = ("cell_line",) if lineages else ()
    filled = 0
    counted = pa.array(folds, pa.int32())
    for whole in _ahead(reader.pieces("predictions", ("target", "fold", *read_too, *values), only, method)):
        read = pc.is_in(whole.column("fold"), value_set=counted)
        part = whole if pc.all(read, min_count=0).as_py() else whole.filter(read)
        here = slice(filled, filled + part.num_rows)
        target, fold = positions(part, targets, folds)
        groups[here] = target * len(folds) + fold
        for name, column in columns.items():
            column[here] = _real(part, name)
        if lineages:
            lines = part.column("cell_line").combine_chunks().dictionary_encode()
            known = [number.get(lineages.get(line, ""), -1) for line in lines.dictionary.to_pylist()]
            lineage[here] = np.array(known, np.int16)[np.asarray(lines.indices)]
        filled = here.stop
    return groups[:filled], {name: column[:filled] for name, column in columns.items()}, lineage[:filled]


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, each one made by a thread while the one before is used: reading and checking take half."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield cast("T", item)


def _real(table: pa.Table, name: str) -> np.ndarray:
    return table.column(name).to_numpy().astype(np.float64, copy=False)
