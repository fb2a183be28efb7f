"""Figures of targets: how well they are predicted (B4), by class (B4), and by two methods."""

from collections.abc import Collection

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cluster.figures.page import COLOURS, GREY, Drawn, laid_out, shown
from cluster.results.compare import Comparison
from cluster.text import measure_in_words
from tasks.dataset.target_facts import CUTS, NEAR_0, NEAR_1, VARIABLE, VARIABLE_SD

BAR = 0.2  # the r that both papers count targets above
PER_UNIT = 50
_EDGES = np.arange(-PER_UNIT, PER_UNIT + 1) / PER_UNIT  # one of them is BAR, to the bit


def histogram(scores: pd.DataFrame) -> Drawn:
    """Counts of targets by the mean of their folds' r, for every method.

    `scores`: method, target, pearson; one row per fold, NaN where a fold has no r. Bins are 0.02 wide, open
    below and closed above, so that those above 0.2 add up to the count of the legend. `numbers`: method, low,
    high, targets; and of the whole method: targets scored, how many are above 0.2, their mean r.
    """
    means = scores.groupby(["method", "target"], sort=True)["pearson"].mean().dropna()
    parts = [
        _bins(r.to_numpy()).assign(method=method, scored=len(r), above=int((r > BAR).sum()), mean=r.mean())
        for method, r in means.groupby(level="method")
    ]
    numbers = _occupied(pd.concat(parts, ignore_index=True))
    figure = go.Figure([_curve(str(method), rows) for method, rows in numbers.groupby("method")])
    figure.add_vline(BAR, line={"dash": "dot", "color": "black", "width": 1})
    laid_out(
        figure,
        "Targets by how well they are predicted",
        "r between measured and predicted effect over a fold's test lines, mean over folds",
        "mean r over folds",
        f"targets in a bin of {1 / PER_UNIT:g}",
    )
    figure.update_yaxes(tickformat="d")
    figure.update_layout(showlegend=True)  # of one method, too: it says how many are above
    return Drawn(figure, numbers[["method", "low", "high", "targets", "scored", "above", "mean"]])


def _bins(r: np.ndarray) -> pd.DataFrame:
    """Every bin of −1..1 with its count; a rounding error beyond ±1 counts in the last."""
    at = np.clip(np.searchsorted(_EDGES, r, side="left") - 1, 0, len(_EDGES) - 2)
    counts = np.bincount(at, minlength=len(_EDGES) - 1)
    return pd.DataFrame({"low": _EDGES[:-1], "high": _EDGES[1:], "targets": counts})


def _occupied(bins: pd.DataFrame) -> pd.DataFrame:
    """Without the bins below the first and above the last that any method has a target in."""
    used = bins[bins["targets"] > 0]
    inside = (bins["low"] >= used["low"].min()) & (bins["high"] <= used["high"].max())
    return bins[inside].reset_index(drop=True)


def _curve(method: str, rows: pd.DataFrame) -> go.Scatter:
    scored, above, mean = rows[["scored", "above", "mean"]].iloc[0]
    ends = (rows["low"].iloc[0], rows["high"].iloc[-1])
    return go.Scatter(
        x=np.array([ends[0], *rows["low"], ends[1]]),
        y=np.array([0, *rows["targets"], 0]),
        line={"shape": "hv"},
        name=f"{shown(method)}: {above:.0f} of {scored:.0f} above {BAR}, mean {mean:.3f}",
        hovertemplate="from %{x:.2f}: %{y} targets<extra></extra>",
    )


_COLOUR = {VARIABLE: COLOURS[0], NEAR_0: GREY, NEAR_1: COLOURS[1]}


