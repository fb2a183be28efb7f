"""Reduced-rank ridge regression as one would write it down: on genes, with explicit coefficients. Imports
nothing of ours."""

import numpy as np


def ridge_slow(x, y, penalty):
    """Coefficients, genes x targets, by the normal equations; x and y are centred."""
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)


def reduced_slow(x, y, penalty, rank):
    """Those of rank `rank` that minimise |y - x b|^2 + penalty |b|^2 (Mukherjee and Zhu 2011).

    The ridge's, projected onto the first right singular vectors of its fit to the data extended by the
    penalty: x with sqrt(penalty) I below it, y with zeros.
    """
    full = ridge_slow(x, y, penalty)
    extended = np.vstack([x, np.sqrt(penalty) * np.eye(x.shape[1])])
    _, _, right = np.linalg.svd(extended @ full, full_matrices=False)
    return full @ right[:rank].T @ right[:rank]


def fit_slow(x, y, penalty, rank, new):
    """Predictions for new lines. The penalty is relative to the mean eigenvalue of the lines' kernel x x'."""
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    centred = x - mean_x
    scale = np.trace(centred @ centred.T) / len(x)
    return mean_y + (new - mean_x) @ reduced_slow(centred, y - mean_y, penalty * scale, rank)


def loadings_slow(x, y_all, y, penalty, rank, new):
    """Predictions of one target that is measured (not NaN) on some lines, the shared directions of expression
    being those of `y_all`: the least squares over its own lines, with the same penalty on its coefficients
    of genes, that lie in the span of the shared ones."""
    mean_x = x.mean(axis=0)
    centred = x - mean_x
    scale = np.trace(centred @ centred.T) / len(x)
    shared = reduced_slow(centred, y_all - y_all.mean(axis=0), penalty * scale, rank)
    left, _, _ = np.linalg.svd(shared, full_matrices=False)
    basis = left[:, :rank]  # genes x rank: coefficients are basis @ something
    own = ~np.isnan(y)
    scores = centred[own] @ basis
    centre = scores.mean(axis=0)
    system = (scores - centre).T @ (scores - centre) + penalty * scale * np.eye(basis.shape[1])
    weights = np.linalg.solve(system, (scores - centre).T @ (y[own] - y[own].mean()))
    return y[own].mean() + ((new - mean_x) @ basis - centre) @ weights


def inner_error_slow(x, y, folds, penalty, rank):
    """Squared error on held-out lines over all targets, relative to the training mean's."""
    error = of_mean = 0.0
    for train, test in folds:
        error += np.sum((y[test] - fit_slow(x[train], y[train], penalty, rank, x[test])) ** 2)
        of_mean += np.sum((y[test] - y[train].mean(axis=0)) ** 2)
    return error / of_mean
