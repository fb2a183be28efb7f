"""Pieces that several pages are made of: titles, tables, tiles. Text goes in as text, never as HTML."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from dash import dcc, html

from cluster.explorer.state import address, gene_path
from cluster.text import spaced


@dataclass(frozen=True)
class Page:
    """What an address shows: Dash components, and the title of the browser's window."""

    title: str
    content: Any


def nothing(title: str, *paragraphs: Any) -> Page:
    """A page that has nothing to show, and says what to do."""
    return Page(title, html.Div([html.H1(title), *(html.P(p) for p in paragraphs)], className="empty"))


def waiting(text: str) -> html.P:
    """What stands where something comes later."""
    return html.P(f"{text} …", className="quiet waiting")


def answer(*sentences: str) -> html.Div:
    """What a page says in words, before its tables."""
    return html.Div([html.P(sentence) for sentence in sentences if sentence], className="verdict")


def section(title: str, *content: Any, note: str = "", id: str | None = None) -> html.Section:
    """A part of a page below a heading, with a line that says how to read it."""
    named = {"id": id} if id else {}
    return html.Section(
        [html.H2(title), *([html.P(note, className="quiet")] if note else []), *content], **named
    )


def tiles(facts: Sequence[tuple[str, str, str]]) -> html.Dl:
    """Numbers at a glance: (name, value, note) each."""
    return html.Dl(
        [
            html.Div([html.Dt(name), html.Dd([html.Strong(value), *([html.Small(note)] if note else [])])])
            for name, value, note in facts
        ],
        className="tiles",
    )


def switch(label: str, choices: Sequence[tuple[str, str]], chosen: str) -> html.Nav:
    """Links of which one is current: (text, address) each; `chosen` is a text."""
    links = []
    for text, href in choices:
        current: dict[str, Any] = {"aria-current": "true"} if text == chosen else {}
        # dcc.Link takes no aria attribute: the current one is no link
        links.append(html.Span(text, **current) if current else dcc.Link(text, href=href))
    return html.Nav(
        [html.Span(f"{label}: ", className="quiet"), *links], className="switch", **{"aria-label": label}
    )


def number(value: Any, digits: int = 3, sign: bool = False) -> str:
    """A number with so many decimals; a dash where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)) or value is pd.NA:
        return "–"
    if isinstance(value, int) or (float(value).is_integer() and digits == 0):
        return spaced(int(value)).replace("-", "−")
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    return text.replace("-", "" if float(text) == 0 else "−")


def counted(value: int, noun: str) -> str:
    """`1 unit`, `20 215 units`."""
    return f"{number(int(value), 0)} {noun}{'' if value == 1 else 's'}"


def tiny(value: Any) -> str:
    """A p or q: small ones as powers."""
    if value is None or not math.isfinite(value):
        return "–"
    if value >= 0.001:
        return f"{value:.3f}"
    return "< 1e−300" if value < 1e-300 else f"{value:.1e}".replace("-", "−").replace("e−0", "e−")


@dataclass(frozen=True)
class Shown:
    """A column of a small table. `cell` makes what is shown of a row; `heading` may have a `hint`."""

    heading: str
    cell: Callable[[Any], Any]
    hint: str = ""
    is_number: bool = True


def small_table(frame: pd.DataFrame, columns: Sequence[Shown], caption: str, most: int = 200) -> html.Div:
    """A frame as a plain table that a screen reader can walk; the first column names the row."""
    head = html.Tr(
        [
            html.Th(c.heading, scope="col", title=c.hint or None, className="num" if c.is_number else None)
            for c in columns
        ]
    )
    body = [
        html.Tr([_cell(c, row, at == 0) for at, c in enumerate(columns)])
        for row in frame.head(most).itertuples()
    ]
    left = len(frame) - most
    more = (
        [html.P(f"{counted(left, 'more row')} {'is' if left == 1 else 'are'} not shown.", className="quiet")]
        if left > 0
        else []
    )
    table = html.Table([html.Caption(caption, className="hidden"), html.Thead(head), html.Tbody(body)])
    return html.Div(
        [table, *more], className="scroll", tabIndex="0", role="region", **{"aria-label": caption}
    )


def _cell(column: Shown, row: Any, is_first: bool) -> Any:
    content = column.cell(row)
    named = "num" if column.is_number else None
    return html.Th(content, scope="row", className=named) if is_first else html.Td(content, className=named)


def gene_link(target: str, is_target: bool = True, **given: Any) -> Any:
    """A gene's name, leading to its page where it has one."""
    return dcc.Link(target, href=gene_path(target, **given)) if is_target else target


def chart(figure: Any, label: str, height: int = 420, paper: bool = False) -> html.Div:
    """A figure, named for those who do not see it; on white `paper` where its colours need that."""
    config = {"displaylogo": False, "responsive": True, "showSendToCloud": False,
              "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"]}  # fmt: skip
    graph = dcc.Graph(figure=figure, config=config, style={"height": f"{height}px"}, responsive=True)
    # Figures made for paper keep their width: on a phone one moves along them, also by keyboard.
    more = {"className": "chart paper", "tabIndex": "0"} if paper else {"className": "chart"}
    return html.Div(graph, role="group", **{"aria-label": label}, **more)


def file_links(target: str, table: str) -> html.Span:
    """Links to one target's rows of a table, as files."""
    paths = {kind: address(f"/data/gene/{table}.{kind}", target=target) for kind in ("csv", "parquet")}
    links = [html.A(kind.upper() if kind == "csv" else "Parquet", href=path) for kind, path in paths.items()]
    return html.Span(["Save as ", links[0], " or ", links[1]], className="files quiet")
