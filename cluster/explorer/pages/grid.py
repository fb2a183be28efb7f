"""A large table in the browser: sorted, filtered and searched there."""

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid
from dash import html

from cluster.explorer.state import TableState

_COLUMN = {
    "resizable": True,
    "sortable": True,
    "floatingFilter": True,
    "suppressFloatingFilterButton": True,
    "suppressHeaderFilterButton": True,
    "wrapHeaderText": True,
    "autoHeaderHeight": True,
    "minWidth": 92,
    "flex": 1,
}


def grid(
    name: str,
    columns: Sequence[Mapping[str, Any]],
    state: TableState,
    *,
    row_id: str,
    label: str,
    nothing_fits: str,
    rows: Sequence[Mapping[Any, Any]] | None = None,
) -> html.Div:
    """The grid of this `name`, with AG Grid's `columns`; `row_id` is the column that tells rows apart.

    `nothing_fits` is said where no row is left. Without `rows` the browser fetches them.
    """
    table = dash_ag_grid.AgGrid(
        id=name,
        columnDefs=list(columns),
        defaultColDef=_COLUMN,
        filterModel=dict(state.filters),
        dashGridOptions={
            "animateRows": False,
            "enableCellTextSelection": True,
            "quickFilterText": state.find,
            "localeText": {"noRowsToShow": nothing_fits},
            "tooltipShowDelay": 300,
            "suppressMenuHide": True,
        },
        getRowId=f"params.data.{row_id}",
        className="grid",
        style={"height": "max(420px, calc(100vh - 290px))", "width": "100%"},
        **({} if rows is None else {"rowData": rows}),
    )
    return html.Div(table, role="region", **{"aria-label": label})


def text_filter() -> dict[str, Any]:
    """The box under the heading of a column of words."""
    return {"filter": "agTextColumnFilter", "floatingFilterComponentParams": {"filterPlaceholder": "has …"}}


def number_filter(is_small_best: bool = False) -> dict[str, Any]:
    """That of numbers: from the typed one on upwards, or downwards where small ones are looked for."""
    rule, sign = ("lessThanOrEqual", "≤ …") if is_small_best else ("greaterThanOrEqual", "≥ …")
    return {
        "filter": "agNumberColumnFilter",
        "filterParams": {"defaultOption": rule},
        "floatingFilterComponentParams": {"filterPlaceholder": sign},
    }
