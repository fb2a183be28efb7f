"""The training lines made ready for comparisons with samples."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

# Genes that vary little between lines tell most about scale and level; this much variance is added, so that
# no gene alone decides.
VARIANCE_ADDED = 0.3


@dataclass(frozen=True, eq=False)
class Lines:
    """Expression of the training lines, nothing missing, and what each comparison needs of it.

    `weight` of a gene is 1 / (its variance + `VARIANCE_ADDED`). `low`, `high` are its extremes and
    `next_low`, `next_high` those of the other lines. `deviation`: what is left of each line's profile after
    the regression on the mean profile, centred, of length 1.
    """

    expression: Float32[np.ndarray, "lines genes"]
    mean: Float64[np.ndarray, " genes"]
    weight: Float64[np.ndarray, " genes"]
    low: Float32[np.ndarray, " genes"]
    next_low: Float32[np.ndarray, " genes"]
    high: Float32[np.ndarray, " genes"]
    next_high: Float32[np.ndarray, " genes"]
    deviation: Float32[np.ndarray, "lines genes"]


def lines_of(expression: Float32[np.ndarray, "lines genes"]) -> Lines:
    """The lines, from log2(TPM+1); two at least."""
    mean = expression.mean(axis=0, dtype=np.float64)
    weight = 1.0 / (expression.var(axis=0, dtype=np.float64) + VARIANCE_ADDED)
    n = len(expression)
    ends = np.partition(expression, sorted({0, 1, n - 2, n - 1}), axis=0)
    deviation = np.empty_like(expression)
    for row in range(n):  # row by row: a genome's float64 copies would take the memory
        x = expression[row].astype(np.float64)
        deviation[row] = unit_rows(left_of_line(x[None], mean, weight, np.ones((1, len(x)), bool))[2])[0]
    return Lines(expression, mean, weight, ends[0], ends[1], ends[n - 1], ends[n - 2], deviation)


def left_of_line(
    values: Float64[np.ndarray, "samples genes"],
    profile: Float64[np.ndarray, "..."],
    weight: Float64[np.ndarray, " genes"],
    known: np.ndarray,
) -> tuple[
    Float64[np.ndarray, " samples"], Float64[np.ndarray, " samples"], Float64[np.ndarray, "samples genes"]
]:
    """Weighted regression of each sample on a profile: level, slope and residuals, over the genes it knows.

    `profile` is one for all samples or one for each. The level is how far the sample's weighted mean is above
    the profile's. Residuals are 0 where `known` is false. A profile without variance has slope 0.
    """
    w = weight * known
    total = w.sum(axis=1)
    x, y = np.where(known, values, 0.0), np.broadcast_to(profile, values.shape)
    mean_x, mean_y = (np.einsum("ij,ij->i", w, side) / total for side in (x, y))
    x, y = x - mean_x[:, None], y - mean_y[:, None]
    spread = np.einsum("ij,ij,ij->i", w, y, y)
    shared = np.einsum("ij,ij,ij->i", w, x, y)
    slope = np.divide(shared, spread, out=np.zeros_like(shared), where=spread > 0)
    return mean_x - mean_y, slope, np.where(known, x - slope[:, None] * y, 0.0)


def unit_rows(values: Float64[np.ndarray, "rows genes"]) -> Float64[np.ndarray, "rows genes"]:
    """Each row centred and of length 1; zeros where only rounding is left of it."""
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    is_there = length > 1e-6 * np.sqrt(values.shape[1])
    return np.where(is_there[:, None], centred / np.where(is_there, length, 1.0)[:, None], 0.0)
