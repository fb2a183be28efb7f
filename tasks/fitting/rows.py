"""One target's fit in one fold, as rows of the contract's tables."""

import json
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from modeling.folds import Fold
from modeling.statistics import metrics
from modeling.statistics.confounders import ConfounderDesign, confounder_design
from modeling.statistics.metrics import lineage_only, own_expression
from tasks.fitting.fit import BlockFit, Fit
from tasks.fitting.fold import Panel

Row = dict[str, Any]


class Confounders:
    """What the dataset's covariates alone predict; targets of the same lines share a decomposition."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._last: tuple[bytes, ConfounderDesign] | None = None

    def predict(
        self,
        effect: Float64[np.ndarray, " cell_lines"],
        train: Int64[np.ndarray, " lines"],
        test: Int64[np.ndarray, " test"],
    ) -> Float64[np.ndarray, " test"]:
        """For test lines, learned on training lines; NaN where the dataset has no covariates."""
        covariates = self._panel.covariates
        if covariates is None:
            return np.full(len(test), np.nan)
        key = train.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, confounder_design(covariates[train])
        return self._last[1].predict(effect[train], covariates[test])


def score_rows(
    panel: Panel, fold: Fold, fit: Fit, unit: Row, confounders: Confounders
) -> tuple[Row, list[Row]]:
    """The target's row of `scores`, and its block of `predictions` (none where nothing is predicted)."""
    effect = panel.effect[:, fit.target].astype(np.float64)
    test = fold.test[~np.isnan(effect[fold.test])]
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
    predictions = {"predicted": predicted} | _baselines(panel, fit, effect, test)
    predictions["predicted_expression"] = _by_expression(fit, fold, test)
    predictions["predicted_confounders"] = confounders.predict(effect, fit.train, test)
    score |= _test_scores(measured, predictions, fit.train_mean)
    lines = np.array([panel.cell_lines[i] for i in test], dtype=object)
    return score, [unit | {"cell_line": lines, "measured": measured} | predictions]


def _baselines(
    panel: Panel,
    fit: Fit,
    effect: Float64[np.ndarray, " cell_lines"],
    test: Int64[np.ndarray, " test"],
) -> dict[str, Float64[np.ndarray, " test"]]:
    """The two baselines' predictions on the test lines (NaN: no own expression)."""
    own = int(panel.own[fit.target])
    train_effect = effect[fit.train]
    by_own = np.full(len(test), np.nan)
    if own >= 0:
        x = panel.expression[:, own].astype(np.float64)
        by_own = own_expression(x[fit.train], train_effect, x[test])
    return {
        "predicted_lineage": lineage_only(train_effect, panel.lineages[fit.train], panel.lineages[test]),
        "predicted_own": by_own,
    }


def _test_scores(
    measured: Float64[np.ndarray, " test"],
    predictions: dict[str, Float64[np.ndarray, " test"]],
    train_mean: float,
) -> Row:
    predicted = predictions["predicted"]
    return {
        "pearson": metrics.pearson(measured, predicted),
        "spearman": metrics.spearman(measured, predicted),
        "rmse": metrics.rmse(measured, predicted),
        "rmse_mean": metrics.rmse(measured, np.full(len(measured), train_mean)),
        "pearson_lineage": metrics.pearson(measured, predictions["predicted_lineage"]),
        "pearson_own": _unless_unknown(measured, predictions["predicted_own"]),
        "pearson_confounders": _unless_unknown(measured, predictions["predicted_confounders"]),
        "pearson_expression": _unless_unknown(measured, predictions["predicted_expression"]),
    }


def _by_expression(fit: Fit, fold: Fold, test: Int64[np.ndarray, " test"]) -> Float64[np.ndarray, " test"]:
    """What expression alone predicts, of a fit that has other inputs too; NaN of others."""
    if not isinstance(fit, BlockFit) or fit.by_expression is None:
        return np.full(len(test), np.nan)
    return fit.by_expression[np.searchsorted(fold.test, test)]


def _unless_unknown(
    measured: Float64[np.ndarray, " test"], predicted: Float64[np.ndarray, " test"]
) -> float | None:
    return None if np.isnan(predicted).any() else metrics.pearson(measured, predicted)


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


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
