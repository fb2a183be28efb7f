"""The gate of method `best` as loops over folds and genes (scipy, scikit-learn). Imports nothing of ours."""

import numpy as np
from scipy.stats import pearsonr
from sklearn.linear_model import Ridge


def ranked_slow(values, column, most):
    """The genes (rows) of highest |r| with a column, strongest first, of equal ones the lower."""
    if np.ptp(column) <= 1e-12 * np.abs(column).max():
        return []
    r = {
        gene: round(abs(pearsonr(row, column).statistic), 12)
        for gene, row in enumerate(values)
        if np.ptp(row) > 0
    }
    return sorted(r, key=lambda gene: (-r[gene], gene))[:most]


def standardised_slow(values, learned):
    """Genes (rows) less the mean of the lines learned from, over their standard deviation; constants 0."""
    z = values - values[:, learned].mean(axis=1, keepdims=True)
    spread = z[:, learned].std(axis=1, keepdims=True)
    return np.where(spread > 1e-9, z / np.where(spread > 1e-9, spread, 1), 0).T


def ridge_on_genes(values, learned, residual, penalty):
    """scikit-learn's Ridge without intercept; the penalty adds to a standardised gene's mean square."""
    model = Ridge(alpha=penalty * learned.sum(), fit_intercept=False)
    return model.fit(standardised_slow(values, learned)[learned], residual[learned])


def gate_slow(values, parts, effect, residual, tops, penalties, worth):
    """The gate of one target: `values` genes x lines, `parts` the lines of each inner fold.

    Gives the genes (none where shut), what is added on every line, the gain, the ranking and the penalty.
    """
    values, lines = values.astype(np.float64), values.shape[1]
    columns = {"effect": effect, "residual": residual}
    errors = {(name, top, penalty): 0.0 for name in columns for top in tops for penalty in penalties}
    for part in parts:
        learned = ~np.isin(np.arange(lines), part)
        ranked = {
            name: ranked_slow(values[:, learned], column[learned], max(tops))
            for name, column in columns.items()
        }
        for name, top, penalty in errors:
            genes, added = ranked[name][:top], np.zeros(lines)
            if genes:
                model = ridge_on_genes(values[genes], learned, residual, penalty)
                added = standardised_slow(values[genes], learned) @ model.coef_
            errors[name, top, penalty] += np.sum((residual[part] - added[part]) ** 2)
    ranked_by, top, penalty = min(errors, key=errors.get)
    before = np.sum(residual**2)
    gain = 1 - errors[ranked_by, top, penalty] / before if before > 0 else 0.0
    every = np.ones(lines, dtype=bool)
    genes = ranked_slow(values, columns[ranked_by], top)
    if not gain > worth / lines or not genes:
        return {"genes": [], "gain": gain, "added": np.zeros(lines)}
    model = ridge_on_genes(values[genes], every, residual, penalty)
    added = standardised_slow(values[genes], every) @ model.coef_
    return {"genes": genes, "gain": gain, "added": added, "ranked_by": ranked_by, "penalty": penalty}
