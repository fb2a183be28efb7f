"""Ridge regression on standardised features, its penalty chosen by leave-one-out error in closed form."""

from dataclasses import dataclass
from typing import ClassVar, no_type_check

import numpy as np
from jaxtyping import Float64

from modeling.candidates.base import FitCost, SingleProblemCandidate, linear_model
from modeling.candidates.fitted import Fitted, LinearModel, StoredModel
from modeling.candidates.problem import Problem
from modeling.numba_cache import njit

# Four penalties a decade; on standardised features and some hundred lines the useful ones lie well within.
PENALTIES = np.logspace(-2, 5, 29)


@dataclass(frozen=True)
class Ridge(SingleProblemCandidate):
    """scikit-learn's RidgeCV(alphas=np.logspace(-2, 5, 29)) on standardised features.

    The leave-one-out residual of a line is its residual over 1 minus its leverage, so one SVD gives the
    error of every penalty. The smallest penalty wins a tie. `at_border`: 1 if an end of the grid was chosen.
    """

    name: str = "ridge"
    summary: str = "ridge regression, penalty by leave-one-out error"
    cost: FitCost = FitCost(0.0003)
    model: ClassVar[type[StoredModel]] = LinearModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        svd = problem.svd
        errors = leave_one_out_errors(problem)
        best = int(np.argmin(errors))
        shrunk = svd.singular / (svd.singular**2 + PENALTIES[best])
        weights = svd.right.T @ (shrunk * (svd.left.T @ problem.effect_centred))
        parameters = {
            "penalty": float(PENALTIES[best]),
            "leave_one_out_rmse": float(np.sqrt(errors[best])),
            "at_border": int(best in (0, PENALTIES.size - 1)),
        }
        return Fitted(self.name, linear_model(problem, weights), parameters)


def leave_one_out_errors(
    problem: Problem, penalties: Float64[np.ndarray, " penalties"] = PENALTIES
) -> Float64[np.ndarray, " penalties"]:
    """Mean squared leave-one-out error of each penalty, the intercept refitted as well."""
    svd = problem.svd
    squares = svd.singular[:, np.newaxis] ** 2
    kept = squares / (squares + penalties)
    fitted = svd.left @ (kept * (svd.left.T @ problem.effect_centred)[:, np.newaxis])
    return _mean_squares(problem.effect_centred, fitted, np.square(svd.left) @ kept)


@njit(error_model="numpy")
@no_type_check
def _mean_squares(effect: np.ndarray, fitted: np.ndarray, leverages: np.ndarray) -> np.ndarray:
    """Mean over lines of (residual / (1 − leverage))² for each column, the intercept's leverage added."""
    n, columns = fitted.shape
    errors = np.zeros(columns)
    for i in range(n):
        for k in range(columns):
            residual = (effect[i] - fitted[i, k]) / (1.0 - (1.0 / n + leverages[i, k]))
            errors[k] += residual * residual
    return errors / n


CANDIDATES = (Ridge(),)
