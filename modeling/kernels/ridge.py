"""Ridge regression on a kernel of cell lines, for many targets and penalties from one eigendecomposition.

With an intercept that is not penalised. Leave-one-out errors are exact and need no refit: with dual
coefficients a and G = (K + penalty I)^-1, leaving out line i leaves the residual a_i / G_ii (Allen's PRESS;
Golub, Heath and Wahba, Technometrics 1979). Both come from the eigenvectors, which are computed among the
vectors that sum to zero, where the intercept has no part: so nothing cancels, however small the penalty.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64

from modeling.kernels.penalty_search import PenaltySearch, mean_square, penalty_search
from modeling.selection.association import one_blas_thread

TILE_TARGETS = (
    128  # products are made of this many targets, zeros if need be: see `modeling.selection.association`
)


@dataclass(frozen=True)
class Spectrum:
    """A kernel between training lines, centred, scaled to a mean eigenvalue of 1 and decomposed.

    Attributes:
        vectors: orthonormal eigenvectors of the centred kernel, each summing to zero.
        values: their eigenvalues, ascending, none negative; their sum is the number of lines, or 0 where all
            lines are alike.
        means: mean over training lines of each row of the kernel as it came.
        scale: what the kernel was divided by.
    """

    vectors: Float64[np.ndarray, "lines rest"]
    values: Float64[np.ndarray, " rest"]
    means: Float64[np.ndarray, " lines"]
    scale: float

    def search(self, penalties: Float64[np.ndarray, " penalties"]) -> PenaltySearch:
        """For the best of these penalties: prepared once."""
        key = penalties.tobytes()
        if key not in self._searches:
            self._searches[key] = penalty_search(self.vectors, self.values, penalties.copy())
        return self._searches[key]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_searches"}

    @cached_property
    def _searches(self) -> dict[bytes, PenaltySearch]:
        return {}


@dataclass(frozen=True)
class RidgeFits:
    """Fits of many targets; a prediction is `intercept` + kernel(new line, training lines) @ `dual`.

    `dual` is for the kernel as it came, neither centred nor scaled, and sums to zero for each target.
    `loo_rmse` is the leave-one-out error at the `penalty` chosen, in the effect's unit.
    """

    intercept: Float64[np.ndarray, " targets"]
    dual: Float64[np.ndarray, "lines targets"]
    penalty: Float64[np.ndarray, " targets"]
    loo_rmse: Float64[np.ndarray, " targets"]

    def predict(self, kernel: Float64[np.ndarray, "new lines"]) -> Float64[np.ndarray, "new targets"]:
        """Predictions for new lines from their kernel with the training lines."""
        return predict_by_kernel(kernel, self.dual, self.intercept)


def predict_by_kernel(
    kernel: Float64[np.ndarray, "new lines"],
    dual: Float64[np.ndarray, "lines targets"],
    intercept: Float64[np.ndarray, " targets"],
    tile_targets: int = TILE_TARGETS,
) -> Float64[np.ndarray, "new targets"]:
    """`intercept` + `kernel` @ `dual`: of new lines, from their kernel with the training lines."""
    return tiled_product(kernel, dual, tile_targets) + intercept


def tiled_product(
    left: Float64[np.ndarray, "rows inner"],
    right: Float64[np.ndarray, "inner targets"],
    tile_targets: int = TILE_TARGETS,
) -> Float64[np.ndarray, "rows targets"]:
    """`left` @ `right`, each column with the same bits whichever others come with it."""
    out = np.empty((len(left), right.shape[1]))
    with one_blas_thread():
        for columns, tile in _tiles(right, tile_targets):
            out[:, columns] = (left @ tile)[:, : out[:, columns].shape[1]]
    return out


def spectrum_of(kernel: Float64[np.ndarray, "lines lines"]) -> Spectrum:
    """Centre with the training lines' means, scale to mean eigenvalue 1, decompose.

    Raises ValueError for fewer than two lines or values that are not finite.
    """
    if len(kernel) < 2 or kernel.shape != (len(kernel), len(kernel)) or not np.isfinite(kernel).all():
        raise ValueError(f"kernel: expected lines x lines, at least 2 and finite, got {kernel.shape}")
    with one_blas_thread():
        mirror = _mirror(len(kernel))
        reflected = _reflect(_reflect(kernel, mirror).T, mirror)[1:, 1:]
        values, vectors = np.linalg.eigh((reflected + reflected.T) / 2)
        back = _reflect(np.vstack([np.zeros(len(values)), vectors]), mirror)
    # What rounding leaves of a zero must not become a direction to fit in.
    values = np.where(values > len(kernel) * np.finfo(float).eps * np.abs(kernel).max(), values, 0.0)
    scale = float(values.sum()) / len(kernel) or 1.0
    return Spectrum(back, values / scale, kernel.mean(axis=1), scale)


def fit_ridge(
    spectrum: Spectrum,
    effects: Float64[np.ndarray, "lines targets"],
    penalties: Float64[np.ndarray, " penalties"],
    tile_targets: int = TILE_TARGETS,
) -> RidgeFits:
    """Fit every target at the penalty with its smallest leave-one-out error (of equal ones the first).

    Penalties are relative to the mean eigenvalue. A target's numbers do not depend, to the last bit, on which
    others come with it, but on `tile_targets`: a smaller tile is quicker for a target on lines of its own.
    Nothing may be missing.
    """
    dual = np.empty(effects.shape)
    intercept, penalty, error = (np.empty(effects.shape[1]) for _ in range(3))
    with one_blas_thread():
        search = spectrum.search(penalties)
        for columns, tile in _tiles(effects, tile_targets):
            mean, centred = _centred(tile)
            projected = spectrum.vectors.T @ centred
            place, parts, mean_square = search.choose(projected)
            solved = parts / spectrum.scale
            taken = slice(dual[:, columns].shape[1])
            dual[:, columns] = solved[:, taken]
            # A sum over rows, not a product: in BLAS a column's place may decide the order of its sum.
            intercept[columns] = (mean - (spectrum.means[:, None] * solved).sum(axis=0))[taken]
            penalty[columns] = penalties[place[taken]]
            error[columns] = np.sqrt(mean_square[taken])
    return RidgeFits(intercept, dual, penalty, error)


def smallest_errors(
    spectrum: Spectrum,
    effects: Float64[np.ndarray, "lines targets"],
    penalties: Float64[np.ndarray, " penalties"],
) -> Float64[np.ndarray, " targets"]:
    """Of each target the smallest of its `leave_one_out_errors`."""
    out = np.empty(effects.shape[1])
    with one_blas_thread():
        search = spectrum.search(penalties)
        for columns, tile in _tiles(effects):
            chosen = search.choose(spectrum.vectors.T @ _centred(tile)[1])
            out[columns] = chosen.error[: len(out[columns])]
    return out


def smallest_errors_between(
    spectrum: Spectrum,
    effects: Float64[np.ndarray, "lines targets"],
    penalties: Float64[np.ndarray, " penalties"],
) -> tuple[Float64[np.ndarray, " targets"], Float64[np.ndarray, " targets"]]:
    """What `smallest_errors` are at least and at most, for much less work."""
    low, high = np.empty(effects.shape[1]), np.empty(effects.shape[1])
    with one_blas_thread():
        search = spectrum.search(penalties)
        for columns, tile in _tiles(effects):
            bounds = search.smallest_between(spectrum.vectors.T @ _centred(tile)[1])
            low[columns], high[columns] = (bound[: len(low[columns])] for bound in bounds)
    return low, high


def leave_one_out_errors(
    spectrum: Spectrum,
    effects: Float64[np.ndarray, "lines targets"],
    penalties: Float64[np.ndarray, " penalties"],
) -> Float64[np.ndarray, "penalties targets"]:
    """Mean squared error of each line's prediction by a fit, intercept included, on all the others."""
    out = np.empty((len(penalties), effects.shape[1]))
    with one_blas_thread():
        diagonals = spectrum.search(penalties).diagonals
        for columns, tile in _tiles(effects):
            projected = spectrum.vectors.T @ _centred(tile)[1]
            errors = _errors(spectrum, projected, penalties, diagonals)
            out[:, columns] = errors[:, : out[:, columns].shape[1]]
    return out


