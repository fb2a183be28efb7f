"""The explorer's figures: small Plotly figures that the style sheet colours for light and dark."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cluster.figures.gene.parts import jittered
from cluster.figures.page import COLOURS, GREY, shown

COLOURED = 6  # lineages with a colour of their own; the others are grey
CLEAR = "rgba(0,0,0,0)"
CROWDED = 400  # dots that cover each other unless they are small
MOST_DOTS = 4000  # that a browser draws without a graphics card in a moment
FEW = 5  # lines a lineage needs for a colour or a box


def laid(figure: go.Figure, x: str, y: str) -> go.Figure:
    """The layout that all have: no title (the page has it), clear ground, the page's own font."""
    axis = {"zeroline": False, "linecolor": GREY, "gridcolor": "rgba(128,128,128,0.2)", "automargin": True}
    figure.update_layout(
        template="none",
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        font={"family": "system-ui, sans-serif", "size": 13},
        margin={"l": 56, "r": 12, "t": 12, "b": 48},
        legend={"itemsizing": "constant", "orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}},
        colorway=COLOURS,
    )
    figure.update_xaxes(title={"text": x}, **axis)
    return figure.update_yaxes(title={"text": y}, **axis)


def as_panel(figure: go.Figure) -> tuple[go.Figure, str]:
    """A figure made for another page, without its title, whose second line comes back as text."""
    note = figure.layout.title.subtitle.text or ""
    figure.update_layout(
        title=None,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        font={"family": "system-ui, sans-serif", "size": 13},
        margin={"t": 40, "r": 16},
    )
    return figure, note.replace("<br>", " ")


def moved_apart(values: pd.Series) -> str:
    """A sentence on measured values that are drawn a little apart; empty where they are drawn as they are."""
    drawn = jittered(values.to_numpy(dtype=float))
    is_moved = not np.array_equal(drawn, values.to_numpy(dtype=float), equal_nan=True)
    return (
        "Measured levels are moved apart a little, at random, so that no dot hides another."
        if is_moved
        else ""
    )


def measured_predicted(rows: pd.DataFrame, effect: str, lineage: str = "") -> go.Figure:
    """A dot for each cell line, measured to the right, predicted upwards, and the line where both are equal.

    `rows`: cell_line, lineage, fold, measured, predicted. One lineage stands out where it is named, else
    those whose lines depend most differently from the rest.
    """
    chosen = [lineage] if lineage else lineages_apart(rows)
    rows = rows.assign(shown=jittered(rows["measured"].to_numpy()))
    figure = go.Figure(
        _dots(rows[~rows["lineage"].isin(chosen)], "other lineages" if chosen else "cell lines", GREY, 0.55)
    )
    for at, name in enumerate(chosen):
        part = rows[rows["lineage"] == name]
        figure.add_trace(_dots(part, f"{shown(name)} ({len(part)})", COLOURS[at % len(COLOURS)], 0.9))
    both = np.concatenate([rows["measured"], rows["predicted"]])
    ends = [float(both.min()), float(both.max())] if len(both) else [0.0, 1.0]
    figure.add_trace(_equal(ends))
    return laid(figure, f"measured {effect}", f"predicted {effect}")


def _dots(rows: pd.DataFrame, name: str, colour: str, opacity: float) -> go.Scatter:
    return go.Scatter(
        x=rows["shown"].to_numpy(),
        y=rows["predicted"].to_numpy(),
        customdata=rows["measured"].to_numpy(),
        mode="markers",
        name=name,
        marker={"size": 7, "opacity": opacity, "color": colour, "line": {"width": 0}},
        text=[
            f"{shown(row.cell_line)}<br>{shown(row.lineage)}, fold {row.fold}" for row in rows.itertuples()
        ],
        hovertemplate="%{text}<br>measured %{customdata:.2f}, predicted %{y:.2f}<extra></extra>",
    )


def lineages_apart(rows: pd.DataFrame, most: int = COLOURED) -> list[str]:
    """The lineages whose mean measured effect is furthest from the mean of all, in standard errors."""
    grouped = rows.groupby("lineage")["measured"].agg(["mean", "size"])
    grouped = grouped[grouped["size"] >= FEW]
    if len(grouped) < 2:
        return []
    apart = ((grouped["mean"] - rows["measured"].mean()).abs() * np.sqrt(grouped["size"])).sort_values(
        ascending=False, kind="stable"
    )
    return list(apart.index[:most])


def by_lineage(rows: pd.DataFrame, effect: str, higher: bool) -> go.Figure:
    """A box of measured effects for each lineage, the strongest dependency on top, and its median prediction.

    `higher`: whether higher values are stronger dependencies.
    """
    grouped = rows.groupby("lineage").agg(
        n=("measured", "size"), mean=("measured", "mean"), predicted=("predicted", "median")
    )
    grouped = grouped[grouped["n"] >= FEW].sort_values("mean", ascending=higher, kind="stable")
    labels = {
        name: f"{shown(name)} ({row.n})"
        for name, row in zip(grouped.index, grouped.itertuples(), strict=True)
    }
    figure = go.Figure()
    parts = rows[rows["lineage"].isin(labels)]
    figure.add_trace(
        go.Box(
            x=parts["measured"].to_numpy(),
            y=[labels[name] for name in parts["lineage"]],
            orientation="h",
            name="measured",
            marker={"size": 3, "color": COLOURS[0]},
            line={"width": 1.2},
            text=[shown(line) for line in parts["cell_line"]],
            hovertemplate="%{text}: %{x:.2f}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=grouped["predicted"].to_numpy(),
            y=list(labels.values()),
            mode="markers",
            name="median prediction",
            marker={"symbol": "diamond", "size": 9, "color": COLOURS[1]},
            hovertemplate="predicted %{x:.2f}<extra></extra>",
        )
    )
    laid(figure, effect, "")
    return figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=list(labels.values()), title=None, ticks=""
    )


