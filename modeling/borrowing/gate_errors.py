"""Ridge regressions of residuals on a few ranked genes, and their errors on the lines left out: compiled.

A gene is standardised on the lines a fit learns from; the penalty adds to the mean square of each, 1. There
is no intercept: what a gate adds is 0 at the mean of its genes.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.numba_cache import njit


def ranked_ridge(
    values: Float32[np.ndarray, "genes lines"],
    genes: Int64[np.ndarray, " k"],
    residual: Float64[np.ndarray, " lines"],
    penalty: float,
) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, " k"]]:
    """Weights on the genes as `values` has them, and their means there: fitted on all lines."""
    lines = values.shape[1]
    z, gram, cross, mean, spread = _moments(values, genes, residual, lines, lines)
    del z
    weights = _solve(gram, cross, len(genes), penalty)
    return np.divide(weights, spread, out=np.zeros_like(weights), where=spread > 0), mean


def validation_errors(
    values: Float32[np.ndarray, "genes lines"],
    bounds: Int64[np.ndarray, " bounds"],
    ranked: Int64[np.ndarray, "targets rankings folds most"],
    residuals: Float64[np.ndarray, "targets lines"],
    tops: Int64[np.ndarray, " tops"],
    penalties: Float64[np.ndarray, " penalties"],
) -> Float64[np.ndarray, "targets rankings tops penalties"]:
    """Squared errors of the residuals, summed over each inner fold's lines, by fits on all others.

    `ranked` has each fold's genes, ranked without its lines; -1 is none.
    """
    return _errors(values, bounds, ranked, residuals, tops, penalties)


@njit
@no_type_check
def _errors(values, bounds, ranked, residuals, tops, penalties):
    targets, rankings = ranked.shape[0], ranked.shape[1]
    out = np.zeros((targets, rankings, len(tops), len(penalties)))
    for t in range(targets):
        for by in range(rankings):
            for fold in range(len(bounds) - 1):
                first, last = bounds[fold], bounds[fold + 1]
                genes = ranked[t, by, fold]
                genes = genes[genes >= 0]
                z, gram, cross, _, _ = _moments(values, genes, residuals[t], first, last)
                for i in range(len(tops)):
                    k = min(tops[i], len(genes))
                    for j in range(len(penalties)):
                        weights = _solve(gram, cross, k, penalties[j])
                        error = 0.0
                        for line in range(first, last):
                            left = residuals[t, line]
                            for a in range(k):
                                left -= weights[a] * z[a, line]
                            error += left * left
                        out[t, by, i, j] += error
    return out


@njit
@no_type_check
def _moments(values, genes, residual, first, last):
    """Genes standardised on the lines outside first..last, their Gram matrix and products with the residual.

    Both are means over those lines. A gene that is constant there counts as 0.
    """
    k, lines = len(genes), values.shape[1]
    learned = lines - (last - first)
    z, mean, spread, ones = np.empty((k, lines)), np.zeros(k), np.zeros(k), np.ones(lines)
    for a in range(k):
        for line in range(lines):
            z[a, line] = values[genes[a], line]
        mean[a] = (_dot(z[a], ones, 0, first) + _dot(z[a], ones, last, lines)) / learned
        for line in range(lines):
            z[a, line] -= mean[a]
        spread[a] = np.sqrt((_dot(z[a], z[a], 0, first) + _dot(z[a], z[a], last, lines)) / learned)
        scale = 1.0 / spread[a] if spread[a] > 1e-6 else 0.0
        for line in range(lines):
            z[a, line] *= scale
    gram, cross = np.zeros((k, k)), np.zeros(k)
    for a in range(k):
        for b in range(a + 1):
            total = _dot(z[a], z[b], 0, first) + _dot(z[a], z[b], last, lines)
            gram[a, b] = gram[b, a] = total / learned
        cross[a] = (_dot(z[a], residual, 0, first) + _dot(z[a], residual, last, lines)) / learned
    return z, gram, cross, mean, spread


@njit
@no_type_check
def _dot(left, right, first, last):
    """Sum of products of first..last, in eight sums side by side: one alone waits for itself."""
    a = b = c = d = e = f = g = h = 0.0
    whole = first + (last - first) // 8 * 8
    for i in range(first, whole, 8):
        a += left[i] * right[i]
        b += left[i + 1] * right[i + 1]
        c += left[i + 2] * right[i + 2]
        d += left[i + 3] * right[i + 3]
        e += left[i + 4] * right[i + 4]
        f += left[i + 5] * right[i + 5]
        g += left[i + 6] * right[i + 6]
        h += left[i + 7] * right[i + 7]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(whole, last):
        total += left[i] * right[i]
    return total


@njit
@no_type_check
def _solve(gram, cross, k, penalty):
    """The first k genes' weights: (gram + penalty I) w = cross, by Cholesky's factor."""
    factor, weights = np.zeros((k, k)), np.empty(k)
    for a in range(k):
        for b in range(a + 1):
            total = gram[a, b]
            if a == b:
                total += penalty
            for c in range(b):
                total -= factor[a, c] * factor[b, c]
            factor[a, b] = np.sqrt(total) if a == b else total / factor[b, b]
    for a in range(k):
        total = cross[a]
        for c in range(a):
            total -= factor[a, c] * weights[c]
        weights[a] = total / factor[a, a]
    for a in range(k - 1, -1, -1):
        total = weights[a]
        for c in range(a + 1, k):
            total -= factor[c, a] * weights[c]
        weights[a] = total / factor[a, a]
    return weights
