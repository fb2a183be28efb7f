"""What `knockcast tissues` found: targets whose predictions differ between groups of samples."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
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
from cluster.figures.tissues import AGAINST, tissues
from tasks.analyses.answer.wording import listed
from tasks.analyses.tissues import LEAST_R, LEVEL, NORMAL, standing_out

LISTED, NAMED = 40, 3


def page(data: StoreData, given: Mapping[str, str]) -> Page:
    """One result (`?result=`): what stands out in one group (`?group=`) against `?against=`."""
    every = data.table("tissues")
    if every.empty:
        return nothing(
            "No groups compared yet",
            "The command tissues compares what is predicted of groups of samples; this store has no result:",
            html.Code(f"knockcast tissues {data.path} predictions.csv --groups FILE"),
        )
    results = _names(data, in_order(data.table("analyses"), every))
    result = _one(given, "result", list(results))
    rows = every[every["analysis"] == result]
    kinds = [kind for kind in AGAINST if (rows["against"] == kind).any()]
    against = _one(given, "against", kinds)
    mine = rows[rows["against"] == against]
    groups = sorted(mine["group"].unique())
    group = _one(given, "group", groups)
    good = standing_out(mine)

    def links(name: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
        now = {"result": result, "against": against, "group": group}
        return [(shown, address("/tissues", **(now | {name: value}))) for value, shown in values.items()]

    content = [
        html.H1("Tissues"),
        answer(*_sentences(mine, good, against)),
        *([switch("Result", links("result", results), results[result])] if len(results) > 1 else []),
        *([switch("Against", links("against", _same(kinds)), against)] if len(kinds) > 1 else []),
        switch("Group", links("group", _same(groups)), group),
        _table(good[good["group"] == group], group, against),
        *_figure(mine, good),
    ]
    return Page("Tissues", html.Article(content))


def _same(values: Sequence[str]) -> dict[str, str]:
    return {value: value for value in values}


def in_order(analyses: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    """The results: those of the store as it is before older ones, then those that count flagged samples."""
    current = analyses.set_index("analysis")["current"]
    counted = rows.groupby("analysis")["flagged"].count() > 0
    return sorted(counted.index, key=lambda result: (not current[result], not counted[result], result))


def _names(data: StoreData, results: Sequence[str]) -> dict[str, str]:
    """What each result was made from: files and option; with its name where two would be called alike."""
    every = data.table("analyses").set_index("analysis")["inputs"]
    called = {result: _made_from(json.loads(every[result])) for result in results}
    often = Counter(called.values())
    return {result: f"{name} ({result})" if often[name] > 1 else name for result, name in called.items()}


def _made_from(inputs: Mapping[str, Any]) -> str:
    by = f", by {inputs['by']}" if inputs.get("by") else ""
    normal = f", and {inputs['normal']['name']}" if "normal" in inputs else ""
    return f"{inputs['forecast']['name']}{by}{normal}"


def _one(given: Mapping[str, str], name: str, known: list[str]) -> str:
    return given[name] if given.get(name) in known else known[0]


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
    said.append("These are predictions: they say what expression suggests, not what was measured.")
    if rows["flagged"].isna().all():
        said.append(
            "How many of the samples are flagged as unlike any cell line is not known: tissues counts them "
            "where the .samples file that predict wrote lies beside the predictions."
        )
    elif flagged := _flagged(rows, against):
        said.append(
            f"Look again: flagged as unlike any cell line are {listed(flagged)} samples. Their predictions "
            "are guesses, and what differs may be that."
        )
    return said


def _flagged(rows: pd.DataFrame, against: str) -> list[str]:
    """Each group's flagged samples, and those of normal tissues; nothing where that is not known."""
    found = [
        (str(group), some["flagged"].max(), some["n"].max())
        for group, some in rows.groupby("group", sort=True)
    ]
    if against == NORMAL:
        found.append(("normal tissues", rows["flagged_against"].max(), rows["n_against"].max()))
    return [f"{name} {int(count)} of {int(of)}" for name, count, of in found if pd.notna(count) and count]


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
    if against == NORMAL:
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
