"""Canonical correlations of expression and dependency profiles, component by component (B2)."""

import pandas as pd
import plotly.graph_objects as go

from cluster.figures.page import Drawn, laid_out, shown

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