def baselines(rows: pd.DataFrame) -> go.Figure:
    """Of each method its r with interval; beside it what lineage and own expression give alone.

    `rows`: the target's rows of `genes`.
    """
    figure = go.Figure()
    first = rows.iloc[0]
    names = [shown(m) for m in rows["method"]]
    r, low, high = (rows[c].to_numpy(dtype=float) for c in ("pearson_pooled", "pearson_low", "pearson_high"))
    figure.add_trace(
        go.Scatter(
            x=r,
            y=names,
            mode="markers",
            name="model, 95 % interval",
            marker={"size": 11, "color": COLOURS[0]},
            error_x={"array": high - r, "arrayminus": r - low, "thickness": 1.6, "color": COLOURS[0]},
            hovertemplate="%{y}: r %{x:.3f}<extra></extra>",
        )
    )
    simple = [
        ("lineage alone", "pearson_lineage"),
        ("own expression alone", "pearson_own"),
        ("covariates alone", "pearson_confounders"),
    ]
    kept = [(name, float(first[c])) for name, c in simple if c in rows and pd.notna(first[c])]
    figure.add_trace(
        go.Scatter(
            x=[value for _, value in kept],
            y=[name for name, _ in kept],
            mode="markers",
            name="without a model",
            marker={"size": 11, "symbol": "diamond", "color": COLOURS[1]},
            hovertemplate="%{y}: r %{x:.3f}<extra></extra>",
        )
    )
    laid(figure, "r on lines not seen", "")
    order = [*names, *(name for name, _ in kept)]
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=order[::-1], title=None)
    return figure.add_vline(0, line={"width": 1, "color": GREY})


