"""Linear regression of whole vectors: a gene's effect in every cell line from its expression in every line.

All outputs at once from one singular value decomposition of the expression, however many penalties are tried.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from modeling.kernels.distances import Scaling
from modeling.profiles.components import Principal, rescaled
from modeling.selection.association import one_blas_thread

PENALTIES = 10.0 ** np.linspace(0, 4, 9)  # the range of the paper (Itzhacky and Sharan 2021)


@dataclass(frozen=True, eq=False)
class LinearProfiles:
    """Predicts `intercept` + standardised expression @ `weights`. `penalty` is 0 for least squares."""

    scaling: Scaling
    weights: Float64[np.ndarray, "cell_lines outputs"]
    intercept: Float64[np.ndarray, " outputs"]
    penalty: float

    def predict(
        self, expression: Float[np.ndarray, "genes cell_lines"]
    ) -> Float64[np.ndarray, "genes outputs"]:
        """Effects of other genes, in the effect's unit."""
        with one_blas_thread():
            return self.intercept + rescaled(expression, self.scaling) @ self.weights


def fit_ols(expression: Principal, effect: Float64[np.ndarray, "genes outputs"]) -> LinearProfiles:
    """Least squares with intercept; of equally good weights those of least norm (more lines than genes)."""
    return _solved(expression, effect, 0.0)


def fit_ridge(
    expression: Principal,
    effect: Float64[np.ndarray, "genes outputs"],
    counted: Bool[np.ndarray, "genes outputs"] | None = None,
    penalties: Float64[np.ndarray, " penalties"] = PENALTIES,
) -> LinearProfiles:
    """Ridge with an intercept that is not penalised, at the penalty of least leave-one-out error.

    One penalty for all outputs, in units of standardised features as scikit-learn's `alpha`; of equal errors
    the first. `counted` says which effects count in that error, all where None. The features' means and
    scales are those of all genes given, whichever is left out.
    """
    errors = leave_one_out_errors(expression, effect, penalties, counted)
    return _solved(expression, effect, float(penalties[errors.argmin()]))


def leave_one_out_errors(
    expression: Principal,
    effect: Float64[np.ndarray, "genes outputs"],
    penalties: Float64[np.ndarray, " penalties"],
    counted: Bool[np.ndarray, "genes outputs"] | None = None,
) -> Float64[np.ndarray, " penalties"]:
    """Mean squared error of each gene's prediction by a fit on all the others, intercept included.

    In closed form: the residual of the fit on all, over 1 - its leverage (Allen's PRESS).
    """
    out = np.empty(len(penalties))
    centred = effect - effect.mean(axis=0)
    with one_blas_thread():
        projected = expression.left.T @ centred
        for i, penalty in enumerate(penalties):
            shrunk = _shrinkage(expression, float(penalty))
            leverage = np.square(expression.left) @ shrunk + 1.0 / len(effect)
            errors = centred - expression.left @ (shrunk[:, None] * projected)
            errors /= 1.0 - leverage[:, None]
            np.square(errors, out=errors)
            out[i] = errors.mean() if counted is None else errors.mean(where=counted)
    return out


def _shrinkage(expression: Principal, penalty: float) -> Float64[np.ndarray, " rank"]:
    squares = np.square(expression.values)
    return squares / (squares + penalty)


def _solved(
    expression: Principal, effect: Float64[np.ndarray, "genes outputs"], penalty: float
) -> LinearProfiles:
    mean = effect.mean(axis=0)
    with one_blas_thread():
        projected = expression.left.T @ (effect - mean)
        shrunk = _shrinkage(expression, penalty) / expression.values
        weights = expression.right @ (shrunk[:, None] * projected)
    return LinearProfiles(expression.scaling, weights, mean, penalty)
