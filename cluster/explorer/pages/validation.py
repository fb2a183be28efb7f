"""What `knockcast validate` found: final models scored on what another Dataset measured."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from dash import html

from cluster.explorer import charts
from cluster.explorer.data import StoreData
from cluster.explorer.pages.parts import (
    Page,
    Shown,
    answer,
    chart,
    counted,
    gene_link,
    nothing,
    number,
    section,
    small_table,
)

LISTED, PREDICTED = 25, 0.2


def page(data: StoreData, given: Mapping[str, str]) -> Page:
    """Each result and method; arguments are not read."""
    del given
    rows = data.table("validation")
    if rows.empty:
        return nothing(
            "Not validated yet",
            "The command validate scores final models on the effects of another Dataset, on lines that they "
            "never saw; this store has no result:",
            html.Code(f"knockcast validate {data.path} OTHER_DATASET"),
        )
    parts: list[Any] = []
    for (_, method), part in rows.groupby(["analysis", "method"], sort=True):
        parts += _result(str(method), part)
    return Page("Validation", html.Article([html.H1("Validation"), *parts]))


def _result(method: str, rows: pd.DataFrame) -> list[Any]:
    dataset = str(rows["dataset"].iloc[0])[:12]
    title = f"{method} on dataset {dataset}"
    known = rows.dropna(subset="pearson")
    if known.empty:
        return [section(title, answer("No target has enough new lines to say how well it is predicted."))]
    good = known[known["pearson_pooled"] >= PREDICTED]
    said = [
        f"On up to {number(int(known['n'].max()), 0)} lines that the models never saw, prediction and the "
        f"other Dataset's measurement correlate with r {number(known['pearson'].mean(), 2)} on average over "
        f"{counted(len(known), 'target')}."
    ]
    if len(good):
        said.append(
            f"Of the {counted(len(good), 'target')} with r of at least {PREDICTED} out of fold, the mean is "
            f"{number(good['pearson'].mean(), 2)}, where {number(good['pearson_pooled'].mean(), 2)} was "
            "found out of fold."
        )
    best = known.sort_values(["pearson", "target"], ascending=[False, True], kind="stable")
    figure = charts.out_of_fold_and_new(known)
    return [
        section(
            title,
            answer(*said),
            html.Div(
                [
                    chart(figure, f"Scatter plot: r out of fold and on new lines, by {method}", 420),
                    small_table(best, _COLUMNS, f"Targets of {method}, best on new lines first", LISTED),
                ],
                className="pair",
            ),
        )
    ]


_COLUMNS = (
    Shown("Gene", lambda row: gene_link(row.target), is_number=False),
    Shown("Lines", lambda row: number(row.n, 0), "new lines with a measured effect"),
    Shown("r, new lines", lambda row: number(row.pearson, 2)),
    Shown("r, out of fold", lambda row: number(row.pearson_pooled, 2)),
    Shown("RMSE", lambda row: number(row.rmse, 2), "where both Datasets have one measure"),
)
