"""The gene table: every target with its scores; sorted, filtered, searched and saved in the browser."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dash import dcc, html

from cluster.explorer.data import COLUMNS, StoreData
from cluster.explorer.pages.grid import grid, number_filter, text_filter
from cluster.explorer.pages.parts import (
    Page,
    answer,
    nothing,
    number,
    switch,
)
from cluster.explorer.state import TableState, address, table_state

Shown = Mapping[str, tuple[str, int | None, bool]]

# Of `genes`: heading, decimals (None: text), and whether it is shown unless asked otherwise.
SHOWN: Shown = {
    "target": ("Gene", None, True),
    "class": ("Class", None, True),
    "mean": ("Mean effect", 2, True),
    "sd": ("SD", 2, True),
    "pearson_pooled": ("r", 2, True),
    "gain": ("Gain", 2, True),
    "q_value": ("q", -2, True),
    "pearson_lineage": ("r of lineage", 2, True),
    "pearson_own": ("r of own gene", 2, True),
    "pearson_low": ("r, low", 2, False),
    "pearson_high": ("r, high", 2, False),
    "pearson": ("Mean fold r", 2, True),
    "rmse": ("RMSE", 3, False),
    "rmse_mean": ("RMSE of mean", 3, False),
    "model": ("Model", None, True),
    "stability": ("Stability", 2, True),
    "pearson_permuted": ("r, shuffled", 2, False),
    "p_permuted": ("p within lineages", -2, False),
    "q_permuted": ("q within lineages", -2, False),
    "pearson_confounders": ("r of covariates", 2, False),
    "pearson_expression": ("r of expression", 2, False),
    "p_value": ("p", -2, False),
    "folds": ("Folds", 0, False),
    "n": ("Lines", 0, True),
}
SORTED = (("pearson_pooled", "desc"),)
AT_FIRST = (("pearson", "desc"),)  # while the index is made there is no other r
BARS = ("pearson_pooled", "gain", "pearson_lineage", "pearson_own", "pearson", "stability")


def page(data: StoreData, given: Mapping[str, str]) -> Page:
    """The gene table of one method, `?method=`."""
    if not data.methods:
        return nothing(
            "No gene yet", "This store holds no scores of targets. The page Run says what is left."
        )
    method = given.get("method", "")
    method = method if method in data.methods else data.methods[0]
    frame = data.genes(method)
    shown = {name: spec for name, spec in SHOWN.items() if frame[name].notna().any() or name == "target"}
    if data.is_ready and "pearson" in shown:  # the pooled r says it better
        shown["pearson"] = (*SHOWN["pearson"][:2], False)
    state = table_state(given, shown)
    choices = [(name, address("/", method=name)) for name in data.methods]
    content = [
        html.H1("Genes"),
        html.P(
            f"{number(len(frame), 0)} targets. r: measured against predicted effect on cell lines the model "
            "had not seen. Gain: what that adds to knowing the lineage, or the gene's own expression.",
            className="quiet",
        ),
        *([answer(data.unfinished)] if data.unfinished else []),
        switch("Method", choices, method),
        _tools(state, shown),
        dcc.Store(id="genes-source", data=_source(data, method, state, shown)),
        _grid(state, shown, data.is_ready),
    ]
    return Page("Genes", content)


def _source(data: StoreData, method: str, state: TableState, shown: Shown) -> dict[str, Any]:
    """Where the browser gets the rows, and what the address need not say because it is so anyway."""
    columns = ",".join(name for name, (_, _, is_shown) in shown.items() if is_shown)
    sort = ",".join(f"{name}:{way}" for name, way in _first_sort(data.is_ready))
    url = f"/data/genes/{quote(method, safe='')}.json"
    return {
        "url": url,
        "ready": data.is_ready,
        "place": "/",
        "method": method,
        "find": state.find,
        "columns": columns,
        "sort": sort,
    }


def _first_sort(is_ready: bool) -> tuple[tuple[str, str], ...]:
    return SORTED if is_ready else AT_FIRST


def _tools(state: TableState, shown: Shown) -> html.Div:
    visible = list(state.columns) or [name for name, (_, _, is_shown) in shown.items() if is_shown]
    choices = [
        {"label": heading, "value": name} for name, (heading, _, _) in shown.items() if name != "target"
    ]
    return html.Div(
        [
            html.Label("Filter the table", htmlFor="find", className="hidden"),
            dcc.Input(
                id="find", type="text", placeholder="Filter the table", value=state.find, debounce=False
            ),
            html.Details(
                [html.Summary("Columns"), dcc.Checklist(id="columns", options=choices, value=visible)],
                className="choose",
            ),
            html.Button("Save as CSV", id="save-csv", type="button"),
            html.Button("Save as Parquet", id="save-parquet", type="button"),
            html.Button("Reset", id="reset", type="button", title="All rows, in the first order"),
            html.Span(id="save-said", role="status", className="quiet"),
        ],
        className="tools",
    )


def _grid(state: TableState, shown: Shown, is_ready: bool) -> html.Div:
    columns = [_column(name, shown[name], state, is_ready) for name in _order(state, shown)]
    return grid(
        "genes",
        columns,
        state,
        row_id="target",
        label="Table of genes",
        nothing_fits="No gene fits these filters.",
    )


def _order(state: TableState, shown: Shown) -> list[str]:
    first = ["target", *(name for name in state.columns if name != "target")]
    return [*first, *(name for name in shown if name not in first)]


def _column(
    name: str, spec: tuple[str, int | None, bool], state: TableState, is_ready: bool
) -> dict[str, Any]:
    heading, digits, shown = spec
    sort = state.sort or _first_sort(is_ready)
    column: dict[str, Any] = {
        "field": name,
        "headerName": heading,
        "headerTooltip": COLUMNS[name].doc.replace("`", ""),
        "hide": name != "target" and (name not in state.columns if state.columns else not shown),
    }
    if name in dict(sort):
        at = [column for column, _ in sort].index(name)
        column |= {"sort": dict(sort)[name], "sortIndex": at}
    if digits is None:
        column |= {**text_filter(), "minWidth": 110}
    else:
        column |= {
            **number_filter(is_small_best=digits < 0 or name.startswith("rmse")),
            "type": "rightAligned",
            "valueFormatter": {"function": f"shown(params.value, {digits})"},
        }
        column["minWidth"] = 112 if digits < 0 else 92
    if name in BARS:
        column["cellStyle"] = {"function": "bar(params.value)"}
    if name == "target":
        column |= {"pinned": "left", "cellRenderer": "GeneLink", "minWidth": 120, "lockPosition": "left"}
    return column
