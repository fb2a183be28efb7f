"""The lasso on standardised features, its penalty chosen by three-fold cross-validation."""

from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float64

from modeling.candidates.base import FitCost, SingleProblemCandidate, linear_model
from modeling.candidates.fitted import Fitted, LinearModel, StoredModel
from modeling.candidates.linear.coordinate_descent import descend_path
from modeling.candidates.linear.corners import follow_corners
from modeling.candidates.linear.optimality import Gram, PerFeature, relative_gap
from modeling.candidates.problem import Problem

N_PENALTIES = 100
SHARES = np.geomspace(1.0, 1e-3, N_PENALTIES)  # of the smallest penalty that zeroes every weight
N_FOLDS = 3
MAX_SWEEPS = 1000
# Where the conditions of optimality cannot be met to 1e-9 (nearly dependent features), this gap will do.
GOOD_GAP = 1e-10
# Of a feature's products in a fold, the share that must be left without its mean for sums to do.
EXACT = 1e-6

Features = Float64[np.ndarray, "lines features"]
Effect = Float64[np.ndarray, " lines"]
Penalties = Float64[np.ndarray, " penalties"]


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
    cost: FitCost = FitCost(0.0005)
    model: ClassVar[type[StoredModel]] = LinearModel

    def fit_one(self, problem: Problem) -> Fitted:
        """As the class says."""
        y = problem.effect_centred
        penalties = penalty_grid(problem.products, problem.n_lines)
        errors, path_optimal = cross_validation_errors(problem.standardised.values, y, penalties)
        best = int(np.argmin(errors))
        path, refit_optimal, gap = _path(
            problem.gram, problem.products, float(y @ y), penalties[: best + 1] * problem.n_lines
        )
        weights = path[-1]
        parameters = {
            "penalty": float(penalties[best]),
            "gap": gap,
            "nonzero": int(np.count_nonzero(weights)),
        }
        stuck = int(np.count_nonzero(~path_optimal)) + int(not refit_optimal[-1])
        model = linear_model(problem, weights)
        if stuck:
            reason = f"coordinate descent stopped after {MAX_SWEEPS} sweeps at {stuck} penalties"
            return Fitted(self.name, model, parameters, "not_converged", reason)
        return Fitted(self.name, model, parameters)


def penalty_grid(correlation: PerFeature, n_lines: int) -> Penalties:
    """LassoCV's default grid for Xᵀy of centred x and y; per line: times n for the sums of squares."""
    largest = float(np.abs(correlation).max()) / n_lines
    if largest <= np.finfo(np.float64).resolution:
        return np.full(N_PENALTIES, np.finfo(np.float64).resolution)
    return largest * SHARES


def cross_validation_errors(
    x: Features, y: Effect, penalties: Penalties
) -> tuple[Penalties, Bool[np.ndarray, " folds_penalties"]]:
    """Mean squared error, averaged over three consecutive blocks of lines; which solutions are optimal.

    For features standardised over all lines. A block enters as the products of its columns (1, x, y) alone,
    for the two folds that learn from it as for its own errors; unless a feature varies so little in a fold
    that its products would lose the digits that matter.
    """
    columns = np.column_stack([np.ones(len(y)), x, y])
    blocks = np.array_split(np.arange(len(y)), min(N_FOLDS, len(y)))
    held_columns = [columns[block[0] : block[-1] + 1] for block in blocks]
    sums = [held.T @ held for held in held_columns]
    errors, optimal = np.zeros(penalties.size), []
    for i, (block, held) in enumerate(zip(blocks, held_columns, strict=True)):
        rest = reduce(np.add, sums[:i] + sums[i + 1 :])
        n_lines, means = rest[0, 0], rest[0] / rest[0, 0]
        centred = rest - np.outer(rest[0], rest[0]) / n_lines
        is_exact = (centred.diagonal() >= EXACT * rest.diagonal())[1:-1].all()
        if not is_exact:
            lines = np.delete(columns, block, axis=0) - means
            centred = lines.T @ lines
        path, solved, _ = _path(centred[1:-1, 1:-1], centred[1:-1, -1], centred[-1, -1], penalties * n_lines)
        # A residual is these coefficients by (1, x, y).
        residuals = np.column_stack([path @ means[1:-1] - means[-1], -path, np.ones(len(path))])
        if is_exact:
            squares = np.maximum(np.einsum("ij,ij->i", residuals @ sums[i], residuals), 0.0)
        else:
            squares = np.square(residuals @ held.T).sum(axis=1)
        errors += squares / len(held)
        optimal.append(solved)
    return errors / len(optimal), np.concatenate(optimal)


def lasso_path(
    gram: Gram, correlation: PerFeature, penalties: Penalties
) -> tuple[Float64[np.ndarray, "penalties features"], Bool[np.ndarray, " penalties"]]:
    """Weights at each penalty, which must descend, and whether they are optimal (`optimality`).

    From corner to corner; what rounding keeps from its optimum, by coordinate descent.
    """
    path = np.zeros((penalties.size, correlation.size))
    optimal = np.arange(penalties.size) < follow_corners(gram, correlation, penalties, path)
    if not optimal.all():
        descend_path(gram, correlation, penalties, MAX_SWEEPS, path, optimal)
    return path, optimal


def _path(
    gram: Gram, correlation: PerFeature, energy: float, penalties: Penalties
) -> tuple[Float64[np.ndarray, "penalties features"], Bool[np.ndarray, " penalties"], float]:
    """Weights at each penalty, whether they are optimal, and the relative duality gap at the last penalty."""
    gram, correlation = np.ascontiguousarray(gram), np.ascontiguousarray(correlation)
    path, optimal = lasso_path(gram, correlation, penalties)
    for i in np.flatnonzero(~optimal):
        optimal[i] = relative_gap(gram, correlation, energy, penalties[i], path[i]) <= GOOD_GAP
    return path, optimal, float(relative_gap(gram, correlation, energy, penalties[-1], path[-1]))


CANDIDATES = (Lasso(),)
