"""One target's final fit, on all lines, as a row of `models`: all that its forecasts are made of."""

import json
from typing import Any

import numpy as np
from safetensors.numpy import save

from tasks.fitting.fit import Fit
from tasks.fitting.fold import Panel
from tasks.methods.kernels import KernelFit, PreparedKernel
from tasks.methods.latent import NetworkFit
from tasks.methods.modifiers import TargetFit
from tasks.methods.registry import Prepared
from tasks.scoring.predict import model_sum

Row = dict[str, Any]


def final_model_row(panel: Panel, prepared: Prepared, fit: Fit, unit: Row) -> Row:
    """The fit as a row of `models`; `unit` holds its method and target.

    Coefficients on log2(TPM+1) for linear kinds, weights for the others. Raises TypeError for a fit of a
    method that stores no models.
    """
    row = unit | {
        "kind": fit.model,
        "n_train": len(fit.train),
        "train_mean": fit.train_mean,
        "modifiers": [],
        "status": fit.status,
        "reason": fit.reason,
        "seconds": fit.seconds,
    }
    if isinstance(fit, NetworkFit):
        # The networks are many targets' model: a file of their own, named by its sha256.
        named = {"parameters": _json({"networks": fit.sha256})}
        return _with_sum(row | named) if fit.status == "ok" else row
    if isinstance(fit, KernelFit) and isinstance(prepared, PreparedKernel):
        return _with_sum(row | _kernel_model(panel, prepared, fit)) if fit.status == "ok" else row
    if not isinstance(fit, TargetFit):
        raise TypeError(f"method {unit['method']} stores no final models: leave the final fold out")
    return _candidate_model(panel, fit, row)


def _candidate_model(panel: Panel, fit: TargetFit, row: Row) -> Row:
    """The row with the candidate chosen, or with the mean where none was."""
    if not fit.predicts:
        return row
    if fit.choice is None or fit.modifiers is None:
        return _with_sum(row | {"intercept": fit.train_mean, "coefficients": []})
    fitted = fit.choice.fitted
    row |= {
        "modifiers": [panel.genes[g] for g in fit.modifiers.genes],
        "parameters": _json(fitted.parameters),
    }
    linear = fitted.coefficients()
    if linear is not None:
        return _with_sum(row | {"intercept": linear[0], "coefficients": linear[1].tolist()})
    return _with_sum(row | {"weights": save(fitted.arrays())})


def _kernel_model(panel: Panel, prepared: PreparedKernel, fit: KernelFit) -> Row:
    """Dual coefficients of all cell lines (0 where no effect was measured), and the expression they go with.

    That is `training` among the parameters: the sha256 of the file that all targets share.
    """
    dual = np.zeros(len(panel.cell_lines))
    dual[fit.train] = fit.dual
    parameters = dict(fit.trials[0].parameters) | {"training": prepared.training}
    return {"parameters": _json(parameters), "intercept": fit.intercept, "weights": save({"dual": dual})}


def _with_sum(row: Row) -> Row:
    """The row with the sha256 of what a forecast is computed from, so that a reader can check it."""
    return row | {"sha256": model_sum(row)}


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
