"""A figure as files: one page of HTML that needs nothing else, and the numbers it shows as CSV."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from cluster.figures.printing.draw import KINDS, image
from cluster.formats import frame_bytes

# Told apart by the colour-blind, too (Okabe and Ito 2008), the darkest first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#999999"
FORMATS = ("html", *KINDS)

# The page may run the script it holds, load nothing (parts of plotly.js look for maps) and send nothing.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "form-action 'none'; base-uri 'none'"
)
# Without the button that sends the figure's data to Plotly's cloud, which is there by default.
_CONFIG = {"displaylogo": False, "responsive": True, "showSendToCloud": False}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
</head>
<body style="margin: 0">
{plot}
</body>
</html>
"""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure and `numbers`, the rows that its marks, lines and counts were made from."""

    figure: go.Figure
    numbers: pd.DataFrame


def shown(name: object) -> str:
    """A name as a figure's text: Plotly obeys some tags in texts, and names come from users' files."""
    return html.escape(str(name), quote=False)


def laid_out(figure: go.Figure, title: str, note: str, x: str, y: str) -> go.Figure:
    """The figure with its title, a line under it and the axes' names (each made by `shown` where need be)."""
    return figure.update_layout(
        template="plotly_white",
        colorway=COLOURS,
        title={"text": title, "subtitle": {"text": note}},
        xaxis={"title": {"text": x}},
        yaxis={"title": {"text": y}},
        margin={"t": 110},
    )


def drawn_as(figure: go.Figure, title: str, suffix: str) -> bytes:
    """The figure as a page (.html), or for print (.svg, .png, .pdf)."""
    return page(figure, title) if suffix == ".html" else image(figure, suffix.lstrip("."))


def page(figure: go.Figure, title: str) -> bytes:
    """The figure as a page that holds plotly.js once and loads nothing; equal figures give equal bytes."""
    plot = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id="figure",
        default_height="97vh",
        config=_CONFIG,
    )
    return _PAGE.format(policy=html.escape(POLICY, quote=True), title=html.escape(title), plot=plot).encode()


def write_drawn(drawn: Drawn, folder: Path, name: str, formats: Sequence[str] = ("html",)) -> list[Path]:
    """Write NAME in these formats (of `FORMATS`), and NAME.csv, into a folder; returns their paths.

    OSError where that fails.
    """
    in_order = sorted(formats, key=lambda kind: kind != "html")  # the page first
    contents = {kind: drawn_as(drawn.figure, name, f".{kind}") for kind in in_order}
    contents["csv"] = frame_bytes(drawn.numbers, "csv")
    paths = [folder / f"{name}.{suffix}" for suffix in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_bytes(content)
    return paths
