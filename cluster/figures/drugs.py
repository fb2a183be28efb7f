"""Models of drugs' sensitivity profiles: r per cell line over the drugs tested (B3)."""

import pandas as pd

from cluster.figures.boxes import boxes
from cluster.figures.page import Drawn

RANKING = "ranking"  # scores of another kind: forecasts from forecast dependency, for new samples


def drugs(scores: pd.DataFrame) -> Drawn:
    """`boxes` of the rows of `profile_scores` that method `drugs` wrote for cell lines, ranking aside."""
    return boxes(
        scores[scores["model"] != RANKING],
        "Sensitivity profiles of drugs the models have not seen",
        "r over a fold's test drugs in each cell line; below each model the mean over lines, then folds",
    )
