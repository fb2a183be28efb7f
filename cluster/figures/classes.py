"""Classes of targets: each one's mean effect against its standard deviation (B4)."""

import pandas as pd
import plotly.graph_objects as go

from cluster.figures.page import COLOURS, GREY, Drawn, laid_out, shown
from cluster.text import measure_in_words
from tasks.dataset.target_facts import CUTS, NEAR_0, NEAR_1, VARIABLE, VARIABLE_SD

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
        f"{measure_in_words(measure)}<br>{VARIABLE}: sd above {VARIABLE_SD}; the others are divided at a mean "
        f"of {CUTS[measure]:g}",
        f"mean {measure} over cell lines",
        f"standard deviation of {measure}",
    )
    return Drawn(figure, numbers)


def _draw_cuts(figure: go.Figure, cut: float) -> None:
    line = {"dash": "dot", "color": "black", "width": 1}
    figure.add_hline(VARIABLE_SD, line=line)
    figure.add_shape(type="line", x0=cut, x1=cut, y0=0, y1=VARIABLE_SD, line=line)
