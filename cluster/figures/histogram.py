"""Targets by how well they are predicted, one curve a method: with autoencoders and without (B4)."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cluster.figures.page import Drawn, laid_out, shown

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
