"""Models of drugs' sensitivity profiles: r per cell line over the drugs tested (B3); else the ranking."""

import pandas as pd

from cluster.figures.boxes import boxes
from cluster.figures.page import Drawn

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
