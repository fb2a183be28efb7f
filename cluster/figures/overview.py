"""Figures of all targets: what models add to baselines, which models win, what shuffled labels leave."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cluster.figures.page import COLOURS, GREY, Drawn, laid_out, shown

LABELLED = 12  # targets that are named
WIDE, NARROW = 0.05, 0.02  # bins of r
BASELINES = ("pearson_lineage", "pearson_own")
GUIDE = {"dash": "dot", "color": "black", "width": 1}


def best_method(genes: pd.DataFrame) -> str:
    """The method whose targets have the highest mean pooled r, a target without any counting as 0."""
    mean = genes.assign(r=genes["pearson_pooled"].fillna(0)).groupby("method")["r"].mean()
    return str(mean.sort_values(kind="stable").index[-1])


def gain(genes: pd.DataFrame) -> Drawn | None:
    """A dot a target: pooled r of the best method against the better baseline; those gaining most are named.

    `genes`: the table. `numbers`: method, target, pearson_pooled, baseline, gain, q_value.
    """
    known = genes.dropna(subset=["pearson_pooled", "gain"])
    if known.empty:
        return None
    method = best_method(known)
    rows = known[known["method"] == method].copy()
    rows["baseline"] = rows[list(BASELINES)].max(axis=1).clip(lower=0).fillna(0)
    rows = rows.sort_values(["gain", "target"], ascending=[False, True], ignore_index=True)
    real = rows["q_value"] < 0.05
    figure = go.Figure()
    for mine, name, colour in ((~real, "not significant", "#c4c4c4"), (real, "q < 0.05", COLOURS[0])):
        part = rows[mine]
        figure.add_trace(
            go.Scatter(
                x=part["baseline"].to_numpy(),
                y=part["pearson_pooled"].to_numpy(),
                mode="markers",
                marker={"size": 4.5, "opacity": 0.65, "color": colour},
                text=[
                    f"{shown(t)}<br>gain {g:.2f}" for t, g in zip(part["target"], part["gain"], strict=True)
                ],
                hovertemplate="%{text}<extra></extra>",
                name=f"{name}: {len(part)}",
            )
        )
    named = _apart(rows[real & (rows["gain"] > 0)].reset_index(drop=True))
    figure.add_trace(
        go.Scatter(
            x=named["baseline"].to_numpy(),
            y=named["pearson_pooled"].to_numpy(),
            mode="text",
            text=[shown(name) for name in named["target"]],
            textposition="top center",
            textfont={"size": 10},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    top = float(max(rows["pearson_pooled"].max(), rows["baseline"].max(), 0.1))
    figure.add_shape(type="line", x0=0, y0=0, x1=top, y1=top, line=GUIDE)
    laid_out(
        figure,
        f"What method {shown(method)} adds to simple baselines",
        f"one dot a target; above the line better than baselines: {(rows['gain'] > 0).sum()} of {len(rows)}; "
        f"by more than 0.1: {(rows['gain'] > 0.1).sum()}",
        "r of the better baseline: lineage alone, own expression alone (or 0)",
        "r of the model, out of fold",
    )
    figure.update_layout(meta={"mm": (120.0, 110.0)})
    columns = ["method", "target", "pearson_pooled", "baseline", "gain", "q_value"]
    return Drawn(figure, rows[columns])


def _apart(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the targets that gain most those whose names do not run into each other."""
    spans = [float(np.ptp(rows[c])) or 1.0 for c in ("baseline", "pearson_pooled")]
    kept: list[int] = []
    for at, x, y in zip(
        rows.index, rows["baseline"] / spans[0], rows["pearson_pooled"] / spans[1], strict=True
    ):
        near = (
            (abs(x - rows["baseline"][k] / spans[0]), abs(y - rows["pearson_pooled"][k] / spans[1]))
            for k in kept
        )
        if all(across > 0.2 or up > 0.06 for across, up in near):
            kept.append(at)
        if len(kept) == LABELLED or at > 10 * LABELLED:
            break
    return rows.loc[kept]


