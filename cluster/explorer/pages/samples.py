"""New samples: what `predict` says of each, how it fits the training lines, what it depends on."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from dash import dcc, html

from cluster.explorer.data import StoreData
from cluster.explorer.forecast import Forecast
from cluster.explorer.origin import doubts
from cluster.explorer.pages.grid import grid, number_filter, text_filter
from cluster.explorer.pages.parts import (
    Page,
    Shown,
    counted,
    gene_link,
    nothing,
    number,
    section,
    small_table,
    tiles,
)
from cluster.explorer.state import TableState, address, table_state
from tasks.analyses.answer.wording import listed

STRONGEST = 60  # targets in a table of a sample
WIDEST = 270  # pixels of the column of samples
GUESSES = "So the predictions below are guesses: intervals and trust are of samples like the training lines."
HOW = "knockcast predict STORE EXPRESSION --out predictions.csv --interval 0.9"


def page(data: StoreData, forecast: Forecast | None, given: Mapping[str, str]) -> Page:
    """All samples; with `?gene=`, what is predicted of that gene in each."""
    if forecast is None:
        return nothing(
            "No file of predictions",
            "Score samples, then open the explorer with the file:",
            html.Code(HOW),
            html.Code(f"knockcast explore {data.path} --forecast predictions.csv"),
        )
    gene = data.resolve(given.get("gene", "")) if given.get("gene") else None
    gene = gene if gene in forecast.table.columns else None
    rows = _rows(forecast, gene)
    flagged = int((rows["fit"] == "flagged").sum()) if "fit" in rows else 0
    words = f"{counted(len(rows), 'sample')} x {counted(forecast.table.shape[1], 'target')}, from "
    words += f"{forecast.path}. "
    words += (
        f"{number(flagged, 0)} of them {'fits' if flagged == 1 else 'fit'} the training lines badly: believe "
        "their numbers less."
        if flagged
        else "None is flagged."
        if forecast.fit is not None
        else "How they fit the training lines is not known: the file .samples is not beside it."
    )
    shown = {name: spec for name, spec in SHOWN.items() if name in rows}
    state = table_state(given, shown)
    find = dcc.Input(id="find", type="text", placeholder="Find samples", value=state.find, debounce=False)
    columns = ",".join(shown)
    source = {"place": "/forecast", "method": "", "find": state.find, "columns": columns, "sort": ""}
    content = [
        html.H1("New samples"),
        *_of_another_store(data, forecast),
        html.P(words, className="quiet"),
        html.Div([html.Label("Find samples", htmlFor="find", className="hidden"), find], className="tools"),
        dcc.Store(id="samples-source", data=source),
        _grid(rows, shown, state, gene),
    ]
    return Page("New samples", html.Article(content))


# Of the list: heading, meaning, how a number is shown (empty: text), least width.
SHOWN = {
    "sample": ("Sample", "", "", 120),
    "group": ("Group", "as the file of --groups says", "", 96),
    "fit": ("Fit", "flagged: it fits the training lines badly", "", 84),
    "predicted": ("Predicted", "effect of knocking the gene out", "shown(params.value, 2)", 100),
    "nearest_lineage": ("Nearest lineage", "of the training line with the most similar expression", "", 112),
    "nearest_r": ("Nearest r", "of its expression with the nearest line's", "shown(params.value, 2)", 92),
    "outside_share": ("Outside", "share of genes beyond the training range", "percent(params.value)", 92),
    "why": ("Why", "why it is flagged", "", 260),
}


def _rows(forecast: Forecast, gene: str | None) -> pd.DataFrame:
    """A row for each sample, the flagged first: of the columns `SHOWN` those that are known."""
    rows = pd.DataFrame({"sample": forecast.samples})
    if forecast.fit is not None:
        rows = rows.merge(forecast.fit, on="sample", how="left")
        flagged = rows["flagged"].fillna(False).astype(bool) if "flagged" in rows else False
        rows["fit"] = np.where(flagged, "flagged", "good")
    if forecast.groups:
        rows["group"] = [forecast.groups.get(sample) for sample in rows["sample"]]
    if gene is not None:
        rows["predicted"] = forecast.table[gene].to_numpy(float)
    rows = rows[[name for name in SHOWN if name in rows]]
    first = ["fit", "sample"] if "fit" in rows else ["sample"]
    return rows.sort_values(first, kind="stable", ignore_index=True)  # "flagged" comes before "good"


def _grid(
    rows: pd.DataFrame, shown: Mapping[str, tuple[str, str, str, int]], state: TableState, gene: str | None
) -> html.Div:
    wanted = state.columns or tuple(shown)
    order = ["sample", *(name for name in dict.fromkeys([*wanted, *shown]) if name != "sample")]
    columns = []
    for name in order:
        heading, meaning, number_shown, width = shown[name]
        column: dict[str, Any] = {
            "field": name,
            "headerName": f"{heading}, {gene}" if name == "predicted" else heading,
            "headerTooltip": meaning,
            "minWidth": width,
            "hide": name not in wanted and name != "sample",
        }
        if name in dict(state.sort):
            column["sort"] = dict(state.sort)[name]
            column["sortIndex"] = [by for by, _ in state.sort].index(name)
        if number_shown:
            column |= {
                **number_filter(),
                "type": "rightAligned",
                "valueFormatter": {"function": number_shown},
            }
        else:
            column |= {**text_filter(), "tooltipField": name}
        columns.append(column | OWN.get(name, {}))
    longest = int(rows["sample"].str.len().max()) if len(rows) else 0
    columns[0]["width"] = min(120 + 6 * longest, WIDEST)
    return grid(
        "samples",
        columns,
        state,
        row_id="sample",
        label="Samples",
        nothing_fits="No sample fits these filters.",
        rows=rows.astype(object).where(rows.notna(), None).to_dict("records"),
    )


# What single columns of the list have of their own.
OWN: dict[str, dict[str, Any]] = {
    "sample": {"pinned": "left", "cellRenderer": "SampleLink", "lockPosition": "left", "flex": 0},
    "fit": {"cellStyle": {"function": "flag(params.value)"}},
    "why": {"flex": 4, "wrapText": True, "autoHeight": True},
}


def _of_another_store(data: StoreData, forecast: Forecast) -> list[Any]:
    """A loud warning where the file cannot be of this store."""
    if not data.methods:
        return []
    found = doubts(forecast, pd.concat([data.genes(method) for method in data.methods]))
    if not found:
        return []
    words = f"This file is of another store: {listed(found)}."
    more = "Genes here lead to models that did not make these predictions. Open the explorer over the store "
    more += "that they were made with. (Or more of this store's run was done since: then predict again.)"
    warning = [html.P(html.Strong(words)), html.P(more)]
    return [html.Div(warning, role="alert", className="loud")]


def sample_page(data: StoreData, forecast: Forecast | None, sample: str) -> Page:
    """One sample: its fit first, then what it is predicted to depend on."""
    if forecast is None or sample not in forecast.table.index:
        return nothing(
            "Unknown sample",
            f"{sample} is not in the file of predictions.",
            dcc.Link("All samples", href="/forecast"),
        )
    facts = (
        data.genes(data.methods[0])[["target", "mean", "sd"]]
        if data.methods
        else pd.DataFrame(columns=["target", "mean", "sd"])
    )
    rows = forecast.of_sample(sample, facts)
    higher = data.reader.run.get("measure") in ("dependency", "level")
    strongest = rows.sort_values("predicted", ascending=not higher, kind="stable", ignore_index=True)
    special = rows.dropna(subset="above").sort_values(
        "above", ascending=not higher, kind="stable", ignore_index=True
    )
    content = [
        html.H1(sample),
        *_group(forecast, sample),
        *_of_another_store(data, forecast),
        *_fit(forecast, sample),
        *_standing_out(special),
        html.Div(
            [
                *_special(special, sample),
                section(
                    "Strongest of all",
                    small_table(strongest, _predicted(strongest), f"Dependencies of {sample}", STRONGEST),
                    note="Genes that every cell needs are among them; look at the trust of each.",
                ),
            ],
            className="pair tables",
        ),
    ]
    return Page(sample, html.Article(content))


def _group(forecast: Forecast, sample: str) -> list[Any]:
    """The sample's group, as a link to the others of it."""
    name = forecast.groups.get(sample)
    if name is None:
        return []
    same = json.dumps({"group": {"filterType": "text", "type": "equals", "filter": name}})
    count = sum(forecast.groups.get(other) == name for other in forecast.samples)
    link = dcc.Link(name, href=address("/forecast", filter=same))
    return [html.P(["Group: ", link, f" ({counted(count, 'sample')})"], className="quiet")]


