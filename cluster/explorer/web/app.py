"""The Dash application: one frame, and in it the page that the address names."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from dash import ClientsideFunction, Dash, Input, Output, html, no_update
from flask import request

from cluster.errors import StorageError
from cluster.explorer.data import StoreData
from cluster.explorer.forecast import Forecast
from cluster.explorer.pages import page_of
from cluster.explorer.pages.explanation import explanation
from cluster.explorer.pages.gene import rest
from cluster.explorer.pages.parts import Page, nothing
from cluster.explorer.web.downloads import add_downloads
from cluster.explorer.web.early import early_answer
from cluster.explorer.web.frame import frame, options
from tasks.errors import BadInputError

TITLE = "Knockcast"
WORDS = "knockcast"  # the namespace of assets/app.js


def make_app(data: StoreData, forecast: Forecast | None = None) -> Dash:
    """The application over one store. `forecast`: what `knockcast predict` wrote."""
    app = _Explorer(
        data,
        __name__,
        title=TITLE,
        update_title=None,
        suppress_callback_exceptions=True,  # pages bring their parts with them
        serve_locally=True,
        include_assets_files=True,
        compress=False,
    )
    app.index_string = _INDEX
    app.layout = partial(frame, data)  # anew for each visit: the index may be there by now
    _navigation(app, data, forecast)
    _tables(app)
    add_downloads(app.server, data)
    return app


class _Explorer(Dash):
    """Dash, with a gene's answer in the page that it sends."""

    def __init__(self, data: StoreData, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._data = data

    def interpolate_index(self, **parts: Any) -> str:
        """The page as it is sent, before any script has run."""
        early = early_answer(self._data, quote(request.path), request.query_string.decode(errors="replace"))
        parts["app_entry"] = early + str(parts["app_entry"])
        return str(super().interpolate_index(**parts))


def _navigation(app: Dash, data: StoreData, forecast: Forecast | None) -> None:
    app.clientside_callback(
        ClientsideFunction(WORDS, "where"),
        Output("where", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
        Input("ready", "data"),
    )
    app.clientside_callback(
        ClientsideFunction(WORDS, "arrived"), Output("arrived", "data"), Input("title", "data")
    )

    @app.callback(Output("page", "children"), Output("title", "data"), Input("where", "data"))
    def show(where: dict[str, Any] | None) -> tuple[Any, str]:
        """The page at an address, and its title."""
        where = where or {}
        path, search = str(where.get("path") or "/"), str(where.get("search") or "")
        made = _readable(lambda: page_of(data, path, search, forecast))
        return made.content, f"{made.title} · {TITLE}"

    @app.callback(Output("rest", "children"), Input("rest-asked", "data"))
    def show_rest(asked: dict[str, Any] | None) -> Any:
        """The part of a gene's page below its verdict."""
        return _readable(lambda: Page("", rest(data, asked or {}))).content

    @app.callback(Output("explain", "children"), Input("explain-asked", "data"), prevent_initial_call=True)
    def show_explanation(target: str | None) -> Any:
        """The figures of what carries a gene's predictions, once its place is nearly in sight."""
        known = data.resolve(target or "")
        return _readable(lambda: Page("", explanation(data, known) if known else [])).content

    @app.callback(
        Output("progress", "children"),
        Output("ready", "data"),
        Output("tick", "disabled"),
        Input("tick", "n_intervals"),
    )
    def progress(count: int | None) -> tuple[str, Any, bool]:
        """How far the index is, in words for everyone; pages are made again once it is there."""
        del count
        if data.is_ready or data.trouble:
            return data.trouble, True, True
        done = f"{100 * data.share:.0f} %"
        return f"Reading the predictions once, for q, gain and quick pages: {done}", no_update, False

    @app.callback(Output("found", "children"), Input("search", "value"))
    def complete(text: str | None) -> list[html.Option]:
        """Targets that a beginning fits, for the search field's list."""
        return options(data.matching(text or ""))


def _readable(make: Callable[[], Page]) -> Page:
    """What is made, or why it cannot be: a file of the store that is damaged, or has gone."""
    try:
        return make()
    except (BadInputError, StorageError, OSError) as error:
        text = error.text() if isinstance(error, BadInputError) else str(error)
        return nothing("This cannot be read", *(html.Span(line, role="alert") for line in text.splitlines()))


def _tables(app: Dash) -> None:
    """What the grids do in the browser: rows, address, saving."""
    app.clientside_callback(
        ClientsideFunction(WORDS, "rows"), Output("genes", "rowData"), Input("genes-source", "data")
    )
    app.clientside_callback(
        ClientsideFunction(WORDS, "samples"), Output("samples-done", "data"), Input("samples-source", "data")
    )
    app.clientside_callback(
        ClientsideFunction(WORDS, "columns"),
        Output("columns-done", "data"),
        Input("columns", "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(WORDS, "find"),
        Output("find-done", "data"),
        Input("find", "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(WORDS, "save"),
        Output("save-said", "children"),
        Input("save-csv", "n_clicks"),
        Input("save-parquet", "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(WORDS, "reset"),
        Output("reset-done", "data"),
        Input("reset", "n_clicks"),
        prevent_initial_call=True,
    )


_INDEX = """<!doctype html>
<html lang="en">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{%title%}</title>
<link rel="icon" href="data:,">
{%css%}
</head>
<body>
{%app_entry%}
<noscript>This page needs JavaScript; without, <code>knockcast gene STORE GENE</code> prints a gene's page.
</noscript>
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>
"""
