"""Gaussian process regression with one length scale: its log marginal likelihood, and where that is largest.

The covariance of two lines is exp(−d² / 2·length²), plus the noise on the diagonal. Written as scikit-learn's
GaussianProcessRegressor(RBF() + WhiteKernel()) or (RBF()) is, so that the optimiser takes the same steps:
parameters are logarithms, L-BFGS-B starts where the caller says, and a covariance that has no Cholesky factor
counts as a likelihood of zero (Rasmussen and Williams 2006, algorithm 2.1 and equation 5.9). The squared
distances are computed once, and only one triangle of any matrix is touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, no_type_check

import numpy as np
from jaxtyping import Float64

from modeling.numba_cache import njit

# scikit-learn's: the bounds of every parameter, and what is added to the diagonal besides the noise.
BOUNDS = (1e-5, 1e5)
JITTER = 1e-10

Pairs = Float64[np.ndarray, " pairs"]
Parameters = Float64[np.ndarray, " parameters"]
Square = Float64[np.ndarray, "lines lines"]


@dataclass(frozen=True)
class Optimum:
    """The parameters found, and `weights`: the covariance's inverse times the effect.

    `trouble` is empty where the optimiser ended inside the bounds and was satisfied, else it says what
    happened. A process without a noise term has `noise` 0.
    """

    length_scale: float
    noise: float
    log_likelihood: float
    evaluations: int
    weights: Float64[np.ndarray, " lines"]
    trouble: str


@dataclass(frozen=True)
class Likelihood:
    """The log marginal likelihood of an effect (mean 0), given the lines' squared distances.

    `distances` are those of scipy's pdist: row by row the pairs with a later line.
    """

    distances: Pairs
    effect: Float64[np.ndarray, " lines"]

    def at(self, log_parameters: Parameters) -> tuple[float, Parameters]:
        """Value and gradient at (log length scale) or (log length scale, log noise).

        Minus infinity and a gradient of 0 where the covariance is singular to working precision.
        """
        length, noise = _parameters(log_parameters)
        gradient = np.zeros(len(log_parameters))
        covariances = self._covariances(length)
        factor = _factor(covariances, self.effect.size, 1.0 + JITTER + noise)
        if factor is None:
            return -np.inf, gradient
        weights = _solve(factor, self.effect)
        value = self._value(factor, weights)
        inverse = _inverse(factor)
        gradient[0] = _length_gradient(inverse, weights, covariances, self.distances) / length**2
        if gradient.size > 1:
            gradient[1] = 0.5 * noise * float(weights @ weights - np.trace(inverse))
        return value, gradient

    def weights_at(self, log_parameters: Parameters) -> tuple[float, Float64[np.ndarray, " lines"]]:
        """Value and weights. Raises LinAlgError where the covariance is singular to working precision."""
        length, noise = _parameters(log_parameters)
        factor = _factor(self._covariances(length), self.effect.size, 1.0 + JITTER + noise)
        if factor is None:
            raise np.linalg.LinAlgError(
                f"the covariance at length scale {length:.3g} and noise {noise:.3g} is singular: "
                "lines are too alike for so little noise"
            )
        weights = _solve(factor, self.effect)
        return self._value(factor, weights), weights

    def _covariances(self, length: float) -> Pairs:
        covariances: Pairs = self.distances * (-0.5 / length**2)
        return np.exp(covariances, out=covariances)

    def _value(self, factor: Square, weights: Float64[np.ndarray, " lines"]) -> float:
        log_root = float(np.log(np.diagonal(factor)).sum())
        return -0.5 * float(self.effect @ weights) - log_root - 0.5 * self.effect.size * np.log(2 * np.pi)


def maximise(likelihood: Likelihood, start: Sequence[float]) -> Optimum:
    """The likelihood's local maximum that L-BFGS-B reaches from (length scale) or (length scale, noise).

    Raises LinAlgError where the covariance is singular there.
    """
    # Late: only the preset `published` needs it.
    from scipy.optimize import minimize  # noqa: PLC0415

    def descent(log_parameters: Parameters) -> tuple[float, Parameters]:
        value, gradient = likelihood.at(log_parameters)
        return -value, -gradient

    bounds = np.log(np.tile(BOUNDS, (len(start), 1)))
    found = minimize(descent, np.log(start), method="L-BFGS-B", jac=True, bounds=bounds)
    value, weights = likelihood.weights_at(found.x)
    length, noise = _parameters(found.x)
    trouble = _trouble(found, bounds)
    return Optimum(length, noise, value, int(found.nfev), weights, trouble)


def covariance_between(
    lines: Float64[np.ndarray, "lines features"],
    others: Float64[np.ndarray, "other_lines features"],
    length: float,
) -> Float64[np.ndarray, "lines other_lines"]:
    """Covariance of each of some lines with each of others, no noise in it."""
    from scipy.spatial.distance import cdist  # noqa: PLC0415 (late, as above)

    covariance: Float64[np.ndarray, "lines other_lines"] = cdist(lines, others, "sqeuclidean")
    covariance *= -0.5 / length**2
    return np.exp(covariance, out=covariance)


def squared_distances(lines: Float64[np.ndarray, "lines features"]) -> Pairs:
    """Squared Euclidean distance of every pair of lines, as `Likelihood` takes them."""
    from scipy.spatial.distance import pdist  # noqa: PLC0415 (late, as above)

    distances: Pairs = pdist(lines, "sqeuclidean")
    return distances


def _parameters(log_parameters: Parameters) -> tuple[float, float]:
    length, *noise = np.exp(log_parameters)
    return float(length), float(noise[0]) if noise else 0.0


def _trouble(found: Any, bounds: Float64[np.ndarray, "parameters 2"]) -> str:
    """What is wrong with scipy's result: a parameter at its bound, or the optimiser's own complaint."""
    names = ("length scale", "noise")
    at_bound = np.isclose(found.x[:, np.newaxis], bounds)
    messages = [
        f"the {names[i]} reached its bound {BOUNDS[side]:g}"
        for i, side in zip(*np.nonzero(at_bound), strict=True)
    ]
    if not found.success:
        messages.append(f"L-BFGS-B stopped after {found.nit} steps: {found.message}")
    return "; ".join(messages)


def _factor(covariances: Pairs, n_lines: int, diagonal: float) -> Square | None:
    """Cholesky factor in the upper triangle (the rest is undefined), None where there is none."""
    from scipy.linalg.lapack import dpotrf  # noqa: PLC0415 (late, as above)

    matrix = np.empty((n_lines, n_lines))
    _fill_upper(covariances, diagonal, matrix)
    # LAPACK counts columns first: its lower triangle of the transpose is our upper one, in place.
    factor, info = dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    return factor.T if info == 0 else None


def _solve(factor: Square, right: Float64[np.ndarray, " lines"]) -> Float64[np.ndarray, " lines"]:
    from scipy.linalg.lapack import dpotrs  # noqa: PLC0415 (late, as above)

    solution: Float64[np.ndarray, " lines"] = dpotrs(factor.T, right, lower=1)[0]
    return solution


def _inverse(factor: Square) -> Square:
    """Upper triangle of the covariance's inverse, written over its factor."""
    from scipy.linalg.lapack import dpotri  # noqa: PLC0415 (late, as above)

    inverse: Square = dpotri(factor.T, lower=1, overwrite_c=1)[0].T
    return inverse


@njit
@no_type_check
def _fill_upper(covariances: np.ndarray, diagonal: float, matrix: np.ndarray) -> None:
    pair = 0
    for i in range(matrix.shape[0]):
        matrix[i, i] = diagonal
        for j in range(i + 1, matrix.shape[0]):
            matrix[i, j] = covariances[pair]
            pair += 1


@njit
@no_type_check
def _length_gradient(
    inverse: np.ndarray, weights: np.ndarray, covariances: np.ndarray, distances: np.ndarray
) -> float:
    """Sum over pairs of (w_i w_j − inverse_ij) · covariance_ij · distance_ij."""
    total, pair = 0.0, 0
    for i in range(weights.size):
        row = 0.0
        for j in range(i + 1, weights.size):
            row += (weights[i] * weights[j] - inverse[i, j]) * covariances[pair] * distances[pair]
            pair += 1
        total += row
    return total
