"""The genes whose expression out-of-fold predictions follow, and through which they are right.

A model on all genes names none. What can be said of it: its prediction of a target correlates with the
expression of some genes over the cell lines. Such correlations alone say little, for a kernel's predictions
lie along the strongest patterns of expression, and hundreds of genes go with those. A gene through which the
prediction is right also goes with the measured effect, by the same sign. So genes are ranked by the product
of both correlations: were the gene the only thing that prediction and measurement have in common, their own
correlation would be that product (path analysis; Wright, Annals of Mathematical Statistics 1934).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from modeling.selection.association import one_blas_thread
from modeling.selection.prepared import FEWEST_LINES, group_by_missing, standardise
from modeling.statistics.metrics import CONSTANT_TOLERANCE

MOST_GENES = 10  # of a target
FEWEST_OF_A_GROUP = 5  # a mean over fewer lines would take most of their expression away
TILE_TARGETS = 128  # targets x genes are held for so many targets at once
# Ten times what a float32 product of two correlations is off by. Genes this close to the last place are
# compared in float64, so no rounding decides which are taken.
MARGIN = 1e-5
FEWEST_LENGTH = 0.6  # of a gene over the lines that count, to be compared in float32 at all


@dataclass(frozen=True, eq=False)
class FollowedGenes:
    """One row per target and gene, by target, then `rank` (from 1).

    `target` and `gene` are columns of what was given. `pearson` is r of the prediction with the gene's
    expression, `measured` r of the measured effect with it; `partial` and `measured_partial` are the same
    with group means taken from both sides (NaN without groups, 0 where nothing varies inside them).
    """

    target: Int64[np.ndarray, " rows"]
    gene: Int64[np.ndarray, " rows"]
    rank: Int64[np.ndarray, " rows"]
    pearson: Float64[np.ndarray, " rows"]
    partial: Float64[np.ndarray, " rows"]
    measured: Float64[np.ndarray, " rows"]
    measured_partial: Float64[np.ndarray, " rows"]


def groups_of(labels: Sequence[str], fewest: int = FEWEST_OF_A_GROUP) -> Int64[np.ndarray, " lines"]:
    """Numbers of groups for labels (lineages): lines without a label are one group, small labels another.

    A label of fewer than `fewest` lines is small; all small ones are pooled.
    """
    count = Counter(labels)
    # Groups are named by kind and label: a lineage may be called anything.
    kinds = [("known", label) if count[label] >= fewest else ("small", "") for label in labels]
    named = [("unknown", "") if label == "" else kind for label, kind in zip(labels, kinds, strict=True)]
    numbers = {group: number for number, group in enumerate(sorted(set(named)))}
    return np.array([numbers[group] for group in named], dtype=np.int64)


def followed_genes(
    expression: Float[np.ndarray, "lines genes"],
    predicted: Float64[np.ndarray, "lines targets"],
    measured: Float64[np.ndarray, "lines targets"],
    groups: Int64[np.ndarray, " lines"] | None = None,
    most: int = MOST_GENES,
    scaled: Float32[np.ndarray, "genes lines"] | None = None,
) -> FollowedGenes:
    """Per target, up to `most` genes by r(prediction, gene) x r(measured, gene), of which only above 0 count.

    Both effects come less their fold's training mean, NaN where a line was not measured or not predicted;
    only lines with both count. Of equal products the earlier gene comes first. A target has no rows under 3
    lines, or where prediction or measurement do not vary. A target's numbers do not depend on which others
    come with it, to the last bit.

    `scaled` is `standardised(expression)`, from a caller who asks often: it saves most of the time of asking
    for few targets, and changes nothing.
    """
    both = np.where(np.isnan(predicted) | np.isnan(measured), np.nan, predicted)
    found: list[tuple[int, FollowedGenes]] = []
    for present, targets in group_by_missing(both):
        if present.sum() < FEWEST_LINES:
            continue
        inside = None if groups is None else groups[present]
        here = expression[present]
        known = scaled is not None and 2 * present.sum() >= len(present)
        mine = _of_lines(scaled, present) if scaled is not None and known else (standardised(here), None)
        for start in range(0, len(targets), TILE_TARGETS):
            columns = targets[start : start + TILE_TARGETS]
            at = np.ix_(present, columns)
            left, right = _unit_rows(predicted[at].T), _unit_rows(measured[at].T)
            chosen = _candidates(*mine, left, right, most)
            found += [
                (column, _ranked(column, genes, here, sides, inside, most))
                for column, genes, *sides in zip(columns.tolist(), chosen, left, right, strict=True)
            ]
    return _joined([rows for _, rows in sorted(found, key=lambda one: one[0])])


def standardised(expression: Float[np.ndarray, "lines genes"]) -> Float32[np.ndarray, "genes lines"]:
    """Genes centred and scaled to unit length, constant ones 0, in blocks that bound the float64 copies."""
    lines, genes = expression.shape
    out = np.empty((genes, lines), np.float32)
    for start in range(0, genes, 1024):
        rows = slice(start, start + 1024)
        out[rows] = standardise(np.ascontiguousarray(expression[:, rows].T, dtype=np.float64))
    return out


def _unit_rows(rows: Float64[np.ndarray, "rows lines"]) -> Float64[np.ndarray, "rows lines"]:
    """Rows centred and scaled to unit length; 0 where a row varies by rounding only."""
    rows = np.ascontiguousarray(rows)
    varies = np.ptp(rows, axis=1) > CONSTANT_TOLERANCE * np.abs(rows).max(axis=1)
    return np.where(varies[:, None], standardise(rows), 0.0)


@dataclass(frozen=True, eq=False)
class _SomeLines:
    """Which lines of a matrix that was standardised over all count, and each gene's length over those."""

    present: Bool[np.ndarray, " lines"]
    length: Float32[np.ndarray, " genes"]


