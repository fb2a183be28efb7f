"""Measured against predicted, on lines that models learned from and on lines they did not.

Every line is tested in one fold and trains in the others: its `test` prediction is out of fold, its `train`
prediction the mean over the folds that learned from it. The gap between the two is how much a model overfits.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float64

from modeling.candidates.base import fit_on_all
from modeling.candidates.fitted import Fitted
from modeling.candidates.problem import Problem
from modeling.candidates.registry import candidate_of, known_candidates
from modeling.statistics.metrics import rmse
from modeling.statistics.pooling import pooled
from tasks.analyses.explanation.inputs import FoldModel, TargetData

TRAIN, TEST = "train", "test"
LINEAR = {"1 modifier": 1, "5 modifiers": 5, "all modifiers": None}  # least squares on the first by rank
CHOSEN = "chosen model"
COLUMNS = ["model", "part", "cell_line", "lineage", "measured", "predicted", "train_mean"]
SCORES = ["model", "part", "n", "pearson", "low", "high", "rmse"]

Fit = Callable[[Problem], Fitted]


def fits_table(data: TargetData) -> pd.DataFrame:
    """`COLUMNS`, a row per model, part and line; models that no fold could fit are not there.

    `train_mean` is the mean effect of the training lines: of the line's fold, or the mean over folds.
    A fold without modifiers predicts its training mean, as the run's models do.
    """
    parts = [_of_model(data, name, _first(number)) for name, number in LINEAR.items()]
    if all(fold.model is None or fold.model in known_candidates() for fold in data.folds):
        parts.append(_of_model(data, CHOSEN, _chosen))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def fit_scores(fits: pd.DataFrame) -> pd.DataFrame:
    """`SCORES`: r (each value less `train_mean`), its 95% interval and RMSE of each model and part."""
    rows = []
    for (model, part), lines in fits.groupby(["model", "part"], sort=False):
        measured, predicted, mean = (lines[c].to_numpy() for c in ("measured", "predicted", "train_mean"))
        score = pooled(measured, predicted, mean)
        rows.append([model, part, score.n, score.r, score.low, score.high, rmse(measured, predicted)])
    return pd.DataFrame(rows, columns=SCORES)


def refit(data: TargetData, fold: FoldModel) -> Fitted | None:
    """The model that a fold chose, fitted again to its training lines: the same bits as the run's.

    None without modifiers or a model.
    """
    if not fold.modifiers or fold.model not in known_candidates():
        return None
    problem = data.problem(data.train(fold), fold.modifiers, fold.fold)
    return fit_on_all(candidate_of(str(fold.model)), [problem], [fold.parameters or {}])[0]


def _first(number: int | None) -> Callable[[TargetData, FoldModel], tuple[Fitted | None, tuple[str, ...]]]:
    def fit(data: TargetData, fold: FoldModel) -> tuple[Fitted | None, tuple[str, ...]]:
        genes = fold.modifiers[:number]
        if not genes:
            return None, genes
        return candidate_of("ols").fit([data.problem(data.train(fold), genes, fold.fold)])[0], genes

    return fit


def _chosen(data: TargetData, fold: FoldModel) -> tuple[Fitted | None, tuple[str, ...]]:
    return refit(data, fold), fold.modifiers


def _of_model(
    data: TargetData,
    name: str,
    fit: Callable[[TargetData, FoldModel], tuple[Fitted | None, tuple[str, ...]]],
) -> pd.DataFrame:
    predicted = np.full((len(data.folds), len(data.cell_lines)), np.nan)
    mean = np.full(len(data.folds), np.nan)
    for at, fold in enumerate(data.folds):
        rows = data.train(fold)
        mean[at] = data.effect[rows].mean()
        fitted, genes = fit(data, fold)
        used = np.concatenate([rows, fold.test])
        predicted[at, used] = mean[at] if fitted is None else fitted.predict(data.values(used, genes))
    return pd.concat(
        [_part(data, predicted, mean, part).assign(model=name, part=part) for part in (TEST, TRAIN)]
    )


def _part(
    data: TargetData,
    predicted: Float64[np.ndarray, "folds lines"],
    mean: Float64[np.ndarray, " folds"],
    part: str,
) -> pd.DataFrame:
    tested = np.zeros(predicted.shape, dtype=bool)
    for at, fold in enumerate(data.folds):
        tested[at, fold.test] = True
    counts = ~np.isnan(predicted) & (tested if part == TEST else ~tested)
    rows = np.flatnonzero(counts.any(axis=0) & ~np.isnan(data.effect))
    return pd.DataFrame(
        {
            "cell_line": _named(data.cell_lines, rows),
            "lineage": _named(data.lineages, rows),
            "measured": data.effect[rows],
            "predicted": _mean(predicted, counts)[rows],
            "train_mean": _mean(np.broadcast_to(mean[:, np.newaxis], predicted.shape), counts)[rows],
        }
    )


def _mean(values: np.ndarray, counts: np.ndarray) -> Float64[np.ndarray, " lines"]:
    """Down the folds, of those that count; NaN of none."""
    n = counts.sum(axis=0)
    total = np.where(counts, values, 0.0).sum(axis=0)
    return np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)


def _named(names: Sequence[str], rows: np.ndarray) -> list[str]:
    return [names[row] for row in rows]
