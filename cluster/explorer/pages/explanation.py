"""The figures of `knockcast explain` on a gene's page: what carries its predictions, asked for when seen."""

from typing import Any

from dash import dcc, html

from cluster.explorer.charts import as_panel
from cluster.explorer.data import StoreData
from cluster.explorer.pages.evidence import codependents
from cluster.explorer.pages.parts import chart, section, waiting
from cluster.figures.gene.registry import PANELS
from cluster.pages.gene import WORDS

ELSEWHERE = ("measured_predicted", "gain")  # the page shows these already
PIXELS = 4.2  # a millimetre of a printed figure on the screen


def place(target: str) -> html.Div:
    """Where the explanation comes; the browser asks for it once it is nearly in sight."""
    return html.Div(
        [
            dcc.Store(id="explain-asked"),
            html.H2("Explanation"),
            html.Div(
                waiting("Reading what carries the predictions"),
                id="explain",
                **{"data-target": target},
            ),
        ],
        id="explanation",
    )


def explanation(data: StoreData, target: str) -> list[Any]:
    """The figures that can be drawn of a target, those it goes with, and why others cannot be drawn."""
    made = data.explain(target)
    parts: list[Any] = []
    missing: list[str] = []
    for name, panel in PANELS.items():
        if name in ELSEWHERE:
            continue
        drawn = panel.draw(made)
        if drawn is None:
            missing.append(f"{panel.heading}: needs {panel.requires}.")
            continue
        figure, note = as_panel(drawn.figure)
        label = f"{panel.heading} of {target}. {note}"
        height = max(320, round(PIXELS * figure.layout.meta["mm"][1])) if figure.layout.meta else 420
        height = round(1.5 * height) if "yaxis4" in figure.layout else height  # rows of panels with titles
        words = [html.P(text, className="quiet") for text in (note, WORDS.get(name, "")) if text]
        parts.append(html.Section([html.H3(panel.heading), *words, chart(figure, label, height, paper=True)]))
    parts += codependents(data, target)
    notes = [*missing, *made.notes]
    if notes:
        parts.append(section("What is missing", html.Ul([html.Li(text) for text in notes])))
    return parts
