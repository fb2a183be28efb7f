"""Two methods' scores of the same targets on the same folds, pair by pair."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cluster.store.reader import StoreReader
from cluster.text import counted
from cluster.views.genes import genes_table, of_method, scored_folds
from modeling.statistics.paired import Paired, compare_pairs
from tasks.errors import BadInputError

BARS = (0.2, 0.4)  # the r that both papers count targets above, and twice that
SAME = ("dataset_hash", "scheme", "seed", "folds")  # what makes folds the same


@dataclass(frozen=True)
class Side:
    """One of the two: a method of a store."""

    reader: StoreReader
    method: str
    label: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """`table`: one row per target that both sides score, largest difference (first less second) first.

    Columns: target, folds (both have an r in), pearson_first, pearson_second (means over those folds),
    difference, pooled_first, pooled_second. `paired` compares the two means over targets, `pooled` the two
    pooled r; targets are not independent of each other, so intervals and p are too sure. `of_folds` is how
    many folds the run has; `alone` has the targets that one side alone scores, each with that side.
    """

    first: str
    second: str
    table: pd.DataFrame
    paired: Paired
    pooled: Paired
    of_folds: int
    alone: dict[str, str]


def compare(store: str, first: str, second: str, only: Collection[str] | None = None) -> Comparison:
    """Compare two methods of a store; either may be OTHER_STORE:method, if its folds are the same.

    Of `only`, those that both sides score are compared. Raises BadInputError, with every problem, for a
    method without scores, folds that differ, or where no target is left.
    """
    reader = StoreReader.open(store)
    sides = _sides(reader, first, second)
    if problems := _differences(*sides):
        raise BadInputError(problems)
    scores = [_scores(side, only) for side in sides]
    if not set.intersection(*(set(frame.index) for frame in scores)):
        which = "no target" if only is None else "no target of those asked"
        raise BadInputError(f"{first} and {second}: {which} has a score of both")
    return _compared(first, second, _joined(*scores), reader.run["n_folds"], _alone(first, second, *scores))


def among(made: Comparison, only: Collection[str]) -> Comparison:
    """The comparison of some of its targets: what `compare` gives with `only`, without reading again.

    Raises BadInputError where it holds none of them.
    """
    table = made.table[made.table["target"].isin(set(only))].reset_index(drop=True)
    if table.empty:
        raise BadInputError(f"--targets: none of them is scored by both {made.first} and {made.second}")
    return _compared(made.first, made.second, table, made.of_folds, made.alone)


def headlines(made: Comparison) -> list[str]:
    """The comparison in a few lines."""
    table, width = made.table, max(len(made.first), len(made.second), 8)

    def row(name: str, values: tuple[str, str]) -> str:
        return f"{name:<22}{values[0]:>{width}}  {values[1]:>{width}}"

    means = (table["pearson_first"], table["pearson_second"])
    pooled = (table["pooled_first"], table["pooled_second"])
    return [
        f"{counted(len(table), 'target')} scored by both on the same folds; r is a target's mean over the "
        f"folds that both score ({_span(table['folds'])} of {made.of_folds})",
        row("", (made.first, made.second)),
        row("mean r", _numbers(means, "mean")),
        row("median r", _numbers(means, "median")),
        *(row(f"targets with r > {bar}", _counts(means, bar)) for bar in BARS),
        row("mean pooled r", _numbers(pooled, "mean")),
        f"{made.first} is better for {counted(made.paired.first_better, 'target')}, "
        f"worse for {made.paired.second_better}",
        f"mean difference of r: {_interval(made.paired)}",
        f"mean difference of pooled r: {_interval(made.pooled)}",
        "(95% intervals over targets, taken as independent, which they are not)",
    ]


def _span(counts: pd.Series) -> str:
    """`5`, or `3 to 5`."""
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def _numbers(columns: tuple[pd.Series, pd.Series], statistic: str) -> tuple[str, str]:
    first, second = (f"{column.agg(statistic):.3f}" for column in columns)
    return first, second


def _counts(columns: tuple[pd.Series, pd.Series], bar: float) -> tuple[str, str]:
    first, second = (str(int((column > bar).sum())) for column in columns)
    return first, second


def _interval(paired: Paired) -> str:
    if np.isnan(paired.low):
        return f"{paired.mean:+.4f} (no interval: fewer than two targets, or they all differ by the same)"
    return (
        f"{paired.mean:+.4f} ({paired.low:+.4f} to {paired.high:+.4f}), "
        f"paired t p = {paired.t_p:.2g}, Wilcoxon p = {paired.wilcoxon_p:.2g}"
    )


def _sides(reader: StoreReader, *names: str) -> list[Side]:
    """Both sides; one BadInputError for what is wrong with either."""
    sides: list[Side] = []
    problems: list[str] = []
    for name in names:
        try:
            sides.append(_side(reader, name))
        except BadInputError as error:
            problems += error.problems
    if problems:
        raise BadInputError(problems)
    return sides


def _side(reader: StoreReader, name: str) -> Side:
    store, colon, method = name.rpartition(":")
    mine = StoreReader.open(store) if colon else reader
    known = sorted({unit.method for unit in mine.committed_units() if not unit.is_fold_level})
    if method not in known:
        held = ", ".join(known) or "none that predicts targets"
        raise BadInputError(f"{mine.fs.name}: no results of method {method}; it holds {held}")
    return Side(mine, method, name)


def _differences(first: Side, second: Side) -> list[str]:
    """Why the two sides' folds are not the same; empty if they are."""
    stores, runs = (
        f"{first.reader.fs.name} and {second.reader.fs.name}",
        (first.reader.run, second.reader.run),
    )
    own = [run.get("settings", {}).get("stratified", False) for run in runs]
    problems = [
        f"{stores} differ in {field}: not the same folds"
        for field in SAME
        if runs[0].get(field) != runs[1].get(field)
    ]
    if own[0] != own[1]:
        problems.append(f"{stores} differ in stratified: only one of them has folds of each target's own")
    return problems


