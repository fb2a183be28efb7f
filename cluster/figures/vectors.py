"""Figures of models of whole vectors: r per cell line (B2 profiles, B3 drugs), and the components of CCA."""

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


def profiles(scores: pd.DataFrame) -> Drawn:
    """`boxes` of the rows of `profile_scores` that method `profiles` wrote for cell lines."""
    return boxes(
        scores,
        "Dependency profiles of genes the models have not seen",
        "r over a fold's test genes in each cell line; below each model the mean over lines, then folds",
    )


RANKING = "ranking"  # scores of another kind: predictions from predicted dependency, for new samples


def drugs(scores: pd.DataFrame) -> Drawn:
    """`boxes` of the rows of `profile_scores` that method `drugs` wrote for cell lines.

    The ranking, whose r is of another kind, is drawn where there is nothing else: too few drugs had known
    targets for the models of new drugs.
    """
    models = scores[scores["model"] != RANKING]
    if models.empty:
        return boxes(
            scores,
            "Drugs ranked for cell lines the models have not seen",
            "r over drugs, each less its training mean, in each test line; only the ranking was made, "
            "for too few drugs had known targets",
        )
    return boxes(
        models,
        "Sensitivity profiles of drugs the models have not seen",
        "r over a fold's test drugs in each cell line; below each model the mean over lines, then folds",
    )


ENDS = {"pearson_train": "training genes", "pearson": "test genes"}


def components(rows: pd.DataFrame) -> Drawn:
    """The mean over folds of each component's correlation, on training and on test genes.

    `rows`: the table `components`. `numbers`: method, component, folds (with an r on test genes),
    pearson_train, pearson.
    """
    numbers = (
        rows.groupby(["method", "component"], sort=True)
        .agg(folds=("pearson", "count"), pearson_train=("pearson_train", "mean"), pearson=("pearson", "mean"))
        .reset_index()
    )
    several = numbers["method"].nunique() > 1
    figure = go.Figure(
        [
            go.Scatter(
                x=part["component"].to_numpy(),
                y=part[column].to_numpy(),
                mode="lines+markers",
                marker={"size": 4},
                name=f"{shown(method)}, {name}" if several else name,
            )
            for method, part in numbers.groupby("method")
            for column, name in ENDS.items()
        ]
    )
    laid_out(
        figure,
        "Canonical correlation of expression and dependency profiles",
        "r between the two sides of a component over genes, mean over folds",
        "component",
        "canonical correlation",
    )
    return Drawn(figure, numbers)
