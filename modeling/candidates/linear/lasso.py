"""The lasso on standardised features, its penalty chosen by three-fold cross-validation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float64

from modeling.candidates.base import FitCost, SingleProblemCandidate, linear_model
from modeling.candidates.fitted import Fitted, LinearModel, StoredModel
from modeling.candidates.linear.coordinate_descent import lasso_path, relative_gap
from modeling.candidates.problem import Problem

N_PENALTIES = 100
SMALLEST_SHARE = 1e-3
N_FOLDS = 3
MAX_ROUNDS = 1000
# Where the conditions of optimality cannot be met to 1e-9 (nearly dependent features), this gap will do.
GOOD_GAP = 1e-10

Features = Float64[np.ndarray, "lines features"]
Effect = Float64[np.ndarray, " lines"]


@dataclass(frozen=True)
class Lasso(SingleProblemCandidate):
    """scikit-learn's LassoCV(cv=3) on standardised features, solved to optimality.

    Predictions equal the library's at a tight tolerance to 1e-6. As there: 100 penalties, geometric from the
    smallest that zeroes every weight down to a thousandth of it; three unshuffled folds, each centred by its
    own training lines; the plain mean of the folds' mean squared errors; the largest penalty wins a tie;
    refit on all lines.
    """

    name: str = "lasso"
    summary: str = "lasso, penalty by three-fold cross-validation"
    cost: FitCost = FitCost(0.0015)
    model: ClassVar[type[StoredModel]] = LinearModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        x, y = problem.standardised.values, problem.effect_centred
        penalties = penalty_grid(x, y)
        errors, path_optimal = cross_validation_errors(x, y, penalties)
        best = int(np.argmin(errors))
        path, refit_optimal, gap = _path(x, y, penalties[: best + 1])
        weights = path[-1]
        parameters = {
            "penalty": float(penalties[best]),
            "gap": gap,
            "nonzero": int(np.count_nonzero(weights)),
        }
        stuck = int(np.count_nonzero(~path_optimal)) + int(not refit_optimal[-1])
        model = linear_model(problem, weights)
        if stuck:
            reason = f"coordinate descent stopped after {MAX_ROUNDS} rounds at {stuck} penalties"
            return Fitted(self.name, model, parameters, "not_converged", reason)
        return Fitted(self.name, model, parameters)


def penalty_grid(x: Features, y: Effect) -> Float64[np.ndarray, " penalties"]:
    """LassoCV's default grid (per line: times n for the sums of squares), for centred x and y."""
    largest = float(np.abs(x.T @ y).max()) / len(y)
    if largest <= np.finfo(np.float64).resolution:
        return np.full(N_PENALTIES, np.finfo(np.float64).resolution)
    return np.geomspace(largest, largest * SMALLEST_SHARE, N_PENALTIES)


def cross_validation_errors(
    x: Features, y: Effect, penalties: Float64[np.ndarray, " penalties"]
) -> tuple[Float64[np.ndarray, " penalties"], Bool[np.ndarray, " folds_penalties"]]:
    """Mean squared error, averaged over three consecutive blocks of lines; which solutions are optimal."""
    errors, optimal = np.zeros(penalties.size), []
    for block in np.array_split(np.arange(len(y)), min(N_FOLDS, len(y))):
        start, end = block[0], block[-1] + 1
        train_x, train_y = np.concatenate([x[:start], x[end:]]), np.concatenate([y[:start], y[end:]])
        x_mean, y_mean = train_x.mean(axis=0), train_y.mean()
        path, solved, _ = _path(train_x - x_mean, train_y - y_mean, penalties)
        residuals = (x[start:end] - x_mean) @ path.T - (y[start:end] - y_mean)[:, np.newaxis]
        errors += np.square(residuals).mean(axis=0)
        optimal.append(solved)
    return errors / len(optimal), np.concatenate(optimal)


def _path(
    x: Features, y: Effect, penalties: Float64[np.ndarray, " penalties"]
) -> tuple[Float64[np.ndarray, "penalties features"], Bool[np.ndarray, " penalties"], float]:
    """Weights at each penalty, whether they are optimal, and the relative duality gap at the last penalty."""
    gram, correlation, energy = x.T @ x, x.T @ y, float(y @ y)
    sums = penalties * len(y)
    path, optimal = lasso_path(gram, correlation, sums, MAX_ROUNDS)
    for i in np.flatnonzero(~optimal):
        optimal[i] = relative_gap(gram, correlation, energy, sums[i], path[i]) <= GOOD_GAP
    return path, optimal, float(relative_gap(gram, correlation, energy, sums[-1], path[-1]))


CANDIDATES = (Lasso(),)
