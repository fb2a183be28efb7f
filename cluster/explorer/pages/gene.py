"""A gene's page: how well it is predicted, in which lineages, by what, and beside another gene."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from dash import dcc, html

from cluster.explorer import charts
from cluster.explorer.data import StoreData
from cluster.explorer.pages.evidence import evidence
from cluster.explorer.pages.explanation import place
from cluster.explorer.pages.lineages import lineage_table
from cluster.explorer.pages.parts import (
    Page,
    chart,
    file_links,
    gene_link,
    number,
    section,
    switch,
    tiles,
    tiny,
    waiting,
)
from cluster.explorer.pages.verdict import sentences
from cluster.explorer.state import gene_path
from cluster.text import measure_in_words

MEASURES = {"effect": "gene effect", "dependency": "dependency probability", "level": "dependency level"}


def page(data: StoreData, name: str, given: Mapping[str, str]) -> Page:
    """The page of a target by its name in any case; suggestions where there is none."""
    target = data.resolve(name)
    if target is None:
        return _unknown(data, name)
    rows = data.gene_rows(target)
    method = given.get("method", "")
    method = method if method in set(rows["method"]) else _best(rows)
    lineage, other = given.get("lineage", ""), given.get("with", "")
    links = [(m, gene_path(target, method=m, lineage=lineage, **{"with": other})) for m in rows["method"]]
    asked = {"target": target, "method": method, "lineage": lineage, "with": other}
    content = [
        html.H1(target),
        html.P(_facts(data, rows), className="quiet"),
        *([switch("Method", links, method)] if len(links) > 1 else []),
        *_verdict(rows, target, method, _of(data, target, method)),
        dcc.Store(id="rest-asked", data=asked),
        html.Div(waiting("Reading the predictions"), id="rest"),
    ]
    return Page(target, html.Article(content))


def rest(data: StoreData, asked: Mapping[str, str]) -> list[Any]:
    """What comes below the verdict: figures and tables, which take longer than the first look."""
    target, method, lineage, other = (
        str(asked.get(name, "")) for name in ("target", "method", "lineage", "with")
    )
    if data.resolve(target) != target:
        return []
    mine = _of(data, target, method)
    rows = data.gene_rows(target)
    return [
        *(_predictions(data, rows, method, mine, lineage, other) if len(mine) else []),
        *_beside(data, target, method, mine, other),
        *evidence(data, target, method),
        place(target),
    ]


def _of(data: StoreData, target: str, method: str) -> pd.DataFrame:
    """One method's out-of-fold predictions of a target."""
    every = data.predictions(target)
    return every[every["method"] == method]


def _best(rows: pd.DataFrame) -> str:
    r = rows["pearson_pooled"].fillna(rows["pearson"]).astype(float).fillna(-1)
    return str(rows["method"].iloc[int(r.argmax())]) if len(rows) else ""


def _facts(data: StoreData, rows: pd.DataFrame) -> str:
    if rows.empty:
        return "Nothing of it is committed yet."
    row = rows.iloc[0]
    measure = str(data.reader.run.get("measure", "effect"))
    kind = f"{row['class']}; " if isinstance(row["class"], str) else ""
    spread = (
        f"mean {number(row['mean'], 2)}, standard deviation {number(row['sd'], 2)}. "
        if pd.notna(row["mean"])
        else ""
    )
    return f"{kind}{spread}Values are {measure_in_words(measure)}."


def _verdict(rows: pd.DataFrame, target: str, method: str, mine: pd.DataFrame) -> list[Any]:
    chosen = rows[rows["method"] == method]
    if chosen.empty:
        return []
    row = chosen.iloc[0]
    said = html.Div(
        [html.P(text) for text in sentences(target, row, mine) if text], className="verdict", id="verdict"
    )
    interval = (
        f"{number(row.pearson_low, 2)} to {number(row.pearson_high, 2)}" if pd.notna(row.pearson_low) else ""
    )
    r = row.pearson_pooled if pd.notna(row.pearson_pooled) else row.pearson
    facts = [
        ("r, out of fold", number(r, 2), interval and f"95 %: {interval}"),
        ("gain", number(row.gain, 2, sign=True), "over lineage and own expression"),
        ("lineage alone", number(row.pearson_lineage, 2), "r"),
        ("own expression", number(row.pearson_own, 2), "r"),
        ("q", tiny(row.q_value), "over all targets"),
        (
            "error",
            number(row.rmse, 2),
            f"RMSE; {number(row.rmse_mean, 2)} by the mean" if pd.notna(row.rmse_mean) else "",
        ),
    ]
    return [said, tiles(facts)]