def classes(facts: pd.DataFrame, measure: str) -> Drawn:
    """One dot a target, the cuts between the classes as lines; `numbers`: target, class, mean, sd.

    `facts`: target, class, mean, sd. Targets without a measured effect (mean NaN) have no dot.
    """
    numbers = facts.loc[facts["mean"].notna(), ["target", "class", "mean", "sd"]].reset_index(drop=True)
    parts = {name: numbers[numbers["class"] == name] for name in _COLOUR}
    figure = go.Figure(
        [
            go.Scatter(
                x=part["mean"].to_numpy(),
                y=part["sd"].to_numpy(),
                text=[shown(target) for target in part["target"]],
                mode="markers",
                marker={"size": 4, "opacity": 0.6, "color": _COLOUR[name]},
                name=f"{name}: {len(part)}",
                hovertemplate="%{text}<br>mean %{x:.3f}, sd %{y:.3f}<extra></extra>",
            )
            for name, part in parts.items()
        ]
    )
    _draw_cuts(figure, CUTS[measure])
    laid_out(
        figure,
        "Classes of targets",
        f"{measure_in_words(measure)}<br>{VARIABLE}: sd above {VARIABLE_SD}; the others are split at a mean "
        f"of {CUTS[measure]:g}",
        f"mean {measure} over cell lines",
        f"standard deviation of {measure}",
    )
    return Drawn(figure, numbers)


def _draw_cuts(figure: go.Figure, cut: float) -> None:
    line = {"dash": "dot", "color": "black", "width": 1}
    figure.add_hline(VARIABLE_SD, line=line)
    figure.add_shape(type="line", x0=cut, x1=cut, y0=0, y1=VARIABLE_SD, line=line)


def compared(made: Comparison, listed: Collection[str] = ()) -> Drawn:
    """One dot a target, the first method upwards, with the diagonal; those `listed` stand out, labelled.

    `numbers` is the comparison's table with a column `listed`.
    """
    numbers = made.table.assign(listed=made.table["target"].isin(set(listed)))
    others, chosen = numbers[~numbers["listed"]], numbers[numbers["listed"]]
    names = (shown(made.first), shown(made.second))
    figure = go.Figure([_diagonal(numbers), _dots(others, names, f"{len(others)} targets", chosen.empty)])
    if len(chosen):
        figure.add_trace(_dots(chosen, names, f"{len(chosen)} listed", True))
        labels = [shown(target) for target in chosen["target"]]
        figure.data[-1].update(mode="markers+text", text=labels, textposition="top center")
        figure.data[-1].marker.update(size=8, opacity=1.0, color=COLOURS[1])
    paired = made.paired
    laid_out(
        figure,
        f"{names[0]} against {names[1]}",
        f"{names[0]} is better for the {paired.first_better} targets above the line, worse for the "
        f"{paired.second_better} below; mean difference {paired.mean:+.4f}",
        f"r of {names[1]}, mean over folds",
        f"r of {names[0]}, mean over folds",
    )
    figure.update_xaxes(constrain="domain")
    figure.update_yaxes(constrain="domain", scaleanchor="x")
    return Drawn(figure, numbers)


def _diagonal(table: pd.DataFrame) -> go.Scatter:
    r = table[["pearson_first", "pearson_second"]].to_numpy()
    ends = np.array([min(r.min(), 0.0), max(r.max(), 0.0)])
    line = {"dash": "dot", "color": "black", "width": 1}
    return go.Scatter(x=ends, y=ends, mode="lines", line=line, hoverinfo="skip", name="equal")


def _dots(table: pd.DataFrame, names: tuple[str, str], name: str, strong: bool) -> go.Scatter:
    return go.Scatter(
        x=table["pearson_second"].to_numpy(),
        y=table["pearson_first"].to_numpy(),
        hovertext=[
            f"{shown(row.target)}<br>{names[0]}: {row.pearson_first:.3f}<br>{names[1]}: "
            f"{row.pearson_second:.3f}<br>difference {row.difference:+.3f}, {row.folds} folds"
            for row in table.itertuples()
        ],
        hoverinfo="text",
        mode="markers",
        marker={"size": 5, "opacity": 0.6, "color": COLOURS[0] if strong else GREY},
        name=name,
    )
