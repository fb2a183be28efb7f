"""Boxplots of r per cell line, a pair of boxes for each model of whole vectors."""

import pandas as pd
import plotly.graph_objects as go

from cluster.figures.page import Drawn, laid_out, shown

MEASURES = {"pearson": "Pearson r", "spearman": "Spearman ρ"}
MODEL = ["model", "features"]


def boxes(scores: pd.DataFrame, title: str, note: str) -> Drawn:
    """Boxes over cell lines, a line's value being its mean over folds; the worst model stands left.

    `scores`: rows of the table `profile_scores` whose axis is "cell_line". `numbers`: one row per model,
    features and cell line (`folds`: how many have an r); `acc_...` is the papers' score of the whole model:
    the mean over lines, then over folds. Features are named where the models differ in them.
    """
    known = scores.assign(features=scores["features"].fillna(""))
    lines = _by_line(known).merge(_accuracy(known), on=MODEL)
    lines = lines.sort_values(["acc_pearson", *MODEL, "cell_line"], na_position="first", ignore_index=True)
    labels = _labels(lines)
    figure = go.Figure(
        [
            go.Box(
                x=labels,
                y=lines[measure].to_numpy(),
                text=[shown(name) for name in lines["cell_line"]],
                name=name,
                boxmean=True,
                boxpoints="outliers",
            )
            for measure, name in MEASURES.items()
        ]
    )
    figure.update_layout(boxmode="group")
    figure.update_xaxes(type="category")  # a name that looks like a number stays a name
    return Drawn(laid_out(figure, title, note, "", "r of a cell line, mean over folds"), lines)


def _by_line(scores: pd.DataFrame) -> pd.DataFrame:
    grouped = scores.rename(columns={"name": "cell_line"}).groupby([*MODEL, "cell_line"], sort=True)
    return grouped.agg(
        folds=("pearson", "count"), pearson=("pearson", "mean"), spearman=("spearman", "mean")
    ).reset_index()


def _accuracy(scores: pd.DataFrame) -> pd.DataFrame:
    """ACC of each model: mean over lines, then over folds."""
    by_fold = scores.groupby([*MODEL, "fold"])[list(MEASURES)].mean()
    return by_fold.groupby(MODEL).mean().add_prefix("acc_").reset_index()


def _labels(lines: pd.DataFrame) -> list[str]:
    several = lines["features"].nunique() > 1
    return [
        f"{shown(row.model)}{'<br>' + shown(row.features) if several and row.features else ''}"
        f"<br>r {row.acc_pearson:.3f}, ρ {row.acc_spearman:.3f}"
        for row in lines.itertuples()
    ]