def _predictions(
    data: StoreData, rows: pd.DataFrame, method: str, mine: pd.DataFrame, lineage: str, other: str
) -> list[Any]:
    target = str(rows["target"].iloc[0])
    effect = MEASURES.get(str(data.reader.run.get("measure")), "effect")
    lineage = lineage if lineage in set(mine["lineage"]) else ""
    every = gene_path(target, method=method, **{"with": other})
    note = "Each dot is a cell line, predicted by a model that had not seen it. "
    note += f"{lineage} stands out. " if lineage else "Colours: the lineages that differ most from all."
    back = [dcc.Link("Show all lineages", href=every)] if lineage else []
    several = mine["lineage"].nunique() > 1
    return [
        section(
            "Measured and predicted",
            *back,
            html.Div(
                [
                    chart(
                        charts.measured_predicted(mine, effect, lineage),
                        f"Scatter plot: measured and predicted {effect} of {target}",
                        460,
                    ),
                    *_baselines(rows, target),
                ],
                className="pair broad",
            ),
            file_links(target, "predictions"),
            note=note,
            id="predictions",
        ),
        *([lineage_table(data, target, method, mine, other, effect)] if several else []),
    ]


def _baselines(rows: pd.DataFrame, target: str) -> list[Any]:
    if rows["pearson_pooled"].isna().all():
        return []
    height = 130 + 34 * (len(rows) + 3)
    label = f"r of {target} by each method, and of what needs no model"
    return [
        html.Div([html.H3("Methods, and what needs no model"), chart(charts.baselines(rows), label, height)])
    ]


def _beside(data: StoreData, target: str, method: str, mine: pd.DataFrame, other: str) -> list[Any]:
    """The comparison with another gene, and the field to ask for one."""
    ask = html.Form(
        [
            html.Label("Compare with another gene", htmlFor="beside"),
            dcc.Input(
                id="beside",
                type="text",
                list="found",
                value=other,
                placeholder="its name",
                autoComplete="off",
            ),
        ],
        className="beside",
    )
    if not other:
        return [section("Beside another gene", ask)]
    found = data.resolve(other)
    if found is None or found == target:
        why = "It is this one." if found else f"{other} is no target of this store."
        return [section("Beside another gene", ask, html.P(why, role="alert"))]
    second = _of(data, found, method)
    both = mine.merge(second, on="cell_line", suffixes=("_a", "_b"))
    if len(both) < 3:
        return [
            section("Beside another gene", ask, html.P(f"{method} predicted no cell lines of both genes."))
        ]
    r = {side: both[f"{side}_a"].corr(both[f"{side}_b"]) for side in ("measured", "predicted")}
    words = html.P(
        [
            "Over the ",
            f"{len(both)} cell lines that both have, r is {number(r['measured'], 2)} between the measured "
            f"effects and {number(r['predicted'], 2)} between the predicted ones. Open ",
            gene_link(found, True, method=method, **{"with": target}),
            ".",
        ]
    )
    pair = [
        chart(
            charts.against(mine, second, (target, found), side),
            f"Scatter plot: {side} effects of {target} and {found}",
            360,
        )
        for side in ("measured", "predicted")
    ]
    return [section("Beside another gene", ask, words, html.Div(pair, className="pair"))]


def _unknown(data: StoreData, name: str) -> Page:
    close = data.close(name)
    hints = [html.P(["Did you mean ", *_listed([gene_link(n) for n in close]), "?"])] if close else []
    content = [
        html.H1("Unknown gene"),
        html.P(f"{name} is no target of this store."),
        *hints,
        html.P(dcc.Link("All genes", href="/")),
    ]
    return Page("Unknown gene", html.Div(content, className="empty"))


def _listed(parts: list[Any]) -> list[Any]:
    out: list[Any] = []
    for at, part in enumerate(parts):
        out += [", " if at < len(parts) - 1 else " or "] if at else []
        out.append(part)
    return out
