"""The methods of a store side by side: how many targets each predicts, and two of them target by target."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from dash import html

from cluster.explorer import charts
from cluster.explorer.data import StoreData
from cluster.explorer.pages.parts import (
    Page,
    Shown,
    answer,
    chart,
    counted,
    gene_link,
    nothing,
    number,
    section,
    small_table,
    switch,
)
from cluster.explorer.state import address

BARS = (0.2, 0.4)
LISTED = 15


def page(data: StoreData, given: Mapping[str, str]) -> Page:
    """All methods; then `?first=` against `?second=`."""
    if not data.methods:
        return nothing("Methods", "This store holds no scores of targets.")
    frames = {method: data.genes(method) for method in data.methods}
    content = [
        html.H1("Methods"),
        answer(_sentence(frames), data.unfinished),
        section(
            "Side by side",
            small_table(_summary(frames), _COLUMNS, "Methods and how well they predict"),
            chart(
                charts.histogram({m: r_of(f).to_numpy(float) for m, f in frames.items()}),
                "Targets by r, for each method",
                360,
            ),
            note="A target's r is its mean over the folds; 0 in means and counts where it has none.",
        ),
        *_pair(data, frames, given),
    ]
    return Page("Methods", html.Article(content))


def _sentence(frames: Mapping[str, pd.DataFrame]) -> str:
    """The method that predicts best on average, and by how many targets it is shown to predict at all."""
    best = max(frames, key=lambda name: (float(r_of(frames[name]).fillna(0).mean()), name))
    rows = frames[best]
    shown = int((rows["q_value"].astype(float) <= 0.05).sum())
    words = f"{best} predicts best on average: mean r {number(r_of(rows).fillna(0).mean(), 2)} over "
    words += f"{number(len(rows), 0)} targets"
    return f"{words}, {number(shown, 0)} of them shown to be predicted (q ≤ 0.05)." if shown else f"{words}."


def r_of(frame: pd.DataFrame) -> pd.Series:
    """Each target's r: the mean over its folds."""
    return frame["pearson"].astype(float)


def _summary(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    rows = []
    for method, frame in frames.items():
        r = r_of(frame).fillna(0)
        gain, q = frame["gain"].astype(float), frame["q_value"].astype(float)
        rows.append(
            {
                "method": method,
                "targets": len(frame),
                "mean": r.mean(),
                "gain": gain.mean(),
                "significant": (q <= 0.05).sum() if q.notna().any() else np.nan,  # not before the index
            }
            | {f"above_{at}": int((r > bar).sum()) for at, bar in enumerate(BARS)}
        )
    return pd.DataFrame(rows)


_COLUMNS = (
    Shown("Method", lambda row: row.method, is_number=False),
    Shown("Targets", lambda row: number(row.targets, 0)),
    Shown("Mean r", lambda row: number(row.mean)),
    Shown("Mean gain", lambda row: number(row.gain, sign=True), "over lineage and own expression"),
    Shown(
        "q ≤ 0.05",
        lambda row: number(row.significant, 0),
        "targets whose r is above 0 at this false discovery rate",
    ),
    *(
        Shown(f"r > {bar}", lambda row, at=at: number(getattr(row, f"above_{at}"), 0))  # type: ignore[misc]
        for at, bar in enumerate(BARS)
    ),
)


def _pair(data: StoreData, frames: Mapping[str, pd.DataFrame], given: Mapping[str, str]) -> list[Any]:
    if len(frames) < 2:
        return []
    first = given.get("first", "") if given.get("first") in frames else data.methods[0]
    second = given.get("second", "") if given.get("second") in frames else ""
    second = second if second and second != first else next(m for m in data.methods if m != first)
    both = _both(frames[first], frames[second])
    one = [(m, address("/methods", first=m, second=second)) for m in frames if m != second]
    other = [(m, address("/methods", first=first, second=m)) for m in frames if m != first]
    wins = int((both["difference"] > 0).sum()), int((both["difference"] < 0).sum())
    mean = number(both["difference"].mean(), 4, sign=True)
    words = f"{first} is better for {counted(wins[0], 'target')}, {second} for {number(wins[1], 0)}; "
    words += f"mean difference {mean}."
    figure = charts.two_methods(both, (first, second))
    order = both.sort_values("difference", kind="stable")
    ahead = ((first, order[order["difference"] > 0].iloc[::-1]), (second, order[order["difference"] < 0]))
    tops = [_top(name, part, _columns(first, second)) for name, part in ahead]
    return [
        section(
            f"{first} against {second}",
            switch("First", one, first),
            switch("Second", other, second),
            html.P(words),
            chart(figure, f"Scatter plot: r of {first} and {second}, a dot for each target", 480),
            html.Div(tops, className="pair"),
            note=f"Over the targets that both have; the figure shows at most {number(charts.MOST_DOTS, 0)}, "
            "all that differ most. The command knockcast compare tests the difference.",
        )
    ]


def _top(name: str, rows: pd.DataFrame, columns: tuple[Shown, ...]) -> html.Div:
    """The targets for which one method is furthest ahead."""
    caption = f"Targets where {name} gains most"
    shown = small_table(rows.head(LISTED), columns, caption) if len(rows) else html.P("None.")
    return html.Div([html.H3(f"{name} gains most"), shown])


def _both(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """target, first, second, difference: r of targets that both methods have."""
    merged = first[["target", "pearson"]].merge(
        second[["target", "pearson"]], on="target", suffixes=("_a", "_b")
    )
    a, b = (merged[name].astype(float).fillna(0) for name in ("pearson_a", "pearson_b"))
    return pd.DataFrame(
        {"target": merged["target"], "first": a, "second": b, "difference": np.asarray(a) - np.asarray(b)}
    )


def _columns(first: str, second: str) -> tuple[Shown, ...]:
    return (
        Shown("Gene", lambda row: gene_link(row.target), is_number=False),
        Shown(first, lambda row: number(row.first, 2)),
        Shown(second, lambda row: number(row.second, 2)),
        Shown("Difference", lambda row: number(row.difference, 2, sign=True)),
    )
