"""The figure of `tissues`: the targets that each group of samples depends on more than the others."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cluster.figures.page import Drawn, laid_out, shown

EACH = 6  # targets of each group
ROW = 18  # pixels of a target, so that its name touches no other
LEAST_R, LEVEL = 0.2, 0.05
AGAINST = "others"
# RdBu of ColorBrewer: told apart by the colour-blind, too.
RED_TO_BLUE = (
    *("#67001f", "#b2182b", "#d6604d", "#f4a582", "#fddbc7", "#f7f7f7"),
    *("#d1e5f0", "#92c5de", "#4393c3", "#2166ac", "#053061"),
)


def tissues(rows: pd.DataFrame) -> Drawn:
    """A heat map of differences: the strongest targets of every group, by group, in all groups.

    `rows`: target, group, against, difference, effect_size, q_value, stronger, pearson_pooled; against the
    other groups, or else normal tissues. Colours are differences of mean predictions, blue where more
    dependent, cut at the 98th percentile of those shown. `numbers`: the first five columns, stronger, and
    chosen_for, the group that a target was chosen for.
    """
    kind = AGAINST if (rows["against"] == AGAINST).any() else "normal"
    mine = rows[rows["against"] == kind].assign(strength=_strength(rows[rows["against"] == kind]))
    chosen = _chosen(mine)
    groups = list(dict.fromkeys(mine["group"]))
    numbers = mine[mine["target"].isin(chosen)].copy()
    numbers["chosen_for"] = numbers["target"].map(chosen)
    wide = numbers.pivot_table(index="target", columns="group", values="strength")
    wide = wide.reindex(list(chosen), columns=groups)
    limit = float(np.nanquantile(np.abs(wide.to_numpy()), 0.98)) if wide.notna().to_numpy().any() else 1.0
    figure = go.Figure(
        go.Heatmap(
            z=wide.to_numpy(),
            x=[shown(group) for group in groups],
            y=[shown(target) for target in chosen],
            zmin=-limit,
            zmax=limit,
            colorscale=list(RED_TO_BLUE),
            colorbar={"title": {"text": "difference<br>(more dependent: blue)"}},
        )
    )
    others = "the samples of all other groups" if kind == AGAINST else "normal tissues"
    laid_out(
        figure,
        "Predicted dependencies of groups of samples",
        f"mean prediction of the group less that of {others}; {EACH} targets a group",
        "group",
        "target",
    )
    figure.update_yaxes(autorange="reversed", dtick=1)  # else plotly leaves out every second name
    figure.update_layout(height=max(360, 200 + ROW * len(chosen)))  # pixels, on a page
    figure.update_layout(meta={"mm": (85, 25 + 3.2 * max(len(chosen), 6))})
    kept = ["target", "group", "against", "difference", "effect_size", "q_value", "stronger", "chosen_for"]
    return Drawn(figure, numbers[kept])


def _strength(rows: pd.DataFrame) -> pd.Series:
    """Differences with the sign of dependency: above 0 where the group is predicted more dependent."""
    return rows["difference"].abs() * np.where(rows["stronger"], 1.0, -1.0)


def _chosen(rows: pd.DataFrame) -> dict[str, str]:
    """The strongest targets of each group, each target for one group only, and for which."""
    least = LEAST_R if rows["pearson_pooled"].notna().any() else -1.0
    trusted = rows["pearson_pooled"].fillna(-1) >= least
    good = rows[rows["stronger"] & (rows["q_value"] < LEVEL) & trusted]
    found: dict[str, str] = {}
    for group, some in good.groupby("group", sort=True):
        best = some.sort_values(["strength", "target"], ascending=[False, True])["target"]
        for target in best[~best.isin(found)].head(EACH):
            found[target] = str(group)
    return found
