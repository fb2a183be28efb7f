"""What many targets teach together about a kernel between training lines: computed once, used by each target.

Two things. The *components* of the effects (their principal components over lines) are predicted, each with a
penalty of its own: a target's prediction is then its mix of predicted components, so that what other targets
have in common with it is borrowed and noise of its own is not. The *second kernel* compares lines by what is
predicted of them, all targets together, each training line by a fit that leaves it out: two lines with like
predictions are alike where it matters for knockouts.

A target that lacks lines is fitted on those it has; its own prediction stands on the others.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from modeling.kernels.kernels import half_decades
from modeling.kernels.ridge import (
    TILE_TARGETS,
    fit_ridge,
    leave_one_out_predictions,
    predict_by_kernel,
    spectrum_of,
)
from modeling.selection.association import one_blas_thread
from modeling.selection.prepared import group_by_missing

PENALTIES = half_decades(1.0, -2.0)  # of a target on the kernel
SHARED_PENALTIES = half_decades(2.5, -2.0)  # of a component on it, and of a target on the second kernel
SMALLEST = 1e-10  # of the largest component's variance: what is below is rounding
PATTERN_TILE = 8  # targets at once on lines of their own: most patterns have few targets


@dataclass(frozen=True, eq=False)
class Shared:
    """What the targets of one set of training lines teach together.

    Everything a new line needs follows from k, its kernel with the training lines, as it came:
    its components are k @ `component_dual` + `component_intercept`, and its second kernel with the training
    lines k @ `onto_second` + `second_offset`.

    Attributes:
        components: orthonormal, each summing to zero; a target's effects less their mean are a mix of them.
        skill: of each component, the share of its variance that leave-one-out predictions explain, 0 to 1.
        loadings: targets x components: how much of each target's variance lies along each, signed.
        second: the second kernel between training lines.
    """

    components: Float64[np.ndarray, "lines k"]
    skill: Float64[np.ndarray, " k"]
    loadings: Float64[np.ndarray, "targets k"]
    component_dual: Float64[np.ndarray, "lines k"]
    component_intercept: Float64[np.ndarray, " k"]
    second: Float64[np.ndarray, "lines lines"]
    onto_second: Float64[np.ndarray, "lines lines"]
    second_offset: Float64[np.ndarray, " lines"]


def fit_shared(
    kernel: Float64[np.ndarray, "lines lines"], effects: Float64[np.ndarray, "lines targets"]
) -> Shared:
    """Learn from all targets of these training lines.

    `effects`: NaN where not measured; no target is constant, none lacks all but a few lines.
    """
    fits = _fit_each(kernel, effects)
    with one_blas_thread():
        centred = fits.effects - fits.effects.mean(axis=0)
        variance, components = np.linalg.eigh(centred @ centred.T)
        kept = variance > SMALLEST * variance[-1]
        # Strongest first.
        variance, components = variance[kept][::-1], np.ascontiguousarray(components[:, kept][:, ::-1])
        mean = fits.left_out.mean(axis=0)
        profile = fits.left_out - mean
        second = profile @ profile.T
        onto_second = fits.dual @ profile.T
        offset = profile @ (fits.intercept - mean)
        loadings = (centred.T @ components) / np.sqrt(variance)
    scale = float(np.trace(second)) / len(second) or 1.0
    found = fit_ridge(spectrum_of(kernel), components, SHARED_PENALTIES)
    skill = 1.0 - found.loo_rmse**2 * len(kernel)  # a component's mean square is 1 / lines
    return Shared(
        components,
        np.clip(skill, 0.0, 1.0),
        loadings,
        found.dual,
        found.intercept,
        second / scale,
        onto_second / scale,
        offset / scale,
    )


@dataclass(frozen=True, eq=False)
class _Fits:
    """Every target's fit; `effects` and `left_out` have the prediction where no effect is measured."""

    effects: Float64[np.ndarray, "lines targets"]
    left_out: Float64[np.ndarray, "lines targets"]
    dual: Float64[np.ndarray, "lines targets"]
    intercept: Float64[np.ndarray, " targets"]


def _fit_each(
    kernel: Float64[np.ndarray, "lines lines"], effects: Float64[np.ndarray, "lines targets"]
) -> _Fits:
    whole, left_out, dual = effects.copy(), np.empty(effects.shape), np.zeros(effects.shape)
    intercept = np.empty(effects.shape[1])
    for present, columns in group_by_missing(effects):
        width = TILE_TARGETS if present.all() else PATTERN_TILE
        spectrum = spectrum_of(kernel[np.ix_(present, present)])
        measured = effects[np.ix_(present, columns)]
        fits = fit_ridge(spectrum, measured, PENALTIES, width)
        left_out[np.ix_(present, columns)] = leave_one_out_predictions(
            spectrum, measured, fits.penalty, width
        )
        dual[np.ix_(present, columns)], intercept[columns] = fits.dual, fits.intercept
        if not present.all():
            there = predict_by_kernel(kernel[np.ix_(~present, present)], fits.dual, fits.intercept)
            whole[np.ix_(~present, columns)] = left_out[np.ix_(~present, columns)] = there
    return _Fits(whole, left_out, dual, intercept)


def neighbours(shared: Shared, most: int) -> tuple[np.ndarray, np.ndarray]:
    """For every target the `most` others that its prediction borrows most from: columns, and signed weights.

    The borrowed prediction of target t is the sum over targets s of W[s, t] times what is predicted of s
    alone, W = sum over components of skill x loading of s x loading of t. Ordered by |W|; of equal ones the
    lower column first.
    """
    weighted = shared.loadings * shared.skill
    n = len(weighted)
    most = max(0, min(most, n - 1))  # no targets have no others
    columns, weights = np.empty((n, most), dtype=np.int64), np.empty((n, most))
    with one_blas_thread():
        for start in range(0, n, TILE_TARGETS):
            rows = slice(start, start + TILE_TARGETS)
            block = weighted[rows] @ shared.loadings.T
            at = np.arange(len(block))
            own = np.arange(start, start + len(block))
            block[at, own] = 0.0
            order = np.argsort(-np.round(np.abs(block), 12), axis=1, kind="stable")
            order = np.stack([row[row != mine][:most] for row, mine in zip(order, own, strict=True)])
            columns[rows], weights[rows] = order, np.take_along_axis(block, order, axis=1)
    return columns, weights