def _standing_out(special: pd.DataFrame) -> list[Any]:
    """A sentence on what is furthest from the cell lines' mean."""
    if special.empty:
        return []
    named = [f"{row.target} ({number(row.above, 1, sign=True)} SD)" for row in special.head(3).itertuples()]
    return [html.P(f"Compared with cell lines it is predicted to need most: {listed(named)}.")]


def _special(special: pd.DataFrame, sample: str) -> list[Any]:
    title = "Strongest compared with cell lines"
    if special.empty:
        return [section(title, html.P("The store does not know the mean effect of these targets."))]
    table = small_table(special, _predicted(special), f"Special dependencies of {sample}", STRONGEST)
    note = "Furthest from the mean of the cell lines, in their standard deviations."
    return [section(title, table, note=note)]


def _fit(forecast: Forecast, sample: str) -> list[Any]:
    if forecast.fit is None or sample not in set(forecast.fit["sample"]):
        return [html.P("How it fits the training lines is not known.", className="quiet")]
    row = next(forecast.fit[forecast.fit["sample"] == sample].itertuples())
    flagged = bool(getattr(row, "flagged", False))
    words = f"Flagged: {_text(row, 'why')}. {GUESSES}" if flagged else "It fits the training lines."
    facts = [
        ("nearest line", _text(row, "nearest_line"), _text(row, "nearest_lineage")),
        ("r with it", number(_real(row, "nearest_r"), 2), "of expression"),
        ("known genes", _percent(row, "known_share"), "of those the models use"),
        ("outside", _percent(row, "outside_share"), "of genes beyond the training range"),
    ]
    return [html.P(words, role="alert" if flagged else None, className="verdict"), tiles(facts)]


