"""New samples: what `predict` says of each, how it fits the training lines, what it depends on."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from dash import dcc, html

from cluster.explorer.data import StoreData
from cluster.explorer.forecast import Forecast
from cluster.explorer.pages.parts import Page, Shown, gene_link, nothing, number, section, small_table, tiles
from cluster.explorer.state import sample_path
from tasks.analyses.answer.wording import listed

LISTED, STRONGEST = 2000, 60
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
    flagged = int(rows["flagged"].sum())
    words = f"{len(rows)} samples x {forecast.table.shape[1]} targets, from {forecast.path}. "
    words += (
        f"{flagged} of them fit the training lines badly: believe their numbers less."
        if flagged
        else "None is flagged."
        if forecast.fit is not None
        else "How they fit the training lines is not known: the file .samples is not beside it."
    )
    content = [
        html.H1("New samples"),
        html.P(words, className="quiet"),
        small_table(rows, _columns(forecast, gene), "Samples", LISTED),
    ]
    return Page("New samples", html.Article(content))


def _rows(forecast: Forecast, gene: str | None) -> pd.DataFrame:
    rows = pd.DataFrame({"sample": forecast.samples})
    if forecast.fit is not None:
        rows = rows.merge(forecast.fit, on="sample", how="left")
    rows["flagged"] = rows["flagged"].fillna(False).astype(bool) if "flagged" in rows else False
    if gene is not None:
        rows["predicted"] = forecast.table[gene].to_numpy(float)
    return rows.sort_values(["flagged", "sample"], ascending=[False, True], kind="stable", ignore_index=True)


def _columns(forecast: Forecast, gene: str | None) -> list[Shown]:
    columns = [
        Shown("Sample", lambda row: dcc.Link(row.sample, href=sample_path(row.sample)), is_number=False)
    ]
    if gene is not None:
        columns.append(Shown(f"Predicted, {gene}", lambda row: number(row.predicted, 2)))
    if forecast.fit is not None:
        columns += [
            Shown("Fit", lambda row: "flagged" if row.flagged else "good", is_number=False),
            Shown("Why", lambda row: _text(row, "why"), is_number=False),
            Shown("Nearest lineage", lambda row: _text(row, "nearest_lineage"), is_number=False),
            Shown(
                "Nearest r",
                lambda row: number(_real(row, "nearest_r"), 2),
                "of its expression with the nearest line's",
            ),
            Shown(
                "Outside",
                lambda row: _percent(row, "outside_share"),
                "share of genes beyond the training range",
            ),
        ]
    return columns


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
        *_fit(forecast, sample),
        *_standing_out(special),
        html.Div(
            [
                *_special(special, sample),
                section(
                    "Strongest of all",
                    small_table(strongest, _predicted(strongest), f"Dependencies of {sample}", STRONGEST),
                    note="Most of these are essential in every cell.",
                ),
            ],
            className="pair",
        ),
    ]
    return Page(sample, html.Article(content))


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
    words = f"Flagged: {_text(row, 'why')}." if flagged else "It fits the training lines."
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
    if rows["low"].notna().any():
        columns.append(Shown("Interval", lambda row: f"{number(row.low, 2)} to {number(row.high, 2)}"))
    columns.append(
        Shown("SD from mean", lambda row: number(row.above, 1, sign=True), "from the mean of the cell lines")
    )
    if "percentile" in rows:
        columns.append(Shown("Percentile", lambda row: number(row.percentile, 0), "among the training lines"))
    if "trust" in rows:
        columns.append(
            Shown("Trust", lambda row: row.trust if isinstance(row.trust, str) else number(row.trust, 2))
        )
    return columns


def _text(row: Any, name: str) -> str:
    value = getattr(row, name, "")
    return value if isinstance(value, str) and value else "–"


def _real(row: Any, name: str) -> float:
    return float(getattr(row, name, float("nan")))


def _percent(row: Any, name: str) -> str:
    value = _real(row, name)
    return f"{100 * value:.0f} %" if value == value else "–"  # noqa: PLR0124 - NaN is not itself
