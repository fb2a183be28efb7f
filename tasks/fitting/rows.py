"""One target's fit in one fold, as rows of the contract's tables but for its scores (`scores`)."""

import json
from typing import Any

import numpy as np

from tasks.fitting.fit import Fit
from tasks.fitting.fold import Panel

Row = dict[str, Any]


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