def _predicted(rows: pd.DataFrame) -> list[Shown]:
    columns = [
        Shown("Gene", lambda row: gene_link(row.target), is_number=False),
        Shown("Predicted", lambda row: number(row.predicted, 2)),
    ]
    if "trust" in rows:  # beside the number, so that a phone shows both
        columns.append(Shown("Trust", _trust, "r of the target, out of fold: leave out what is below 0.2"))
    if rows["low"].notna().any():
        columns.append(Shown("Interval", lambda row: f"{number(row.low, 2)} to {number(row.high, 2)}"))
    columns.append(
        Shown("SD from mean", lambda row: number(row.above, 1, sign=True), "from the mean of the cell lines")
    )
    if "percentile" in rows:
        columns.append(Shown("Percentile", lambda row: number(row.percentile, 0), "among the training lines"))
    return columns


def _trust(row: Any) -> str:
    return row.trust if isinstance(row.trust, str) else number(row.trust, 2)


def _text(row: Any, name: str) -> str:
    value = getattr(row, name, "")
    return value if isinstance(value, str) and value else "–"


def _real(row: Any, name: str) -> float:
    return float(getattr(row, name, float("nan")))


def _percent(row: Any, name: str) -> str:
    value = _real(row, name)
    return f"{100 * value:.0f} %" if value == value else "–"  # noqa: PLR0124 - NaN is not itself
