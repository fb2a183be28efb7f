"""The figure of `tissues`: the targets that each group of samples depends on more than the others."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cluster.figures.page import Drawn, laid_out, shown
from tasks.analyses.tissues import NORMAL, OTHERS, standing_out

EACH = 6  # targets of each group
ROW = 18  # pixels of a target, so that its name touches no other
AGAINST = {OTHERS: "the samples of all other groups", NORMAL: "normal tissues"}
# RdBu of ColorBrewer: told apart by the colour-blind, too.
RED_TO_BLUE = (
    *("#67001f", "#b2182b", "#d6604d", "#f4a582", "#fddbc7", "#f7f7f7"),
    *("#d1e5f0", "#92c5de", "#4393c3", "#2166ac", "#053061"),
)


def tissues(rows: pd.DataFrame) -> Drawn:
    """A heat map of differences: the strongest targets of every group, by group, in all groups.

    `rows`: target, group, against, difference, effect_size, q_value, stronger, margin, pearson_pooled.
    Against the other groups and against normal tissues are maps of their own, beside each other. Colours are
    differences of mean predictions, blue where more dependent, and no darker beyond the 98th percentile of
    those shown, which the colour bar names.
    `numbers`: the first seven columns, and chosen_for, the group that a target was chosen for.
    """
    kinds = [kind for kind in AGAINST if (rows["against"] == kind).any()]
    parts = {kind: _part(rows[rows["against"] == kind]) for kind in kinds}
    titles = [f"less {AGAINST[kind]}" for kind in kinds] if len(kinds) > 1 else None
    figure = make_subplots(rows=1, cols=max(len(kinds), 1), subplot_titles=titles, horizontal_spacing=0.22)
    for at, numbers in enumerate(parts.values(), 1):
        heat = _heat(numbers, limit=_limit(pd.concat(parts.values())), last=at == len(kinds))
        figure.add_trace(heat, row=1, col=at)
    what = " and ".join(AGAINST[kind] for kind in kinds)
    laid_out(
        figure,
        "Predicted dependencies of groups of samples",
        f"mean prediction of the group less that of {what}; {EACH} targets a group",
        "group",
        "target",
    )
    figure.update_yaxes(autorange="reversed", dtick=1)  # else plotly leaves out every second name
    most = max([part["target"].nunique() for part in parts.values()], default=0)
    figure.update_layout(height=max(360, 200 + ROW * most))  # pixels, on a page
    figure.update_layout(meta={"mm": (85 * max(len(kinds), 1), 25 + 3.2 * max(most, 6))})
    kept = ["target", "group", "against", "difference", "effect_size", "q_value", "stronger", "chosen_for"]
    return Drawn(figure, pd.concat(parts.values())[kept] if parts else rows.assign(chosen_for="")[kept])


def _part(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the targets that are drawn, in their order, with the strength of each difference."""
    chosen = _chosen(rows)
    mine = rows[rows["target"].isin(chosen)].assign(strength=_strength(rows))
    order = {target: at for at, target in enumerate(chosen)}
    mine["chosen_for"] = mine["target"].map(chosen)
    return mine.iloc[np.argsort(mine["target"].map(order).to_numpy(), kind="stable")]


def _heat(numbers: pd.DataFrame, limit: float, last: bool) -> go.Heatmap:
    groups = sorted(numbers["group"].unique())
    wide = numbers.pivot_table(index="target", columns="group", values="strength")
    wide = wide.reindex(list(dict.fromkeys(numbers["target"])), columns=groups)
    return go.Heatmap(
        z=wide.to_numpy(),
        x=[shown(group) for group in groups],
        y=[shown(target) for target in wide.index],
        zmin=-limit,
        zmax=limit,
        showscale=last,
        colorscale=list(RED_TO_BLUE),
        colorbar={"title": {"text": f"difference<br>(more dependent: blue;<br>darkest from {limit:.2f} on)"}},
    )


def _limit(numbers: pd.DataFrame) -> float:
    known = numbers["strength"].abs().dropna()
    return float(np.quantile(known, 0.98)) if len(known) else 1.0


def _strength(rows: pd.DataFrame) -> pd.Series:
    """Differences with the sign of dependency: above 0 where the group is predicted more dependent."""
    return rows["difference"].abs() * np.where(rows["stronger"], 1.0, -1.0)


def _chosen(rows: pd.DataFrame) -> dict[str, str]:
    """The strongest targets of each group, each target for one group only, and for which."""
    found: dict[str, str] = {}
    for group, some in standing_out(rows).groupby("group", sort=True):
        best = some["target"]
        for target in best[~best.isin(found)].head(EACH):
            found[target] = str(group)
    return found
