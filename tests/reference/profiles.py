"""Canonical correlations, profile regressions and their scores as one would write them down.

Imports nothing of ours.
"""

import numpy as np
from scipy.linalg import eigh
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import Ridge


def standardise_slow(train, rows):
    """Columns by the training rows' mean and standard deviation; constant ones are zero."""
    out = np.zeros(rows.shape)
    for column in range(train.shape[1]):
        x = train[:, column].astype(np.float64)
        if x.max() - x.min() > 1e-12 * np.abs(x).max():
            out[:, column] = (rows[:, column] - x.mean()) / x.std()
    return out


def leading_slow(matrix, most):
    """Scores of the leading principal components, from the eigenvectors of the covariance matrix."""
    values, vectors = np.linalg.eigh(matrix.T @ matrix)
    order = np.argsort(-values)
    rank = int((values > 1e-9 * values.max()).sum())
    return matrix @ vectors[:, order[: min(rank, most)]]


def cca_slow(left, right, most):
    """Canonical correlations and left variates, by the generalised eigenvalue problem of the textbooks."""
    x = leading_slow(standardise_slow(left, left), most)
    y = leading_slow(standardise_slow(right, right), most)
    p, q = x.shape[1], y.shape[1]
    between, within = np.zeros((p + q, p + q)), np.zeros((p + q, p + q))
    between[:p, p:], between[p:, :p] = x.T @ y, y.T @ x
    within[:p, :p], within[p:, p:] = x.T @ x, y.T @ y
    correlations, vectors = eigh(between, within)
    order = np.argsort(-correlations)[: min(p, q)]
    variates = x @ vectors[:p, order]
    return correlations[order], variates / variates.std(axis=0)


def leave_one_out_slow(expression, effect, penalty):
    """Squared errors of each gene predicted by a refit on all others; features scaled by all genes."""
    z = standardise_slow(expression, expression)
    errors = np.empty(effect.shape)
    for gene in range(len(z)):
        others = np.arange(len(z)) != gene
        model = Ridge(alpha=penalty).fit(z[others], effect[others])
        errors[gene] = (effect[gene] - model.predict(z[[gene]])[0]) ** 2
    return errors


def scores_slow(measured, predicted):
    """Number of values, Pearson and Spearman of each row, over what was measured."""
    rows = []
    for row, predictions in zip(measured, predicted, strict=True):
        seen = [i for i in range(len(row)) if not np.isnan(row[i])]
        y, predicted = row[seen], predictions[seen]
        if len(seen) < 3 or y.min() == y.max():
            rows.append((len(seen), None, None))
        elif predicted.min() == predicted.max():
            rows.append((len(seen), 0.0, 0.0))
        else:
            rows.append((len(seen), pearsonr(y, predicted).statistic, spearmanr(y, predicted).statistic))
    return rows
