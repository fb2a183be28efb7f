"""Three predictions of a target from one kernel: its own, the borrowed one, and that of the second kernel.

All three are an intercept and one dual coefficient for each training line, on the kernel as it came; so is
every mix of them, and a stored model needs no more than that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from modeling.borrowing.shared import PENALTIES, SHARED_PENALTIES, Shared
from modeling.kernels.ridge import Spectrum, fit_ridge, predict_by_kernel, spectrum_of, tiled_product

STAGES = ("kernel", "borrowed", "second_kernel")


@dataclass(frozen=True, eq=False)
class View:
    """Training lines, the lines to predict, and what all targets of the training lines teach together.

    `kernel` compares training lines, `new` those to predict (rows) with them; `spectra` are of the kernel and
    of the second one, of the training lines that are `measured`: of all, if None.
    """

    kernel: Float64[np.ndarray, "lines lines"]
    new: Float64[np.ndarray, "new lines"]
    shared: Shared
    spectra: tuple[Spectrum, Spectrum]
    measured: Bool[np.ndarray, " lines"] | None = None

    def of(self, present: Bool[np.ndarray, " lines"]) -> "View":
        """For targets that are measured on these training lines: decomposed once for all of them."""
        return self if present.all() else replace(self, spectra=self.spectra_of(present), measured=present)

    def spectra_of(self, present: Bool[np.ndarray, " lines"]) -> tuple[Spectrum, Spectrum]:
        """The spectra of some of the training lines: those at hand, if they are of these."""
        at_hand = np.ones(len(present), dtype=bool) if self.measured is None else self.measured
        if np.array_equal(present, at_hand):
            return self.spectra
        inner = np.ix_(present, present)
        return spectrum_of(self.kernel[inner]), spectrum_of(self.shared.second[inner])


def view_of(
    kernel: Float64[np.ndarray, "lines lines"], new: Float64[np.ndarray, "new lines"], shared: Shared
) -> View:
    """A view, its two kernels decomposed."""
    return View(kernel, new, shared, (spectrum_of(kernel), spectrum_of(shared.second)))


class InnerFold(NamedTuple):
    """Training lines split once more: rows that train, rows that validate, and the view of the former."""

    train: Int64[np.ndarray, " train"]
    validation: Int64[np.ndarray, " validation"]
    view: View

    def of(self, present: Bool[np.ndarray, " lines"]) -> "InnerFold":
        """As `View.of`; `present` of the lines that were split."""
        return self._replace(view=self.view.of(present[self.train]))


@dataclass(frozen=True, eq=False)
class StageFits:
    """A tile of targets fitted by each of `STAGES`: a line's prediction is `intercept` + kernel @ `dual`."""

    intercept: Float64[np.ndarray, "stages targets"]
    dual: Float64[np.ndarray, "stages lines targets"]
    penalty: Float64[np.ndarray, "stages targets"]

    def predict(self, kernel: Float64[np.ndarray, "new lines"]) -> Float64[np.ndarray, "stages new targets"]:
        """Predictions of new lines."""
        width = self.dual.shape[2]
        return np.stack(
            [
                predict_by_kernel(kernel, dual, b, width)
                for dual, b in zip(self.dual, self.intercept, strict=True)
            ]
        )

    def mixed(
        self, weights: Float64[np.ndarray, "stages targets"]
    ) -> tuple[Float64[np.ndarray, " targets"], Float64[np.ndarray, "lines targets"]]:
        """Intercept and dual coefficients of a mix."""
        return _added(weights * self.intercept), _added(weights[:, None] * self.dual)


def fit_stages(
    view: View, effects: Float64[np.ndarray, "lines tile"], present: Bool[np.ndarray, " lines"]
) -> StageFits:
    """Fit a tile of targets that are measured on the `present` training lines (other rows are not read).

    The width of the tile decides the last bits: use one width for one pattern of missing lines.
    """
    width = effects.shape[1]
    first, second = view.spectra_of(present)
    own = fit_ridge(first, effects[present], PENALTIES, width)
    own_dual = _expanded(own.dual, present)
    whole = effects.copy()
    if not present.all():
        gap = np.ix_(~present, present)
        whole[~present] = predict_by_kernel(view.kernel[gap], own.dual, own.intercept, width)
    mean = whole.mean(axis=0)
    shared = view.shared
    mix = tiled_product(shared.components.T, whole - mean, width)
    borrowed = tiled_product(shared.component_dual, mix, width)
    borrowed_intercept = mean + _added(shared.component_intercept[:, None] * mix)
    again = fit_ridge(second, effects[present], SHARED_PENALTIES, width)
    again_dual = _expanded(again.dual, present)
    onto = tiled_product(shared.onto_second, again_dual, width)
    onto_intercept = again.intercept + _added(shared.second_offset[:, None] * again_dual)
    return StageFits(
        np.stack([own.intercept, borrowed_intercept, onto_intercept]),
        np.stack([own_dual, borrowed, onto]),
        np.stack([own.penalty, np.full(width, np.nan), again.penalty]),
    )


def nested_predictions(
    inner: Sequence[InnerFold],
    effects: Float64[np.ndarray, "lines tile"],
    present: Bool[np.ndarray, " lines"],
) -> Float64[np.ndarray, "stages lines tile"]:
    """Predictions of every training line by fits of the inner folds, which did not see it."""
    out = np.zeros((len(STAGES), *effects.shape))
    for train, validation, view in inner:
        out[:, validation] = fit_stages(view, effects[train], present[train]).predict(view.new)
    return out


def _added(values: np.ndarray) -> np.ndarray:
    """A sum over the first axis, not a product: in BLAS a column's place may decide the order of its sum."""
    total: np.ndarray = values.sum(axis=0)
    return total


def _expanded(
    dual: Float64[np.ndarray, "some tile"], present: Bool[np.ndarray, " lines"]
) -> Float64[np.ndarray, "lines tile"]:
    out = np.zeros((len(present), dual.shape[1]))
    out[present] = dual
    return out
