"""The genes that predictions follow, slowly: scipy's r, and partial r as r of statsmodels' residuals."""

import numpy as np
import statsmodels.api as sm
from scipy import stats


def r_slow(x, y):
    """scipy's r; 0 where one side is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return stats.pearsonr(x, y).statistic


def partial_slow(x, y, groups):
    """r of the residuals of two regressions on one dummy variable a group."""
    dummies = (groups[:, None] == np.unique(groups)).astype(float)
    left = [sm.OLS(side, dummies).fit().resid for side in (x, y)]
    if any(np.abs(side).max() < 1e-9 for side in left):
        return 0.0
    return stats.pearsonr(*left).statistic


def followed_slow(expression, predicted, measured, groups, most):
    """Rows (target, gene, rank, r, partial, r measured, partial measured) of every target, one by one."""
    rows = []
    for target in range(predicted.shape[1]):
        p, m = predicted[:, target], measured[:, target]
        here = ~(np.isnan(p) | np.isnan(m))
        p, m = p[here], m[here]
        if len(p) < 3 or np.ptp(p) == 0 or np.ptp(m) == 0:
            continue
        genes = expression[here].astype(float)
        both = [(r_slow(p, x), r_slow(m, x)) for x in genes.T]
        order = sorted(range(len(both)), key=lambda g: -both[g][0] * both[g][1])
        order = [g for g in order if both[g][0] * both[g][1] > 0][:most]
        for rank, g in enumerate(order, start=1):
            inside = [partial_slow(side, genes[:, g], groups[here]) for side in (p, m)]
            rows.append((target, g, rank, both[g][0], inside[0], both[g][1], inside[1]))
    return rows