def _scores(side: Side, only: Collection[str] | None) -> pd.DataFrame:
    """Index target and fold, columns pearson and pooled (the same in every fold of a target)."""
    scores = of_method(scored_folds(side.reader, only), side.method)
    frame = scores.select(["target", "fold", "pearson"]).to_pandas().dropna()
    genes = of_method(genes_table(side.reader, only), side.method)
    pooled = genes.select(["target", "pearson_pooled"]).to_pandas().set_index("target")["pearson_pooled"]
    return frame.assign(pooled=frame["target"].map(pooled)).set_index(["target", "fold"])


def _compared(
    first: str, second: str, table: pd.DataFrame, of_folds: int, alone: dict[str, str]
) -> Comparison:
    numbers = table.drop(columns="target").to_numpy(np.float64)
    pearson, pooled = (numbers[:, [1, 2]], numbers[:, [4, 5]])
    paired = (compare_pairs(*pearson.T), compare_pairs(*pooled.T))
    return Comparison(first, second, table, *paired, of_folds, alone)


def _alone(first: str, second: str, *scores: pd.DataFrame) -> dict[str, str]:
    """The targets that one side alone has an r of, with the name of that side."""
    one, other = (set(frame.index.get_level_values("target")) for frame in scores)
    return dict.fromkeys(one - other, first) | dict.fromkeys(other - one, second)


def _joined(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The folds that both sides score, averaged by target."""
    both = first.merge(second, left_index=True, right_index=True, suffixes=("_first", "_second"))
    by_target = both.groupby("target", sort=True)
    table = by_target.mean().assign(folds=by_target.size()).reset_index()
    table["difference"] = table["pearson_first"] - table["pearson_second"]
    columns = [
        "target",
        "folds",
        "pearson_first",
        "pearson_second",
        "difference",
        "pooled_first",
        "pooled_second",
    ]
    return table[columns].sort_values(["difference", "target"], ascending=[False, True], ignore_index=True)
