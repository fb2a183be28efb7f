"""Figures of runs that hold lineages out: errors on a lineage never seen, beside as many random lines."""

import pandas as pd
import plotly.graph_objects as go

from cluster.figures.page import COLOURS, GREY, Drawn, laid_out, shown
from tasks.analyses.lineage import OVERALL


def held_out(lineages: pd.DataFrame) -> Drawn | None:
    """Mean RMSE on each held-out lineage and on its random twin; `numbers`: the table `lineages`."""
    if lineages.empty:
        return None
    method = str(lineages.groupby("method")["rmse"].mean().idxmin())
    rows = lineages[lineages["method"] == method].sort_values("difference", ignore_index=True)
    names = [f"{shown(name)} ({n})" for name, n in zip(rows["lineage"], rows["n_lines"], strict=True)]
    figure = go.Figure()
    sides = (
        ("rmse_random", "as many random lines", GREY, "square"),
        ("rmse", "the lineage, never seen", COLOURS[1], "circle"),
    )
    for column, name, colour, symbol in sides:
        dots = go.Scatter(
            x=rows[column].to_numpy(),
            y=names,
            mode="markers",
            marker={"size": 8, "color": colour, "symbol": symbol},
            name=name,
        )
        figure.add_trace(dots)
    overall = rows[rows["lineage"] == OVERALL]
    said = ""
    if len(overall):
        one = overall.iloc[0]
        said = f"over all: {one['difference']:+.3f}, of which the model's own part "
        said += f"{one['beyond_mean']:+.3f} (paired t, p {one['beyond_mean_t_p']:.2g})"
    laid_out(figure, f"Lineages never seen, method {shown(method)}", said, "RMSE, mean over targets", "")
    figure.update_yaxes(type="category")
    figure.update_layout(meta={"mm": (120.0, 40.0 + 5.5 * len(rows))})
    return Drawn(figure, lineages)


def lineage_errors(scores: pd.DataFrame) -> Drawn | None:
    """Violins of the targets' RMSE on each held-out lineage, beside their random twins together.

    `scores`: method, target, lineage (null of a twin), rmse. `numbers`: the rows of the method drawn.
    """
    known = scores.dropna(subset="rmse")
    if known.empty:
        return None
    method = str(known.groupby("method")["rmse"].mean().idxmin())
    rows = known[known["method"] == method]
    every = rows[rows["lineage"].isna()]
    medians = rows.groupby("lineage")["rmse"].median().sort_values(ascending=False, kind="stable")
    groups = [
        ("random lines", every),
        *((str(name), rows[rows["lineage"] == name]) for name in medians.index),
    ]
    figure = go.Figure(
        [
            go.Violin(
                x=[shown(name)] * len(part),
                y=part["rmse"].to_numpy(),
                name=shown(name),
                fillcolor=GREY if name == "random lines" else COLOURS[5],
                line={"color": "#444444", "width": 1},
                box={"visible": True},
                points=False,
                showlegend=False,
            )
            for name, part in groups
            if len(part)
        ]
    )
    laid_out(
        figure,
        f"Errors on lineages never seen, method {shown(method)}",
        "one value a target: its RMSE on the lineage; grey: on as many random lines, all twins together",
        "",
        "RMSE",
    )
    figure.update_xaxes(type="category")
    figure.update_layout(meta={"mm": (180.0, 80.0)})
    return Drawn(figure, rows.reset_index(drop=True))
