"""Every figure of `knockcast figures`: its name, what it needs, and how it comes out of a store."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pyarrow.compute as pc

from cluster.analyses.reading import rows_of
from cluster.figures.page import Drawn
from cluster.figures.targets import classes, histogram
from cluster.figures.tissues import tissues
from cluster.figures.vectors import components, drugs, profiles
from cluster.store.reader import StoreReader
from cluster.views.genes import scored_folds
from tasks.dataset.target_facts import CUTS

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


FIGURES = {
    "classes": Kind("facts of its dataset's targets", _classes),
    "components": Kind("canonical components (method profiles)", _components),
    "drugs": Kind("scores of method drugs", _drugs),
    "histogram": Kind("scores of targets", _histogram),
    "profiles": Kind("scores of method profiles", _profiles),
    "tissues": Kind("result of `knockcast tissues`", _tissues),
}
