"""What stands around every page: name, navigation, search, and how far the index is."""

from collections.abc import Iterable

from dash import dcc, html

from cluster.explorer.data import StoreData
from cluster.explorer.pages.parts import waiting

NAVIGATION = (
    ("/", "Genes"),
    ("/methods", "Methods"),
    ("/enrichment", "Enrichment"),
    ("/validation", "Validation"),
    ("/forecast", "New samples"),
    ("/tissues", "Tissues"),
    ("/run", "Run"),
    ("/about", "About"),
)


def frame(data: StoreData) -> html.Div:
    """The frame; its `page` is filled in the browser's first question."""
    return html.Div(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="ready", data=data.is_ready),
            *(dcc.Store(id=name) for name in ("where", "title", "arrived")),
            *(dcc.Store(id=f"{name}-done") for name in ("columns", "find", "reset", "samples")),
            dcc.Interval(id="tick", interval=1500, disabled=False),
            html.A("Skip to the page", href="#page", className="skip"),
            html.Header(
                [
                    dcc.Link([html.Span("Knockcast"), html.Small(data.name)], href="/", className="brand"),
                    html.Nav(
                        [dcc.Link(name, href=path) for path, name in NAVIGATION],
                        **{"aria-label": "Pages"},
                    ),
                    _search(),
                    html.Button(
                        "Theme", id="theme", title="Light, dark, or as the system has it", type="button"
                    ),
                ],
                className="top",
            ),
            html.Div(id="progress", role="status", className="progress"),
            html.Main(waiting("Opening the store"), id="page", tabIndex="-1"),
        ]
    )


def _search() -> html.Div:
    return html.Div(
        [
            html.Label("Find a gene", htmlFor="search", className="hidden"),
            dcc.Input(
                id="search",
                type="text",
                list="found",
                placeholder="Find a gene",
                autoComplete="off",
                spellCheck=False,
                debounce=False,
            ),
            html.Datalist(id="found"),
        ],
        className="search",
        role="search",
    )


def options(names: Iterable[str]) -> list[html.Option]:
    """Names as entries of a list that completes."""
    return [html.Option(value=name) for name in names]
