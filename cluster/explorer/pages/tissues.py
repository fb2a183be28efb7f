"""What `knockcast tissues` found: targets whose predictions differ between groups of samples."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from dash import html

from cluster.explorer.charts import as_panel
from cluster.explorer.data import StoreData
from cluster.explorer.pages.parts import (
    Page,
    Shown,
    answer,
    chart,
    gene_link,
    nothing,
    number,
    section,
    small_table,
    switch,
    tiny,
)
from cluster.explorer.state import address
from cluster.figures.tissues import LEAST_R, LEVEL, tissues
from tasks.analyses.answer.wording import listed

LISTED, NAMED = 40, 3
AGAINST = {"others": "the samples of all other groups", "normal": "normal tissues"}


def page(data: StoreData, given: Mapping[str, str]) -> Page:
    """One result (`?result=`): what stands out in one group (`?group=`) against `?against=`."""
    every = data.table("tissues")
    if every.empty:
        return nothing(
            "No groups compared yet",
            "The command tissues compares what is predicted of groups of samples; this store has no result:",
            html.Code(f"knockcast tissues {data.path} predictions.csv --groups FILE"),
        )
    results = sorted(every["analysis"].unique())
    result = _one(given, "result", results)
    rows = every[every["analysis"] == result]
    kinds = [kind for kind in AGAINST if (rows["against"] == kind).any()]
    against = _one(given, "against", kinds)
    mine = rows[rows["against"] == against]
    groups = sorted(mine["group"].unique())
    group = _one(given, "group", groups)
    good = _standing_out(mine)

    def links(name: str, values: list[str]) -> list[tuple[str, str]]:
        now = {"result": result, "against": against, "group": group}
        return [(value, address("/tissues", **(now | {name: value}))) for value in values]

    content = [
        html.H1("Tissues"),
        answer(*_sentences(mine, good, against)),
        *([switch("Result", links("result", results), result)] if len(results) > 1 else []),
        *([switch("Against", links("against", kinds), against)] if len(kinds) > 1 else []),
        switch("Group", links("group", groups), group),
        _table(good[good["group"] == group], group, against),
        *_figure(rows, good),
    ]
    return Page("Tissues", html.Article(content))


def _one(given: Mapping[str, str], name: str, known: list[str]) -> str:
    return given[name] if given.get(name) in known else known[0]


def _standing_out(rows: pd.DataFrame) -> pd.DataFrame:
    """Where a group is predicted more dependent, by targets that are predicted at all; strongest first."""
    known = rows["pearson_pooled"].notna().any()
    trusted = rows["pearson_pooled"].fillna(-1) >= (LEAST_R if known else -1)
    good = rows[rows["stronger"].fillna(False).astype(bool) & (rows["q_value"] < LEVEL) & trusted]
    order = good["difference"].abs().sort_values(ascending=False, kind="stable").index
    return good.loc[order]


def _sentences(rows: pd.DataFrame, good: pd.DataFrame, against: str) -> list[str]:
    targets, groups = rows["target"].nunique(), rows["group"].nunique()
    said = [
        f"Of {number(targets, 0)} targets, {number(good['target'].nunique(), 0)} are predicted to be needed "
        f"more in at least one of {groups} groups than in {AGAINST[against]} (q < {LEVEL}, r out of fold at "
        f"least {LEAST_R})."
    ]
    if len(good):
        first = good.drop_duplicates("target").head(NAMED)
        named = [f"{row.target} in {row.group}" for row in first.itertuples()]
        said.append(f"The largest differences: {listed(named)}.")
    return [*said, "These are predictions: they say what expression suggests, not what was measured."]


def _table(rows: pd.DataFrame, group: str, against: str) -> html.Section:
    columns = [
        Shown("Gene", lambda row: gene_link(row.target), is_number=False),
        Shown("Difference", lambda row: number(row.difference, 2, sign=True), "of mean predictions"),
        Shown("Effect size", lambda row: number(row.effect_size, 1, sign=True), "Cohen's d"),
        Shown("Mean", lambda row: number(row.mean, 2), "mean prediction in the group"),
        Shown("Of the others", lambda row: number(row.mean_against, 2)),
        Shown("q", lambda row: tiny(row.q_value)),
        Shown("r", lambda row: number(row.pearson_pooled, 2), "of the target, out of fold"),
    ]
    if against == "normal":
        columns.append(Shown("Strongest normal", lambda row: row.strongest_normal or "–", is_number=False))
    if rows.empty:
        return section(group, html.P(f"No target stands out in {group}."))
    caption = f"Targets needed more in {group}"
    return section(caption, small_table(rows, columns, caption, LISTED))


def _figure(rows: pd.DataFrame, good: pd.DataFrame) -> list[Any]:
    if good.empty:
        return []
    figure, note = as_panel(tissues(rows).figure)
    label = f"Heat map of groups and targets. {note}"
    return [section("All groups", chart(figure, label, figure.layout.height, paper=True), note=note)]