def leave_one_out_predictions(
    spectrum: Spectrum,
    effects: Float64[np.ndarray, "lines targets"],
    penalty: Float64[np.ndarray, " targets"],
    tile_targets: int = TILE_TARGETS,
) -> Float64[np.ndarray, "lines targets"]:
    """Each line's prediction by a fit, intercept included, on all the others; a penalty for each target."""
    out = np.empty(effects.shape)
    with one_blas_thread():
        for columns, tile in _tiles(effects, tile_targets):
            given = np.ones(tile.shape[1])
            taken = slice(out[:, columns].shape[1])
            given[taken] = penalty[columns]
            shrunk = 1.0 / (spectrum.values[:, None] + given)
            projected = spectrum.vectors.T @ _centred(tile)[1]
            residual = spectrum.vectors @ (projected * shrunk)
            residual /= np.square(spectrum.vectors) @ shrunk
            out[:, columns] = effects[:, columns] - residual[:, taken]
    return out


def _errors(
    spectrum: Spectrum,
    projected: Float64[np.ndarray, "rest tile"],
    penalties: Float64[np.ndarray, " penalties"],
    diagonals: Float64[np.ndarray, "lines penalties"],
) -> Float64[np.ndarray, "penalties tile"]:
    """Leave-one-out errors from the centred effects' parts along the eigenvectors."""
    out = np.empty((len(penalties), projected.shape[1]))
    for row, penalty in enumerate(penalties):
        residual = spectrum.vectors @ (projected / (spectrum.values + penalty)[:, None])
        residual /= diagonals[:, row, None]
        out[row] = mean_square(residual)
    return out


def _tiles(
    matrix: Float64[np.ndarray, "lines targets"],
    width: int = TILE_TARGETS,
) -> Iterator[tuple[slice, Float64[np.ndarray, "lines tile"]]]:
    """The columns in tiles of one shape, the last filled with zeros, and where each tile's columns belong."""
    for start in range(0, matrix.shape[1], width):
        columns = slice(start, start + width)
        tile = np.zeros((len(matrix), width))
        tile[:, : matrix[:, columns].shape[1]] = matrix[:, columns]
        yield columns, tile


def _centred(
    tile: Float64[np.ndarray, "lines tile"],
) -> tuple[Float64[np.ndarray, " tile"], Float64[np.ndarray, "lines tile"]]:
    """Each column's mean, and the columns less it: exactly 0 where a column is constant."""
    mean = np.where((tile == tile[0]).all(axis=0), tile[0], tile.mean(axis=0))
    return mean, tile - mean


def _mirror(lines: int) -> Float64[np.ndarray, " lines"]:
    """The unit vector whose Householder reflection swaps the first axis and the constant vectors."""
    normal = np.full(lines, lines**-0.5)
    normal[0] -= 1.0
    return normal / np.linalg.norm(normal)


def _reflect(
    matrix: Float64[np.ndarray, "lines columns"], normal: Float64[np.ndarray, " lines"]
) -> Float64[np.ndarray, "lines columns"]:
    return matrix - 2.0 * np.outer(normal, normal @ matrix)
