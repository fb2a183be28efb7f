"""A gene's lineages: how strongly each depends on it, and how well it is predicted there."""

import math
from typing import Any

import pandas as pd
from dash import dcc, html

from cluster.explorer import charts
from cluster.explorer.data import StoreData
from cluster.explorer.pages.parts import Shown, chart, number, section, small_table
from cluster.explorer.state import gene_path
from tasks.analyses.answer.evidence import LineageScore
from tasks.analyses.answer.verdict import FDR, FEWEST_LINES, Verdict

MEASURES = {"effect": "gene effect", "dependency": "dependency probability", "level": "dependency level"}


def lineages(
    data: StoreData, verdict: Verdict, method: str, rows: pd.DataFrame, other: str
) -> list[html.Section]:
    """Boxes and a table, a row for each lineage, the strongest dependency first; nothing where none is known.

    `rows`: the method's predictions. The numbers are those that the verdict rests on.
    """
    found = verdict.evidence.lineages
    if not found:
        return []
    target, measure = verdict.evidence.target, verdict.evidence.measure
    effect, higher = MEASURES.get(measure, "effect"), measure != "effect"
    table = pd.DataFrame([vars(x) | {"holds": _holds(x, verdict)} for x in found])
    table = table.sort_values("mean", ascending=not higher, kind="stable", ignore_index=True)

    def link(row: Any) -> dcc.Link:
        path = gene_path(target, method=method, lineage=row.lineage, **{"with": other})
        return dcc.Link(row.lineage, href=path)

    content: list[Any] = [
        small_table(table, (Shown("Lineage", link, is_number=False), *_COLUMNS), f"{target} by lineage")
    ]
    several = int((rows.groupby("lineage").size() >= charts.FEW).sum())
    if several > 1:
        boxes = charts.by_lineage(rows, effect, higher)
        content.insert(0, chart(boxes, f"Box plots: {effect} of {target} by lineage", 120 + 24 * several))
    note = f"r within a lineage is shown from {FEWEST_LINES} lines on. Follow one to see it stand out above."
    return [section("Lineages", html.Div(content, className="pair wide"), note=note, id="lineages")]


def _holds(lineage: LineageScore, verdict: Verdict) -> str:
    if lineage.n < FEWEST_LINES or math.isnan(lineage.pearson):
        return "–"
    if lineage in verdict.holds:
        return "yes"
    return "one\u00a0line" if lineage.q < FDR else "not\u00a0shown"  # on one line


def _interval(row: Any) -> str:
    return "–" if pd.isna(row.low) else f"{number(row.low, 2)} to {number(row.high, 2)}"


_COLUMNS = (
    Shown("Lines", lambda row: number(row.n, 0)),
    Shown("Depend", lambda row: number(row.dependent, 0), "lines that depend on the gene"),
    Shown("Mean", lambda row: number(row.mean, 2), "mean measured effect"),
    Shown("r", lambda row: number(row.pearson, 2), "measured against predicted within the lineage"),
    Shown("95 %", _interval, "interval of that r"),
    Shown(
        "Holds",
        lambda row: row.holds,
        "whether a prediction is shown within the lineage; one line: only with one of its lines",
        is_number=False,
    ),
    Shown("Error", lambda row: number(row.rmse, 2), "RMSE of the predictions"),
    Shown("Of mean", lambda row: number(row.rmse_lineage, 2), "RMSE of predicting the lineage's mean"),
)
