"""The lasso on standardised features, its penalty chosen by three-fold cross-validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from modeling.candidates.base import fit_each, linear_model
from modeling.candidates.descent import lasso_path, relative_gap
from modeling.candidates.fitted import Fitted
from modeling.candidates.problem import Problem

N_PENALTIES = 100
SMALLEST_SHARE = 1e-3
N_FOLDS = 3
MAX_ROUNDS = 1000
# Where the conditions of optimality cannot be met to 1e-9 (nearly dependent features), this gap will do.
GOOD_GAP = 1e-10

Lines = Float64[np.ndarray, "lines features"]
Effect = Float64[np.ndarray, " lines"]


@dataclass(frozen=True)
class Lasso:
    """scikit-learn's LassoCV(cv=3) on standardised features, solved to optimality.

    Predictions equal the library's at a tight tolerance to 1e-6. As there: 100 penalties, geometric from the
    smallest that zeroes every weight down to a thousandth of it; three unshuffled folds, each centred by its
    own training lines; the plain mean of the folds' mean squared errors; the largest penalty wins a tie;
    refit on all lines.
    """

    name: str = "lasso"

    def fit(self, problems: Sequence[Problem]) -> list[Fitted]:
        """Fit every problem."""
        return fit_each(self.name, self._fit_one, problems)

    def _fit_one(self, problem: Problem) -> Fitted:
        x, y = problem.standardised.values, problem.effect_centred
        penalties = penalty_grid(x, y)
        errors, path_optimal = cross_validation_errors(x, y, penalties)
        best = int(np.argmin(errors))
        weights, gap, optimal = _refit(x, y, penalties[: best + 1])
        parameters = {
            "penalty": float(penalties[best]),
            "gap": gap,
            "nonzero": int(np.count_nonzero(weights)),
        }
        stuck = int(np.count_nonzero(~path_optimal)) + int(not optimal)
        model = linear_model(problem, weights)
        if stuck:
            reason = f"coordinate descent stopped after {MAX_ROUNDS} rounds at {stuck} penalties"
            return Fitted(self.name, model, parameters, "not_converged", reason)
        return Fitted(self.name, model, parameters)


def penalty_grid(x: Lines, y: Effect) -> Float64[np.ndarray, " penalties"]:
    """LassoCV's default grid (per line: times n for the sums of squares), for centred x and y."""
    largest = float(np.abs(x.T @ y).max()) / len(y)
    if largest <= np.finfo(np.float64).resolution:
        return np.full(N_PENALTIES, np.finfo(np.float64).resolution)
    return np.geomspace(largest, largest * SMALLEST_SHARE, N_PENALTIES)


def cross_validation_errors(
    x: Lines, y: Effect, penalties: Float64[np.ndarray, " penalties"]
) -> tuple[Float64[np.ndarray, " penalties"], Bool[np.ndarray, " folds_penalties"]]:
    """Mean squared error, averaged over three consecutive blocks of lines; which solutions are optimal."""
    errors, optimal = np.zeros(penalties.size), []
    for test in np.array_split(np.arange(len(y)), min(N_FOLDS, len(y))):
        train = np.delete(np.arange(len(y)), test)
        x_mean, y_mean = x[train].mean(axis=0), y[train].mean()
        path, solved = _path(x[train] - x_mean, y[train] - y_mean, penalties)
        residuals = (x[test] - x_mean) @ path.T - (y[test] - y_mean)[:, np.newaxis]
        errors += np.square(residuals).mean(axis=0)
        optimal.append(solved)
    return errors / len(optimal), np.concatenate(optimal)


def _path(
    x: Lines, y: Effect, penalties: Float64[np.ndarray, " penalties"]
) -> tuple[Float64[np.ndarray, "penalties features"], Bool[np.ndarray, " penalties"]]:
    gram, correlation, energy = x.T @ x, x.T @ y, float(y @ y)
    path, optimal = lasso_path(gram, correlation, penalties * len(y), MAX_ROUNDS)
    for i in np.flatnonzero(~optimal):
        optimal[i] = relative_gap(gram, correlation, energy, penalties[i] * len(y), path[i]) <= GOOD_GAP
    return path, optimal


def _refit(
    x: Lines, y: Effect, penalties: Float64[np.ndarray, " penalties"]
) -> tuple[Float64[np.ndarray, " features"], float, bool]:
    """Weights at the last of the penalties, the relative duality gap there, and whether they are optimal."""
    path, optimal = _path(x, y, penalties)
    gap = relative_gap(x.T @ x, x.T @ y, float(y @ y), penalties[-1] * len(y), path[-1])
    return path[-1], float(gap), bool(optimal[-1])
