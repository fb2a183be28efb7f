"""One target's fit in one fold, as rows of the contract's tables."""

import json
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from modeling.folds import Fold
from modeling.statistics.metrics import Measured
from tasks.fitting.baselines import Baselines
from tasks.fitting.fit import BlockFit, Fit
from tasks.fitting.fold import Panel

Row = dict[str, Any]


def score_rows(panel: Panel, fold: Fold, fit: Fit, unit: Row, baselines: Baselines) -> tuple[Row, list[Row]]:
    """The target's row of `scores`, and its block of `predictions` (none where nothing is predicted)."""
    effect = panel.effect[:, fit.target].astype(np.float64)
    known = ~np.isnan(effect[fold.test])
    test = fold.test if known.all() else fold.test[known]
    score = unit | {
        "model": fit.model,
        "n_train": len(fit.train),
        "n_test": len(test),
        "n_modifiers": len(fit.modifiers) if fit.modifiers else 0,
        "train_mean": fit.train_mean,
        "status": fit.status,
        "reason": fit.reason,
        "seconds": fit.seconds,
    }
    predicted = fit.predict(panel, test) if len(test) else None
    if predicted is None:
        return score, []
    measured = effect[test]
    predictions = {"predicted": predicted} | baselines.of(fit.target, effect, fit.train, test)
    predictions["predicted_expression"] = _by_expression(fit, fold, test)
    score |= _test_scores(measured, predictions, fit.train_mean)
    lines = baselines.names(fit.train, test)
    return score, [unit | {"cell_line": lines, "measured": measured} | predictions]


def _test_scores(
    measured: Float64[np.ndarray, " test"],
    predictions: dict[str, Float64[np.ndarray, " test"]],
    train_mean: float,
) -> Row:
    compared, predicted = Measured(measured), predictions["predicted"]
    return {
        "pearson": compared.pearson(predicted),
        "spearman": compared.spearman(predicted),
        "rmse": compared.rmse(predicted),
        "rmse_mean": compared.rmse(np.full(len(measured), train_mean)),
        "pearson_lineage": compared.pearson(predictions["predicted_lineage"]),
        "pearson_own": _unless_unknown(compared, predictions["predicted_own"]),
        "pearson_confounders": _unless_unknown(compared, predictions["predicted_confounders"]),
        "pearson_expression": _unless_unknown(compared, predictions["predicted_expression"]),
    }


def _by_expression(fit: Fit, fold: Fold, test: Int64[np.ndarray, " test"]) -> Float64[np.ndarray, " test"]:
    """What expression alone predicts, of a fit that has other inputs too; NaN of others."""
    if not isinstance(fit, BlockFit) or fit.by_expression is None:
        return np.full(len(test), np.nan)
    return fit.by_expression[np.searchsorted(fold.test, test)]


def _unless_unknown(measured: Measured, predicted: Float64[np.ndarray, " test"]) -> float | None:
    return None if np.isnan(predicted).any() else measured.pearson(predicted)


def modifier_rows(panel: Panel, fit: Fit, unit: Row) -> list[Row]:
    """The target's rows of `modifiers`, best first."""
    found = fit.modifiers
    if found is None or not len(found):
        return []
    return [
        unit
        | {
            "modifier": np.array([panel.genes[g] for g in found.genes], dtype=object),
            "pearson": found.pearson,
            "pearson_q": found.pearson_q,
            "spearman": found.spearman,
            "spearman_q": found.spearman_q,
            "chi2": found.chi2,
            "chi2_q": found.chi2_q,
            "by_pearson": found.by_pearson,
            "by_spearman": found.by_spearman,
            "by_chi2": found.by_chi2,
            "rank": np.arange(1, len(found) + 1),
            "weight": np.full(len(found), np.nan) if found.weight is None else found.weight,
        }
    ]


def candidate_rows(fit: Fit, unit: Row) -> list[Row]:
    """One row of `candidates` for every candidate that was tried."""
    return [
        unit
        | {
            "candidate": trial.candidate,
            "parameters": _json(trial.parameters),
            "validation_rmse": trial.validation_rmse,
            "chosen": trial.chosen,
            "weight": trial.weight,
            "status": trial.status,
            "reason": trial.reason or None,
            "seconds": trial.seconds,
        }
        for trial in fit.trials
    ]


def failure_rows(fit: Fit, unit: Row) -> list[Row]:
    """The row of `failures` of a target that could not be fitted."""
    if fit.status != "failed":
        return []
    return [unit | {"status": fit.status, "error": fit.reason, "attempts": 1}]


_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
