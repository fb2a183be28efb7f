"""Two methods target by target: one's r against the other's."""

from collections.abc import Collection

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cluster.figures.page import COLOURS, GREY, Drawn, laid_out, shown
from cluster.results.compare import Comparison


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
