"""Ridge regressions of residuals on a few ranked genes, and their errors on the lines left out: compiled.

A gene is standardised on the lines a fit learns from; the penalty adds to the mean square of each, 1. There
is no intercept: what a gate adds is 0 at the mean of its genes.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.numba_cache import njit

SMALLEST = 1e-6  # spread of a gene on the lines learned from: below, it counts as constant


def ranked_ridge(
    values: Float32[np.ndarray, "genes lines"],
    genes: Int64[np.ndarray, " k"],
    residual: Float64[np.ndarray, " lines"],
    penalty: float,
) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, " k"]]:
    """Weights on the genes as `values` has them, and their means there: fitted on all lines."""
    lines = values.shape[1]
    gram, _, mean, spread = _moments(values, genes, residual, lines, lines)
    weights = _solve(_factor(gram, penalty), gram[-1], len(genes))
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
    targets, rankings, folds = ranked.shape[0], ranked.shape[1], len(bounds) - 1
    out = np.zeros((targets, rankings, len(tops), len(penalties)))
    for t in range(targets):
        for by in range(rankings):
            for fold in range(folds):
                genes = ranked[t, by, fold]
                genes = genes[genes >= 0]
                gram, held, _, _ = _moments(values, genes, residuals[t], bounds[fold], bounds[fold + 1])
                for j in range(len(penalties)):
                    factor = _factor(gram, penalties[j])
                    for i in range(len(tops)):
                        k = min(tops[i], len(genes))
                        out[t, by, i, j] += _error(held, _solve(factor, gram[-1], k))
    return out


@njit
@no_type_check
def _error(held, weights):
    """|r - Zw|^2 of the lines left out, from the products of Z and r there."""
    k, error = len(weights), held[-1, -1]
    for a in range(k):
        along = -2.0 * held[-1, a]
        for b in range(k):
            along += held[a, b] * weights[b]
        error += weights[a] * along
    return error


@njit
@no_type_check
def _moments(values, genes, residual, first, last):
    """Products of genes, standardised on the lines outside first..last, and of the residual, the last row.

    Gives means over those lines, sums over first..last, and the genes' means and spreads. A gene that is
    constant outside counts as 0.
    """
    k, lines = len(genes), values.shape[1]
    learned = lines - (last - first)
    z, mean = np.empty((k + 1, lines)), np.empty(k)
    for a in range(k):
        z[a] = values[genes[a]]
        mean[a] = (_sum(z[a][:first]) + _sum(z[a][last:])) / learned
        z[a] -= mean[a]
    z[k] = residual
    held = _products(z, first, last)
    gram = (_products(z, 0, first) + _products(z, last, lines)) / learned
    spread, scale = np.empty(k), np.ones(k + 1)
    for a in range(k):
        spread[a] = np.sqrt(gram[a, a])
        scale[a] = 1.0 / spread[a] if spread[a] > SMALLEST else 0.0
    for a in range(k + 1):
        for b in range(k + 1):
            gram[a, b] *= scale[a] * scale[b]
            held[a, b] *= scale[a] * scale[b]
    return gram, held, mean, spread


@njit(fastmath={"reassoc"})
@no_type_check
def _sum(values):
    total = 0.0
    for value in values:
        total += value
    return total


@njit(fastmath={"reassoc", "contract"})
@no_type_check
def _products(rows, first, last):
    """Each row's products with each over first..last. Four sums side by side: one alone waits for itself."""
    k = len(rows)
    out = np.empty((k, k))
    for i in range(k):
        for start in range(0, i + 1, 4):
            second, third, fourth = min(start + 1, i), min(start + 2, i), min(start + 3, i)
            a, b, c = rows[i][first:last], rows[start][first:last], rows[second][first:last]
            d, e = rows[third][first:last], rows[fourth][first:last]
            sum_b, sum_c, sum_d, sum_e = 0.0, 0.0, 0.0, 0.0
            for line in range(len(a)):
                sum_b += a[line] * b[line]
                sum_c += a[line] * c[line]
                sum_d += a[line] * d[line]
                sum_e += a[line] * e[line]
            out[i, start], out[i, second], out[i, third], out[i, fourth] = sum_b, sum_c, sum_d, sum_e
        for j in range(i):
            out[j, i] = out[i, j]
    return out


@njit
@no_type_check
def _factor(gram, penalty):
    """Cholesky's factor of the genes' gram + penalty I; its first k rows and columns are that of k genes."""
    k = len(gram) - 1
    factor = np.zeros((k, k))
    for a in range(k):
        for b in range(a + 1):
            total = gram[a, b]
            if a == b:
                total += penalty
            for c in range(b):
                total -= factor[a, c] * factor[b, c]
            factor[a, b] = np.sqrt(total) if a == b else total / factor[b, b]
    return factor


@njit
@no_type_check
def _solve(factor, cross, k):
    """The first k genes' weights: factor factor' w = cross."""
    weights = np.empty(k)
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
