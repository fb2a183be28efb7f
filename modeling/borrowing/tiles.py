"""A tile of targets fitted whole: three stages, their mix by inner folds, and a gate on what is left."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from modeling.borrowing.gate import Gate, GateGenes, fit_gates
from modeling.borrowing.gate_ranking import Product
from modeling.borrowing.mixing import mixing_weights
from modeling.borrowing.stages import InnerFold, StageFits, View, fit_stages, nested_predictions


@dataclass(frozen=True, eq=False)
class TileFits:
    """What fitting a tile of targets gave: a prediction is `intercept` + kernel @ `dual` + the target's gate.

    `weights` are the stages' shares of the mix, `errors` their root mean squared errors by inner folds, and
    `residuals` what the mix of the inner folds' predictions leaves. `effects` are those of measured lines.
    """

    effects: Float64[np.ndarray, "lines tile"]
    fits: StageFits
    weights: Float64[np.ndarray, "stages tile"]
    errors: Float64[np.ndarray, "stages tile"]
    residuals: Float64[np.ndarray, "lines tile"]
    intercept: Float64[np.ndarray, " tile"]
    dual: Float64[np.ndarray, "training_lines tile"]
    gates: list[Gate]


def fit_tile(
    view: View,
    inner: Sequence[InnerFold],
    genes: GateGenes,
    effects: Float64[np.ndarray, "training_lines tile"],
    present: Bool[np.ndarray, " training_lines"],
    borrows: bool = True,
    product: Product = np.matmul,
) -> TileFits:
    """Fit targets that are measured on the `present` training lines, as are view, inner folds and genes.

    The width of the tile decides the last bits (`stages.fit_stages`). An effect that is not finite gives a
    fit that is not.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        nested = nested_predictions(inner, effects, present)[:, present]
        measured = effects[present]
        weights = mixing_weights(nested, measured, borrows)
        residuals = measured - (weights[:, None] * nested).sum(axis=0)
        gates = fit_gates(genes, measured, residuals, product)
        fits = fit_stages(view, effects, present)
        intercept, dual = fits.mixed(weights)
        errors = np.sqrt(np.square(measured - nested).mean(axis=1))
    return TileFits(measured, fits, weights, errors, residuals, intercept, dual, gates)
