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
from modeling.statistics.pooling import runs_of

ROWS_AT_ONCE = 1 << 16  # columns of so many stay in a core's cache
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
    runs, columns, lineage = _gather(reader, method, targets, folds, only, values, lineages or {})
    order = np.argsort(runs.group, kind="stable")
    group, length = runs.group[order], runs.length[order]
    rows = runs.rows(order)
    code, fold = np.divmod(group, max(len(folds), 1))
    none = np.broadcast_to(np.nan, int(length.sum()))
    read = {name: columns.pop(name)[rows] if name in columns else none for name in PREDICTIONS}
    return OutOfFold(
        targets=tuple(targets.to_pylist()),
        codes=np.repeat(code, length),
        folds=np.repeat(fold, length),
        fold_mean=np.repeat(means.ravel()[group], length),
        lineage=lineage[rows] if lineages else None,
        **read,
    )


@dataclass(frozen=True, eq=False)
class _Runs:
    """Rows as they lie in the files: stretches of one target and fold (as one number), and their lengths."""

    group: Int64[np.ndarray, " runs"]
    length: Int64[np.ndarray, " runs"]

    @classmethod
    def of(cls, groups: Int64[np.ndarray, " rows"]) -> "_Runs":
        """The stretches of some rows."""
        group, _, length = runs_of(groups)
        return cls(group, length)

    @classmethod
    def joined(cls, parts: Sequence["_Runs"]) -> "_Runs":
        """Those of one part after the other."""
        none = np.empty(0, np.int64)
        group = np.concatenate([none, *(part.group for part in parts)])
        return cls(group, np.concatenate([none, *(part.length for part in parts)]))

    def rows(self, order: Int64[np.ndarray, " runs"]) -> slice | Int64[np.ndarray, " rows"]:
        """The rows of the stretches in another order; a slice where that changes nothing."""
        if (order[1:] > order[:-1]).all():
            return slice(None)
        length = self.length[order]
        begins = (np.cumsum(self.length) - self.length)[order]
        moved = begins - (np.cumsum(length) - length)
        shifted: Int64[np.ndarray, " rows"] = np.repeat(moved, length) + np.arange(int(length.sum()))
        return shifted


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
    encoded = _encoded(rows.column("target"))
    known = pc.index_in(encoded.dictionary, value_set=targets)  # a file's dictionary may name others, too
    places = np.asarray(pc.fill_null(known, -1)).astype(np.int64)
    return places[np.asarray(encoded.indices)], np.searchsorted(folds, np.asarray(rows.column("fold")))


def _gather(
    reader: StoreReader,
    method: str,
    targets: pa.Array,
    folds: np.ndarray,
    only: Collection[str] | None,
    values: Sequence[str],
    lineages: Mapping[str, str],
) -> tuple[_Runs, dict[str, np.ndarray], np.ndarray]:
    """Every row's target and fold, values, and lineage's number, in the order of the files."""
    most = sum(file.rows or 0 for _, file in reader.files("predictions"))
    runs: list[_Runs] = []
    columns = {name: np.empty(most) for name in values}
    lineage = np.full(most if lineages else 0, -1, np.int16)
    number = {name: at for at, name in enumerate(sorted(set(lineages.values())))}
    read_too = ("cell_line",) if lineages else ()
    filled = 0
    counted = pa.array(folds, pa.int32())
    asked = ("target", "fold", *read_too, *values)
    for whole in _ahead(reader.pieces("predictions", asked, only, method, dictionaries=True)):
        read = pc.is_in(whole.column("fold"), value_set=counted)
        part = whole if pc.all(read, min_count=0).as_py() else whole.filter(read)
        here = slice(filled, filled + part.num_rows)
        target, fold = positions(part, targets, folds)
        runs.append(_Runs.of(target * len(folds) + fold))
        for name, column in columns.items():
            column[here] = _real(part, name)
        if lineages:
            lines = _encoded(part.column("cell_line"))
            known = [number.get(lineages.get(line, ""), -1) for line in lines.dictionary.to_pylist()]
            lineage[here] = np.array(known, np.int16)[np.asarray(lines.indices)]
        filled = here.stop
    values_read = {name: column[:filled] for name, column in columns.items()}
    return _Runs.joined(runs), values_read, lineage[:filled]


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, each one made by a thread while the one before is used: reading and checking take half."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield cast("T", item)


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Text as positions in a dictionary, which it may be already."""
    whole = column.combine_chunks()
    return whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()


def _real(table: pa.Table, name: str) -> np.ndarray:
    return table.column(name).to_numpy().astype(np.float64, copy=False)
