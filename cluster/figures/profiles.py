"""Models of genes' dependency profiles: r per cell line over the genes tested (B2)."""

import pandas as pd

from cluster.figures.boxes import boxes
from cluster.figures.page import Drawn


def profiles(scores: pd.DataFrame) -> Drawn:
    """`boxes` of the rows of `profile_scores` that method `profiles` wrote for cell lines."""
    return boxes(
        scores,
        "Dependency profiles of genes the models have not seen",
        "r over a fold's test genes in each cell line; below each model the mean over lines, then folds",
    )