def model_types(genes: pd.DataFrame) -> Drawn | None:
    """A histogram of r for each model that folds chose most often, of the methods that choose one.

    `numbers`: method, model, target, pearson_pooled.
    """
    known = genes.dropna(subset=["pearson_pooled", "model"])
    several = known.groupby("method")["model"].nunique()
    rows = known[known["method"].isin(several[several > 1].index)]
    if rows.empty:
        return None
    groups = sorted(
        rows.groupby(["method", "model"]), key=lambda item: (item[0][0], -len(item[1]), item[0][1])
    )
    one = rows["method"].nunique() == 1
    names = [shown(model) if one else f"{shown(method)}: {shown(model)}" for (method, model), _ in groups]
    titles = [
        f"{name}: {len(part)}, mean r {part['pearson_pooled'].mean() + 0.0:.2f}"
        for name, (_, part) in zip(names, groups, strict=True)
    ]
    across = min(3, len(groups))
    down = -(-len(groups) // across)
    figure = make_subplots(
        rows=down, cols=across, subplot_titles=titles, horizontal_spacing=0.08, vertical_spacing=0.3 / down
    )
    low = np.floor(float(rows["pearson_pooled"].min()) / WIDE) * WIDE
    edges = np.arange(low, float(rows["pearson_pooled"].max()) + 2 * WIDE, WIDE)
    for at, ((_, _), part) in enumerate(groups):
        counts, _ = np.histogram(part["pearson_pooled"], bins=edges)
        bars = go.Bar(
            x=edges[:-1] + WIDE / 2,
            y=counts,
            width=0.9 * WIDE,
            marker={"color": COLOURS[0]},
            showlegend=False,
        )
        figure.add_trace(bars, row=at // across + 1, col=at % across + 1)
    figure.update_xaxes(range=[edges[0], edges[-1]], title_text="r")
    figure.update_yaxes(title_text="targets", tickformat="d")
    laid_out(
        figure,
        "Targets by the model that most folds chose",
        "pooled r out of fold; number of targets and mean r above each panel",
        "r",
        "targets",
    )
    figure.update_layout(meta={"mm": (60.0 * max(across, 2), 24.0 + 40.0 * down)}, showlegend=False)
    return Drawn(figure, rows[["method", "model", "target", "pearson_pooled"]].reset_index(drop=True))


def controls(genes: pd.DataFrame) -> Drawn | None:
    """Curves of targets by r: of each method, and to expect of it when labels are shuffled within lineages.

    `numbers`: method, labels (`measured` or `shuffled within lineages`), low, targets.
    """
    if genes["pearson_permuted"].notna().sum() == 0:
        return None
    parts = []
    for method, rows in genes.groupby("method", sort=True):
        for labels, column in (
            ("measured", "pearson_pooled"),
            ("shuffled within lineages", "pearson_permuted"),
        ):
            values = rows[column].dropna().to_numpy()
            bins = pd.Series(np.floor(values / NARROW + 1e-9).astype(int)).value_counts().sort_index()
            found = {"method": method, "labels": labels, "bin": bins.index, "targets": bins.to_numpy()}
            parts.append(pd.DataFrame(found))
    numbers = pd.concat(parts, ignore_index=True)
    figure = go.Figure()
    grid = np.arange(numbers["bin"].min(), numbers["bin"].max() + 2)
    methods = sorted(genes["method"].unique())
    for (of, kind), rows in numbers.groupby(["method", "labels"], sort=True):
        targets = rows.set_index("bin")["targets"].reindex(grid, fill_value=0)
        figure.add_trace(
            go.Scatter(
                x=grid * NARROW,
                y=targets.to_numpy(),
                mode="lines",
                line={
                    "shape": "hv",
                    "dash": "solid" if kind == "measured" else "dot",
                    "color": (*COLOURS, GREY)[methods.index(of) % 8],
                },
                name=f"{shown(of)}, {kind}",
            )
        )
    laid_out(
        figure,
        "What is left when labels are shuffled within lineages",
        "solid: measured labels; dotted: r to expect by lineage alone (mean over all shuffles). What lies "
        "between is predicted within lineages",
        "pooled r, out of fold",
        "targets in a bin of 0.02",
    )
    figure.update_yaxes(tickformat="d")
    figure.update_layout(meta={"mm": (120.0, 90.0)})
    numbers["low"] = numbers["bin"] * NARROW
    return Drawn(figure, numbers[["method", "labels", "low", "targets"]])
