"""Every figure of `knockcast figures`: its name, what it needs, and how it comes out of a store."""

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cluster.analyses.reading import rows_of
from cluster.figures import overview, selection
from cluster.figures.lineages import held_out, lineage_errors
from cluster.figures.page import Drawn
from cluster.figures.targets import classes, compared, histogram
from cluster.figures.tissues import tissues
from cluster.figures.vectors import components, drugs, profiles
from cluster.results.compare import compare
from cluster.store.reader import StoreReader
from cluster.views.folds import control_folds, held_out_lineages, lineages_view
from cluster.views.genes import genes_table, scored_folds
from cluster.views.registry import view
from tasks.dataset.target_facts import CUTS
from tasks.errors import BadInputError

CELL_LINE = "cell_line"


@dataclass(frozen=True)
class Kind:
    """`requires`: what a store must hold, in words; `draw` gives None for a store that does not."""

    requires: str
    draw: Callable[[StoreReader], Drawn | None]


def _histogram(reader: StoreReader) -> Drawn | None:
    scores = scored_folds(reader).select(["method", "target", "pearson"]).to_pandas()
    return histogram(scores) if scores["pearson"].notna().any() else None


def _profiles(reader: StoreReader) -> Drawn | None:
    scores = _line_scores(reader, "profiles")
    return profiles(scores) if len(scores) else None


def _drugs(reader: StoreReader) -> Drawn | None:
    scores = _line_scores(reader, "drugs")
    return drugs(scores) if len(scores) else None


def _components(reader: StoreReader) -> Drawn | None:
    rows = reader.table("components").to_pandas()
    return components(rows) if len(rows) else None


def _classes(reader: StoreReader) -> Drawn | None:
    facts, measure = reader.targets(), reader.run.get("measure")
    return classes(facts.to_pandas(), measure) if facts is not None and measure in CUTS else None


def _line_scores(reader: StoreReader, method: str) -> pd.DataFrame:
    """The rows of `profile_scores` that one method wrote for cell lines."""
    rows = reader.table("profile_scores")
    mine = pc.and_(pc.equal(rows.column("method"), method), pc.equal(rows.column("axis"), CELL_LINE))
    return rows.filter(mine).to_pandas()


def _tissues(reader: StoreReader) -> Drawn | None:
    """Of the result whose name sorts last, should there be several."""
    rows = rows_of(reader, "tissues").to_pandas()
    return tissues(rows[rows["analysis"] == rows["analysis"].max()]) if len(rows) else None


# A store's `genes`, by reader: several figures show them, and of a genome they take a minute.
_GENES: WeakKeyDictionary[StoreReader, pd.DataFrame] = WeakKeyDictionary()


def genes_of(reader: StoreReader) -> pd.DataFrame:
    """The table `genes`, computed once a reader."""
    if reader not in _GENES:
        _GENES[reader] = genes_table(reader).to_pandas()
    return _GENES[reader]


def _methods(reader: StoreReader) -> Drawn | None:
    """The best method against the second best."""
    genes = genes_of(reader)
    mean = genes.assign(r=genes["pearson"].fillna(0)).groupby("method")["r"].mean().sort_values(kind="stable")
    return _pair(reader, mean.index[-1], mean.index[-2]) if len(mean) > 1 else None


def _one_many(reader: StoreReader) -> Drawn | None:
    """Many modifiers against the best one, by the same model."""
    held = set(genes_of(reader)["method"])
    return (
        _pair(reader, "all_modifiers", "one_modifier") if {"all_modifiers", "one_modifier"} <= held else None
    )


def _pair(reader: StoreReader, first: str, second: str) -> Drawn | None:
    try:
        made = compare(reader.fs.name, first, second)
    except BadInputError:  # no target that both score
        return None
    drawn = compared(made)
    drawn.figure.update_layout(meta={"mm": (110.0, 118.0)})
    return drawn


def _tests(reader: StoreReader) -> Drawn | None:
    rows = reader.table("modifiers", ["method", "fold", *selection.FLAGS])
    aside = pa.array(sorted(control_folds(reader.run)), pa.int32())
    rows = rows.filter(pc.invert(pc.is_in(rows.column("fold"), value_set=aside)))
    return selection.tests(rows, len(pc.unique(rows.column("fold"))))


def _modifiers(reader: StoreReader) -> Drawn | None:
    scores = reader.table("scores", ["method", "target", "fold", "n_modifiers"]).to_pandas()
    counted = scores[~scores["fold"].isin(control_folds(reader.run))]
    return selection.numbers_of_modifiers(counted.dropna(subset="n_modifiers"), genes_of(reader))


def _pathways(reader: StoreReader) -> Drawn | None:
    rows = view(reader, "enrichment").to_pandas()
    return selection.pathways(rows[rows["analysis"] == rows["analysis"].iloc[-1]]) if len(rows) else None


def _lineage_errors(reader: StoreReader) -> Drawn | None:
    lineage = {held.fold: held.lineage for held in held_out_lineages(reader.run)}
    if not lineage:
        return None
    twins = {held.twin for held in held_out_lineages(reader.run)}
    scores = reader.table("scores", ["method", "target", "fold", "rmse", "status"]).to_pandas()
    scores = scores[scores["fold"].isin(twins | set(lineage)) & (scores["status"] != "constant_target")]
    scores["lineage"] = scores["fold"].map(lineage)
    return lineage_errors(scores[["method", "target", "lineage", "rmse"]])


FIGURES = {
    "classes": Kind("facts of its dataset's targets", _classes),
    "components": Kind("canonical components (method profiles)", _components),
    "controls": Kind("predictions of targets", lambda reader: overview.controls(genes_of(reader))),
    "drugs": Kind("scores of method drugs", _drugs),
    "gain": Kind("predictions of targets", lambda reader: overview.gain(genes_of(reader))),
    "histogram": Kind("scores of targets", _histogram),
    "lineage_errors": Kind("held-out lineages (--scheme lineage)", _lineage_errors),
    "lineages": Kind(
        "held-out lineages (--scheme lineage)", lambda reader: held_out(lineages_view(reader).to_pandas())
    ),
    "methods": Kind("two methods that score the same targets", _methods),
    "model_types": Kind(
        "method that chooses among models", lambda reader: overview.model_types(genes_of(reader))
    ),
    "modifiers": Kind("modifiers", _modifiers),
    "one_many": Kind("scores of methods one_modifier and all_modifiers", _one_many),
    "pathways": Kind("gene sets (run `knockcast enrich` first)", _pathways),
    "profiles": Kind("scores of method profiles", _profiles),
    "tests": Kind("modifiers that tests chose", _tests),
    "tissues": Kind("result of `knockcast tissues`", _tissues),
}
