"""What is shown here: the data and folds, what the numbers can and cannot say, how to cite."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd
from dash import html

from cluster.explorer.data import COLUMNS, UNKNOWN, StoreData, counts
from cluster.explorer.pages.parts import Page, Shown, counted, number, section, small_table
from cluster.store.units import FINAL_FOLD
from cluster.text import measure_in_words

LIMITS = (
    "r is over cell lines: it says whether lines are put in the right order, not how large an effect is in a "
    "patient.",
    "Cell lines of one lineage resemble each other. Intervals and p take lines as independent, so both "
    "flatter; the gain and the shuffles within lineages (columns p and q within lineages) do not.",
    "A modifier is a correlation. It may mark a lineage, a complex or a chromosome arm rather than cause "
    "anything.",
    "A target that hardly varies has an r that means little: look at its standard deviation first.",
    "Predictions for tumours leave the range the models were trained in; the command knockcast predict says "
    "how far.",
)


def page(data: StoreData, given: Mapping[str, str]) -> Page:
    """About the store; arguments are not read."""
    del given
    content = [
        html.H1("About"),
        section("Data and settings", _pairs(_facts(data))),
        section("Folds", _folds(data), note="Which cell lines were held out to test, as run.json fixes it."),
        *_lineages(data),
        section("Limits", html.Ul([html.Li(text) for text in LIMITS])),
        section("What the columns mean", _columns()),
        section("How to cite", *_cite(data)),
    ]
    return Page("About", html.Article(content))


def _facts(data: StoreData) -> dict[str, Any]:
    run = data.reader.run
    settings = run.get("settings", {})
    versions = run.get("versions") or run.get("libraries") or {}
    tested = sum(fold.get("n_test", 0) > 0 for fold in run.get("folds", ()))
    facts: dict[str, Any] = {
        "Store": data.path,
        "Dataset": ", ".join(data.reader.datasets()) or "no place is recorded",
        "Dataset's sha256": run.get("dataset_hash", "–"),
        "Measure": measure_in_words(run["measure"])
        if run.get("measure") in ("effect", "dependency", "level")
        else "–",
        "Targets": number(len(data.targets), 0),
        "Methods": ", ".join(data.methods) or "–",
        "Scheme, folds, seed": f"{run.get('scheme', '–')}, {tested or '–'}, {run.get('seed', '–')}",
        "Preset": run.get("preset", "–"),
        "Settings": ", ".join(f"{k} {v}" for k, v in settings.items())
        if isinstance(settings, dict)
        else str(settings),
    }
    if isinstance(versions, dict) and versions:
        facts["Libraries"] = ", ".join(f"{k} {v}" for k, v in versions.items())
    return facts


def _pairs(facts: Mapping[str, Any]) -> html.Dl:
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(str(value))]) for name, value in facts.items()], className="facts"
    )


def _folds(data: StoreData) -> Any:
    folds = data.reader.run.get("folds", ())
    if not folds:
        return html.P("This store does not name its folds.")
    frame = pd.DataFrame(list(folds)).reindex(columns=["number", "name", "n_train", "n_test", "control"])
    if not any(unit.fold == FINAL_FOLD for unit in data.reader.wanted_units()):
        frame = frame[frame["number"] != FINAL_FOLD]  # run.json names it, but no model of it is wanted
    columns = (
        Shown("Fold", lambda row: number(row.number, 0)),
        Shown("Name", lambda row: row.name if isinstance(row.name, str) else "–", is_number=False),
        Shown("Training lines", lambda row: number(row.n_train, 0)),
        Shown("Test lines", lambda row: number(row.n_test, 0)),
        Shown("Counts", _counts, "whether scores of the fold count", is_number=False),
    )
    return small_table(frame, columns, "Folds")


def _counts(row: Any) -> str:
    if row.number == FINAL_FOLD:
        return "no, the final models: nothing is held out"
    return "no, a random twin" if row.control is True else "yes"


def _lineages(data: StoreData) -> list[Any]:
    lines = data.cell_lines
    if lines.empty:
        return []
    named = lines.assign(lineage=[name or UNKNOWN for name in lines["lineage"]])
    found = counts(named, "lineage")
    frame = pd.DataFrame({"lineage": list(found), "lines": list(found.values())})
    columns = (
        Shown("Lineage", lambda row: row.lineage, is_number=False),
        Shown("Cell lines", lambda row: number(row.lines, 0)),
    )
    return [
        section(
            "Cell lines",
            small_table(frame, columns, "Cell lines by lineage"),
            note=f"{counted(len(lines), 'cell line')}.",
        )
    ]


def _columns() -> html.Dl:
    return html.Dl(
        [html.Div([html.Dt(html.Code(c.name)), html.Dd(c.doc.replace("`", ""))]) for c in COLUMNS.values()],
        className="facts",
    )


def _cite(data: StoreData) -> list[Any]:
    try:
        ours = version("knockcast")
    except PackageNotFoundError:
        ours = "from sources"
    dataset = str(data.reader.run.get("dataset_hash", "–"))
    return [
        html.P("Name the data release, and what made the numbers:"),
        html.Pre(f"Knockcast {ours}, run {data.reader.run_digest[:16]}, dataset {dataset[:16]}"),
        html.P(
            "docs/methods.md names the papers whose methods it follows. DepMap asks for its own citation, by "
            "release."
        ),
    ]
