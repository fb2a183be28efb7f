"""Other measurements of cell lines (mutations, copy number, protein, ...) on what expression leaves over.

Each layer has a linear kernel of its own. A target's residual is fitted on it by ridge regression, and the
fit's predictions of left-out lines say how large a share of it helps: none, unless the squared error falls by
more than a share of `WORTH` / lines, as for a gate. Layers come one after the other, each on what is left. A
line that lacks a layer has features at their means, so that nothing is added for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64

from modeling.borrowing.gate import WORTH
from modeling.borrowing.mixing import carriers
from modeling.kernels.kernels import half_decades
from modeling.kernels.ridge import (
    Spectrum,
    fit_ridge,
    leave_one_out_predictions,
    predict_by_kernel,
    spectrum_of,
)

PENALTIES = half_decades(2.5, -1.0)
FEWEST_CARRIERS = 8  # lines that carry a feature's variance: a mutation of three lines is chance


@dataclass(frozen=True, eq=False)
class LayerView:
    """One layer's kernel between training lines, and of new lines with them.

    `spectrum` is of the lines that are measured: of all, until `of` some is asked for.
    """

    name: str
    kernel: Float64[np.ndarray, "lines lines"]
    new: Float64[np.ndarray, "new lines"]
    spectrum: Spectrum

    def of(self, present: Bool[np.ndarray, " lines"]) -> "LayerView":
        """For targets that are measured on these training lines: decomposed once for all of them."""
        if present.all():
            return self
        return replace(self, spectrum=spectrum_of(self.kernel[np.ix_(present, present)]))


@dataclass(frozen=True, eq=False)
class LayerFits:
    """What a layer adds to the predictions of a tile of targets; `share` is 0 where it does not help."""

    share: Float64[np.ndarray, " targets"]
    penalty: Float64[np.ndarray, " targets"]
    added: Float64[np.ndarray, "new targets"]


def standardised_layer(
    train: Float32[np.ndarray, "lines features"], new: Float32[np.ndarray, "new features"]
) -> tuple[Float32[np.ndarray, "lines features"], Float32[np.ndarray, "new features"]]:
    """Features standardised by the training lines that have them.

    0 where missing; all 0 where the feature is constant there, or fewer than `FEWEST_CARRIERS` lines carry
    its variance (`mixing.carriers`).
    """
    known = ~np.isnan(train)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, train, 0.0).astype(np.float64).sum(axis=0) / count
    spread = np.sqrt(np.square(np.where(known, train - mean, 0.0)).sum(axis=0) / count)
    carried = carriers(np.where(known, train - mean, 0.0)) >= FEWEST_CARRIERS
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=(spread > 1e-9) & carried)
    a, b = (np.nan_to_num((values - mean) * inverse).astype(np.float32) for values in (train, new))
    return a, b


def layer_view(
    name: str, train: Float32[np.ndarray, "lines features"], new: Float32[np.ndarray, "new features"]
) -> LayerView:
    """The linear kernel of standardised features."""
    z, other = train.astype(np.float64), new.astype(np.float64)
    features = max(z.shape[1], 1)
    kernel = z @ z.T / features
    return LayerView(name, kernel, other @ z.T / features, spectrum_of(kernel))


def fit_layers(
    views: Sequence[LayerView],
    residuals: Float64[np.ndarray, "lines tile"],
    present: Bool[np.ndarray, " training_lines"],
) -> list[LayerFits]:
    """Fit each layer on what the ones before leave of the residuals, which are of the `present` lines.

    The views are `LayerView.of` those.
    """
    found, width = [], residuals.shape[1]
    for view in views:
        spectrum = view.spectrum
        fits = fit_ridge(spectrum, residuals, PENALTIES, width)
        left_out = leave_one_out_predictions(spectrum, residuals, fits.penalty, width)
        share = _share(residuals, left_out)
        new = np.ascontiguousarray(view.new[:, present])
        found.append(
            LayerFits(share, fits.penalty, share * predict_by_kernel(new, fits.dual, fits.intercept, width))
        )
        residuals = residuals - share * left_out
    return found


def _share(
    residuals: Float64[np.ndarray, "lines tile"], left_out: Float64[np.ndarray, "lines tile"]
) -> Float64[np.ndarray, " tile"]:
    """The share, in 0..1, of the predictions that lowers the squared error most; 0 where not by enough."""
    size, before = np.square(left_out).sum(axis=0), np.square(residuals).sum(axis=0)
    agreement = (left_out * residuals).sum(axis=0)
    share = np.clip(np.divide(agreement, size, out=np.zeros_like(size), where=size > 0), 0.0, 1.0)
    after = np.square(residuals - share * left_out).sum(axis=0)
    helps = before - after > WORTH / len(residuals) * before
    return np.where(helps, share, 0.0)