def against(first: pd.DataFrame, second: pd.DataFrame, names: Sequence[str], what: str) -> go.Figure:
    """Two genes over the lines both have: `what` (measured or predicted) of one against the other.

    Levels are moved apart along both axes.
    """
    both = first.merge(second, on="cell_line", suffixes=("_a", "_b"))
    figure = go.Figure(
        go.Scatter(
            x=jittered(both[f"{what}_a"].to_numpy()),
            y=jittered(both[f"{what}_b"].to_numpy(), seed=1),
            customdata=both[[f"{what}_a", f"{what}_b"]].to_numpy(),
            mode="markers",
            name="cell lines",
            showlegend=False,
            marker={"size": 6, "opacity": 0.6, "color": COLOURS[0]},
            text=[f"{shown(row.cell_line)}<br>{shown(row.lineage_a)}" for row in both.itertuples()],
            hovertemplate="%{text}<br>%{customdata[0]:.2f}, %{customdata[1]:.2f}<extra></extra>",
        )
    )
    return laid(figure, f"{what}, {shown(names[0])}", f"{what}, {shown(names[1])}")


def two_methods(rows: pd.DataFrame, names: Sequence[str]) -> go.Figure:
    """A dot for each target: r of one method against r of another. `rows`: target, first, second."""
    return _targets(rows, "second", "first", f"r of {shown(names[1])}", f"r of {shown(names[0])}")


def out_of_fold_and_new(rows: pd.DataFrame) -> go.Figure:
    """Of each target r on new lines against r out of fold. `rows`: target, pearson, pearson_pooled."""
    rows = rows.assign(difference=rows["pearson"] - rows["pearson_pooled"]).dropna(subset="difference")
    return _targets(rows, "pearson_pooled", "pearson", "r out of fold", "r on new lines")


def _targets(rows: pd.DataFrame, x: str, y: str, x_title: str, y_title: str) -> go.Figure:
    """A dot for each target, and the line where both are equal."""
    drawn = thinned(rows)
    crowded = len(drawn) > CROWDED
    figure = go.Figure(
        go.Scatter(
            x=drawn[x].to_numpy(),
            y=drawn[y].to_numpy(),
            mode="markers",
            showlegend=False,
            marker={
                "size": 4 if crowded else 7,
                "opacity": 0.4 if crowded else 0.7,
                "color": COLOURS[0],
            },
            text=[shown(target) for target in drawn["target"]],
            hovertemplate="%{text}<br>%{x:.2f}, %{y:.2f}<extra></extra>",
        )
    )
    both = rows[[x, y]].to_numpy(dtype=float)
    figure.add_trace(_equal([float(np.nanmin(both)), float(np.nanmax(both))] if len(both) else [0, 1]))
    return laid(figure, x_title, y_title)


def _equal(ends: list[float]) -> go.Scatter:
    """The dotted line where both are equal."""
    line = {"dash": "dot", "width": 1, "color": GREY}
    return go.Scatter(x=ends, y=ends, mode="lines", line=line, hoverinfo="skip", showlegend=False)


def thinned(rows: pd.DataFrame, most: int = MOST_DOTS) -> pd.DataFrame:
    """At most so many targets: those that differ most, of the others every so many. `rows`: difference."""
    if len(rows) <= most:
        return rows
    order = rows["difference"].abs().sort_values(ascending=False, kind="stable").index
    others = order[most // 2 :]
    step = -(-len(others) // (most - most // 2))
    return rows.loc[[*order[: most // 2], *others[::step]]]


def histogram(r: dict[str, np.ndarray]) -> go.Figure:
    """How many targets have which r, a stepped line for each method."""
    edges = np.round(np.arange(-0.6, 1.0001, 0.02), 2)
    figure = go.Figure()
    for method, values in r.items():
        counts, _ = np.histogram(np.clip(values[~np.isnan(values)], edges[0], edges[-1]), edges)
        used = np.flatnonzero(counts)
        part = slice(used[0], used[-1] + 1) if len(used) else slice(0, 0)
        figure.add_trace(
            go.Scatter(
                x=edges[:-1][part] + 0.01,
                y=counts[part],
                mode="lines",
                line={"shape": "hvh", "width": 2},
                name=shown(method),
                hovertemplate="r about %{x:.2f}: %{y} targets<extra></extra>",
            )
        )
    return laid(figure, "r on cell lines not seen in training", "targets")
