"""Every drug's response in a new cell line from its expression: which drugs suit this line best?

Per drug, ridge regression from a cell line's vector to its response, on the training lines where the drug
was measured. The vector is the line's `expression`; its `dependency`, measured while training and predicted
from expression (kernel ridge on all genes) for a new line; or `both`, which count alike.

Ridge regression on z scores is a kernel: the mean over features of z z'. A predicted dependency is linear in
the Laplacian kernel k of expression between new and training lines, so the dependency kernel of a new line
is `offset` + k @ `relation` for two arrays that the training lines determine. So every prediction is
intercept + (linear kernel) @ linear + k @ laplacian, whatever the features: that is all a model has to keep.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.kernels.distances import Counted, mean_distances, mean_products, scaling_of, standardised
from modeling.kernels.kernels import Laplacian, Linear, choose_laplacian
from modeling.kernels.ridge import fit_ridge, predict_by_kernel, spectrum_of
from modeling.selection.prepared import group_by_missing

FEATURES = ("expression", "dependency", "both")
FEWEST_MEASURED = 20  # training lines of a drug; with fewer it gets no prediction
TILE_DRUGS = 8  # few drugs were measured on the same lines


@dataclass(frozen=True, eq=False)
class DrugWeights:
    """A prediction is `intercept` + linear kernel @ `linear` + Laplacian kernel @ `laplacian`.

    Kernels are between new and training lines. The intercept is NaN for a drug without a prediction.
    """

    intercept: Float64[np.ndarray, " drugs"]
    linear: Float64[np.ndarray, "lines drugs"]
    laplacian: Float64[np.ndarray, "lines drugs"]


@dataclass(frozen=True, eq=False)
class Ranking:
    """What training lines say of drugs, by features.

    `mean`, `sd` (ddof 0) and `count` are those of each drug's response over the training lines measured.
    """

    kernel: Laplacian
    weights: dict[str, DrugWeights]
    mean: Float64[np.ndarray, " drugs"]
    sd: Float64[np.ndarray, " drugs"]
    count: Int64[np.ndarray, " drugs"]


@dataclass(frozen=True, eq=False)
class _Dependencies:
    """The kernel between training lines by measured dependency, and what gives that of a new line."""

    within: Float64[np.ndarray, "lines lines"]
    offset: Float64[np.ndarray, " lines"]
    relation: Float64[np.ndarray, "lines lines"]
    kernel: Laplacian


def fit_ranking(
    expression: Float32[np.ndarray, "lines genes"],
    dependency: Float32[np.ndarray, "lines targets"],
    response: Float32[np.ndarray, "lines drugs"],
) -> Ranking:
    """Fit every drug on training lines.

    Args:
        expression: nothing missing.
        dependency: of the targets that vary; NaN where not measured, filled with the target's mean.
        response: NaN where not measured.

    Raises ValueError for fewer than three lines.
    """
    scaling = scaling_of(expression)
    lines, counted = standardised(expression, scaling), int(scaling.varies.sum())
    linear = mean_products(lines, None, counted)
    known = _dependencies(mean_distances(lines, None, counted), dependency)
    weights = {}
    for features in FEATURES:
        share = 0.5 if features == "both" else 1.0
        shares = (share * (features != "dependency"), share * (features != "expression"))
        intercept, dual = _fit_drugs(shares[0] * linear + shares[1] * known.within, response)
        by_dependency = shares[1] * dual
        weights[features] = DrugWeights(
            intercept + known.offset @ by_dependency, shares[0] * dual, known.relation @ by_dependency
        )
    return Ranking(known.kernel, weights, *_moments(response))


def predict_drugs(
    weights: DrugWeights,
    kernel: Laplacian,
    new: Float32[np.ndarray, "new genes"],
    lines: Float32[np.ndarray, "lines genes"],
    counted: Counted,
) -> Float64[np.ndarray, "new drugs"]:
    """Predictions for new lines, standardised like the training `lines`; a gene that is NaN is left out.

    `counted`: how many genes that vary each new line knows.
    """
    by_linear = predict_by_kernel(mean_products(new, lines, counted), weights.linear, weights.intercept)
    between = kernel.of(mean_distances(new, lines, counted))
    return by_linear + predict_by_kernel(between, weights.laplacian, np.zeros(len(weights.intercept)))


def _dependencies(
    distances: Float64[np.ndarray, "lines lines"], dependency: Float32[np.ndarray, "lines targets"]
) -> _Dependencies:
    effects = _filled(dependency.astype(np.float64))
    scaling = scaling_of(effects)
    effects, inverse = effects[:, scaling.varies], scaling.inverse[scaling.varies]
    z = standardised(effects, scaling_of(effects))
    kernel = choose_laplacian(distances, effects)
    fits = fit_ridge(spectrum_of(kernel.of(distances)), effects, kernel.penalties)
    # Predicted z scores are z_mean + k @ (dual * inverse); of them, mean products with the training lines'.
    z_mean = (fits.intercept - scaling.mean[scaling.varies]) * inverse
    per_target = z.astype(np.float64).T / max(len(inverse), 1)
    return _Dependencies(
        mean_products(z, None, len(inverse)), z_mean @ per_target, (fits.dual * inverse) @ per_target, kernel
    )


def _filled(values: Float64[np.ndarray, "lines targets"]) -> Float64[np.ndarray, "lines targets"]:
    known = ~np.isnan(values)
    means = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, values, means)


def _fit_drugs(
    kernel: Float64[np.ndarray, "lines lines"], response: Float32[np.ndarray, "lines drugs"]
) -> tuple[Float64[np.ndarray, " drugs"], Float64[np.ndarray, "lines drugs"]]:
    """Intercepts and dual coefficients (0 where a drug was not measured), each drug with its own penalty."""
    intercept, dual = np.full(response.shape[1], np.nan), np.zeros(response.shape)
    for present, drugs in group_by_missing(response):
        if present.sum() < FEWEST_MEASURED:
            continue
        rows = np.flatnonzero(present)
        spectrum, known = spectrum_of(kernel[np.ix_(rows, rows)]), response[np.ix_(rows, drugs)]
        fits = fit_ridge(spectrum, known.astype(np.float64), Linear.penalties, TILE_DRUGS)
        intercept[drugs], dual[np.ix_(rows, drugs)] = fits.intercept, fits.dual
    return intercept, dual


def _moments(
    response: Float32[np.ndarray, "lines drugs"],
) -> tuple[Float64[np.ndarray, " drugs"], Float64[np.ndarray, " drugs"], Int64[np.ndarray, " drugs"]]:
    """Mean and standard deviation of each drug over the lines measured (NaN for none), and their number."""
    mean, sd = np.full(response.shape[1], np.nan), np.full(response.shape[1], np.nan)
    for drug, values in enumerate(response.T):
        known = values[~np.isnan(values)].astype(np.float64)
        if known.size:
            mean[drug], sd[drug] = known.mean(), known.std()
    return mean, sd, (~np.isnan(response)).sum(axis=0)