def _of_lines(
    scaled: Float32[np.ndarray, "genes lines"], present: Bool[np.ndarray, " lines"]
) -> tuple[Float32[np.ndarray, "genes lines"], _SomeLines | None]:
    if present.all():
        return scaled, None
    lost = scaled[:, ~present].astype(np.float64)
    left = 1 - (lost * lost).sum(axis=1) - lost.sum(axis=1) ** 2 / present.sum()
    return scaled, _SomeLines(present, np.sqrt(np.maximum(left, 0)).astype(np.float32))


def _candidates(
    genes: Float32[np.ndarray, "genes lines"],
    some: _SomeLines | None,
    predicted: Float64[np.ndarray, "targets some"],
    measured: Float64[np.ndarray, "targets some"],
    most: int,
) -> Iterator[Int64[np.ndarray, " few"]]:
    """Per target every gene that may be among its `most`, ascending."""
    sides = [side.astype(np.float32) for side in (predicted, measured)]
    if some is not None:
        sides = [_spread(side, some.present) for side in sides]
    with one_blas_thread():
        product = sides[0] @ genes.T
        product *= sides[1] @ genes.T
    unsure = np.zeros(len(genes), dtype=bool)
    if some is not None:  # of a gene that hardly varies over these lines float32 says little
        unsure = some.length < FEWEST_LENGTH
        product /= np.where(unsure, 1, some.length) ** 2
        product[:, unsure] = -np.inf
    for row in product:
        last = np.partition(row, -most)[-most] if most < len(row) else -np.inf
        yield np.flatnonzero((row >= max(last - 2 * MARGIN, -MARGIN)) | unsure)


def _spread(
    rows: Float32[np.ndarray, "rows some"], present: Bool[np.ndarray, " lines"]
) -> Float32[np.ndarray, "rows lines"]:
    """Over all lines, 0 where a line does not count."""
    out = np.zeros((len(rows), len(present)), np.float32)
    out[:, present] = rows
    return out


def _ranked(
    target: int,
    genes: Int64[np.ndarray, " few"],
    expression: Float[np.ndarray, "lines genes"],
    sides: Sequence[Float64[np.ndarray, " lines"]],
    groups: Int64[np.ndarray, " lines"] | None,
    most: int,
) -> FollowedGenes:
    """One target's rows, from float64."""
    predicted, measured = sides
    if not (predicted.any() and measured.any()):
        genes = genes[:0]
    values = np.ascontiguousarray(expression[:, genes].T, dtype=np.float64)
    scaled = standardise(values) if len(genes) else values
    r, r_measured = (np.clip(np.vecdot(scaled, side), -1.0, 1.0) for side in sides)
    order = np.argsort(-(r * r_measured), kind="stable")
    order = order[(r * r_measured)[order] > 0][:most]
    partial = [np.full(len(order), np.nan)] * 2
    if groups is not None and len(order):
        inside = _within(values[order], groups)
        partial = [_partial(inside, side, groups) for side in sides]
    rank = np.arange(1, len(order) + 1)
    return FollowedGenes(
        np.full(len(order), target), genes[order], rank, r[order], partial[0], r_measured[order], partial[1]
    )


def _partial(
    inside: Float64[np.ndarray, "genes lines"],
    side: Float64[np.ndarray, " lines"],
    groups: Int64[np.ndarray, " lines"],
) -> Float64[np.ndarray, " genes"]:
    """r of what is left of both within groups."""
    return np.clip(np.vecdot(inside, _within(side[None], groups)[0]), -1.0, 1.0)


def _within(
    rows: Float64[np.ndarray, "rows lines"], groups: Int64[np.ndarray, " lines"]
) -> Float64[np.ndarray, "rows lines"]:
    """Rows less the mean of each line's group, scaled to unit length; 0 where only rounding is left."""
    left = rows.copy()
    for group in np.unique(groups):
        mine = groups == group
        left[:, mine] -= left[:, mine].mean(axis=1, keepdims=True)
    nothing: Bool[np.ndarray, " rows"] = np.abs(left).max(axis=1) <= CONSTANT_TOLERANCE * np.abs(rows).max(
        axis=1
    )
    return np.where(nothing[:, None], 0.0, standardise(left))


def _joined(parts: Sequence[FollowedGenes]) -> FollowedGenes:
    whole = np.zeros(0, np.int64)
    real = np.zeros(0)
    empty = FollowedGenes(whole, whole, whole, real, real, real, real)
    columns = [[getattr(part, field.name) for part in (empty, *parts)] for field in fields(FollowedGenes)]
    return FollowedGenes(*(np.concatenate(column) for column in columns))
