"""A gene's page: how well it is predicted, in which lineages, by what, and beside another gene."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from dash import dcc, html

from cluster.explorer import charts
from cluster.explorer.data import StoreData
from cluster.explorer.pages.evidence import evidence
from cluster.explorer.pages.explanation import place
from cluster.explorer.pages.lineages import lineages
from cluster.explorer.pages.parts import (
    Page,
    chart,
    file_links,
    gene_link,
    number,
    section,
    switch,
    tiles,
    waiting,
)
from cluster.explorer.state import gene_path
from cluster.text import measure_in_words
from tasks.analyses.answer.evidence import MethodScore
from tasks.analyses.answer.verdict import Verdict
from tasks.analyses.answer.wording import q_text, sentences

COMPLETED = 24  # names that are listed for one that is none
MEASURES = {"effect": "gene effect", "dependency": "dependency probability", "level": "dependency level"}


def page(data: StoreData, name: str, given: Mapping[str, str]) -> Page:
    """The page of a target by its name in any case; suggestions where there is none."""
    target = data.resolve(name)
    if target is None:
        return _unknown(data, name)
    methods = sorted({unit.method for unit in data.reader.wanted_of(target)})
    method: str | None = given.get("method", "")
    method = method if method in methods else None
    content, method = _answer(data, target, method) if data.knows_q else _at_first(data, target, method)
    lineage, other = given.get("lineage", ""), given.get("with", "")
    links = [(m, gene_path(target, method=m, lineage=lineage, **{"with": other})) for m in methods]
    asked = {"target": target, "method": method, "lineage": lineage, "with": other}
    content = [
        html.H1(target),
        *content,
        *([switch("Method", links, method)] if len(links) > 1 else []),
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
    every = data.predictions(target)
    mine = every[every["method"] == method]
    rows = data.gene_rows(target)
    found = data.page(target, method or None)
    return [
        *(_predictions(data, rows, method, mine, lineage, other) if len(mine) else []),
        *(lineages(data, found.verdict, method, mine, other) if len(mine) else []),
        *evidence(data, found, method),
        *_beside(data, target, method, mine, other),
        place(target),
    ]


def _of(data: StoreData, target: str, method: str) -> pd.DataFrame:
    """One method's out-of-fold predictions of a target."""
    every = data.predictions(target)
    return every[every["method"] == method]


def _answer(data: StoreData, target: str, method: str | None) -> tuple[list[Any], str]:
    """The verdict as `knockcast gene` gives it, its numbers, and the method that it judges by."""
    verdict = data.page(target, method).verdict
    said = html.Div([html.P(text) for text in sentences(verdict)], className="verdict", id="verdict")
    score = verdict.score
    if score is None:
        return [said], method or ""
    return [
        said,
        tiles(_numbers(verdict, score)),
        html.P(_facts(data, verdict), className="quiet"),
    ], score.method


def _at_first(data: StoreData, target: str, method: str | None) -> tuple[list[Any], str]:
    """What can be said before the index is there."""
    rows = data.gene_rows(target)
    if rows.empty:
        said = "Nothing of it is committed yet. The command knockcast resume does what is left."
        return [html.Div(html.P(said), className="verdict", id="verdict")], method or ""
    r = rows.set_index("method")["pearson"].astype(float)
    shown = method if method is not None and method in r.index else str(r.fillna(-1).idxmax())
    said = (
        f"By {shown}, prediction and measurement correlate with r {number(r[shown], 2)}, the mean over "
        "folds. The answer follows once the predictions of all targets are read: only they tell what chance "
        "gives."
    )
    return [html.Div(html.P(said), className="verdict", id="verdict")], shown


def _numbers(verdict: Verdict, score: MethodScore) -> list[tuple[str, str, str]]:
    whole = verdict.evidence.selectivity
    facts = [
        ("r", number(score.pooled, 2), _between("95 %: ", score.low, score.high)),
        ("gain", number(score.gain, 2, sign=True), _between("95 %: ", score.gain_low, score.gain_high)),
        ("lineage alone", number(score.lineage, 2), "r"),
        ("own expression", number(score.own, 2), "r"),
        ("q", q_text(score.q).removeprefix("q "), "over all targets"),
        ("error", number(score.rmse, 2), f"RMSE; {number(score.rmse_mean, 2)} by the mean"),
    ]
    if whole is not None:
        share = f"{100 * whole.dependent / whole.n:.0f} % of {whole.n} lines"
        facts.append(("depend on it", number(whole.dependent, 0), share))
    return facts


def _between(word: str, low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{word}{number(low, 2)} to {number(high, 2)}"


def _facts(data: StoreData, verdict: Verdict) -> str:
    whole = verdict.evidence.selectivity
    spread = ""
    if whole is not None:
        kind = f"{whole.target_class}; " if whole.target_class else ""
        spread = f"Class: {kind}mean {number(whole.mean, 2)}, standard deviation {number(whole.sd, 2)}. "
    words = "r: measured against predicted on lines that the models had not seen. Gain: over the better of "
    words += "lineage and own expression. "
    return f"{words}{spread}Values are {measure_in_words(str(data.reader.run.get('measure', 'effect')))}."


def _predictions(
    data: StoreData, rows: pd.DataFrame, method: str, mine: pd.DataFrame, lineage: str, other: str
) -> list[Any]:
    target = str(rows["target"].iloc[0])
    effect = MEASURES.get(str(data.reader.run.get("measure")), "effect")
    lineage = lineage if lineage in set(mine["lineage"]) else ""
    every = gene_path(target, method=method, **{"with": other})
    note = "Each dot is a cell line, predicted by a model that had not seen it. "
    note += f"{lineage} stands out. " if lineage else "Colours: the lineages that differ most from all. "
    note += charts.moved_apart(mine["measured"])
    back = [dcc.Link("Show all lineages", href=every)] if lineage else []
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
            f"{number(len(both), 0)} cell lines that both have, r is {number(r['measured'], 2)} between the "
            f"measured effects and {number(r['predicted'], 2)} between the predicted ones. Open ",
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
    note = charts.moved_apart(pd.concat([both["measured_a"], both["measured_b"]]))
    return [section("Beside another gene", ask, words, html.Div(pair, className="pair"), note=note)]


def _unknown(data: StoreData, name: str) -> Page:
    """What to do where only the run left it out; else what holds the name, then what is spelled alike."""
    if said := data.left_out(name):
        head, way_back = html.H1("Not in this run"), html.P(dcc.Link("All genes", href="/"))
        words = html.P(said.replace("`", ""))
        return Page("Not in this run", html.Div([head, words, way_back], className="empty"))
    held = data.matching(name, COMPLETED + 1)
    more = " and more" if len(held) > COMPLETED else ""
    close = [other for other in data.close(name) if other not in held]
    hints = [html.P(["Did you mean ", *_listed([gene_link(n) for n in close]), "?"])] if close else []
    links = html.Ul([html.Li(gene_link(n)) for n in held[:COMPLETED]], className="names")
    content = [
        html.H1("Unknown gene"),
        html.P(f"{name} is no target of this store."),
        *([html.P(f"Targets with {name} in their names{more}:"), links] if held else []),
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
