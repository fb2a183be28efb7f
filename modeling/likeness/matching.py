"""Quantile matching: a sample's values replaced by those that training lines have at the same ranks."""

import numpy as np
from jaxtyping import Float32, Float64


def mean_quantiles(expression: Float32[np.ndarray, "lines genes"]) -> Float64[np.ndarray, " genes"]:
    """The mean over the lines of the smallest value, of the second smallest, and so on."""
    total = np.zeros(expression.shape[1])
    for row in expression:
        total += np.sort(row)
    return total / len(expression)


def quantile_matched(
    samples: Float32[np.ndarray, "samples genes"], quantiles: Float64[np.ndarray, " genes"]
) -> Float32[np.ndarray, "samples genes"]:
    """Each sample on its own with the lines' distribution of values over the same genes; ranks are kept.

    Equal values get the mean of their quantiles. NaN stays; a sample that lacks genes gets quantiles in
    between.
    """
    matched = np.full(samples.shape, np.nan, dtype=np.float32)
    places = np.linspace(0.0, 1.0, len(quantiles))
    for row, values in enumerate(samples):
        known = np.flatnonzero(~np.isnan(values))
        if not len(known):
            continue
        wanted = quantiles
        if len(known) != len(quantiles):
            wanted = np.interp(np.linspace(0.0, 1.0, len(known)), places, quantiles)
        order = known[np.argsort(values[known], kind="stable")]
        _, group = np.unique(values[order], return_inverse=True)
        mean = np.bincount(group, weights=wanted) / np.bincount(group)
        matched[row, order] = mean[group]
    return matched


def genes_matched(
    samples: Float32[np.ndarray, "samples genes"], expression: Float32[np.ndarray, "lines genes"]
) -> Float32[np.ndarray, "samples genes"]:
    """Each gene's values over the samples with its distribution over the lines; their ranks are kept.

    Equal values get the mean of their quantiles; NaN stays.
    """
    places = (np.arange(len(expression)) + 0.5) / len(expression)
    matched = np.full(samples.shape, np.nan, dtype=np.float32)
    for gene, values in enumerate(samples.T):
        known = np.flatnonzero(~np.isnan(values))
        _, group, count = np.unique(values[known], return_inverse=True, return_counts=True)
        rank = np.cumsum(count) - count / 2
        wanted = np.interp(rank / max(len(known), 1), places, np.sort(expression[:, gene]))
        matched[known, gene] = wanted[group]
    return matched
