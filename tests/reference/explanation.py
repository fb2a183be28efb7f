"""Explanations by loops over lines, groups and nodes, with scikit-learn where it has the thing."""

import numpy as np
from sklearn.linear_model import Ridge, RidgeCV


def lineage_weights_slow(x, y, groups, n_groups, penalties, fewest):
    """Pooled weights by RidgeCV, deviations by Ridge, each penalty judged by leaving out line after line."""
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    z = (x - x.mean(axis=0)) / scale
    pooled = RidgeCV(alphas=np.logspace(-2, 5, 29)).fit(z, y)
    left = y - pooled.predict(z)
    used = [g for g in range(n_groups) if (groups == g).sum() >= fewest]
    errors = []
    for penalty in [*penalties, np.inf]:
        total = 0.0
        for g in used:
            rows = np.flatnonzero(groups == g)
            for out in rows:
                kept = rows[rows != out]
                if np.isinf(penalty):
                    guess = left[kept].mean()
                else:
                    guess = Ridge(alpha=penalty).fit(z[kept], left[kept]).predict(z[[out]])[0]
                total += (left[out] - guess) ** 2
        errors.append(total)
    best = int(np.argmin(errors))
    penalty = [*penalties, np.inf][best]
    weights = np.full((n_groups, x.shape[1]), np.nan)
    for g in used:
        rows = groups == g
        own = 0.0 if np.isinf(penalty) else Ridge(alpha=penalty).fit(z[rows], left[rows]).coef_
        weights[g] = pooled.coef_ + own
    return pooled.coef_, weights, penalty, errors


def leaves_slow(model, features):
    """For every node of a heap the numbers of the lines that pass it, line by line."""
    passed = {}
    for line, row in enumerate(features.astype(np.float32)):
        node = 0
        while True:
            passed.setdefault(node, []).append(line)
            if model.feature[node] < 0:
                break
            node = 2 * node + (1 if row[model.feature[node]] <= model.threshold[node] else 2)
    return passed


def groups_hold(r, groups, alike):
    """Whether all pairs inside groups reach `alike`, and no two groups could be merged whole."""
    inside = all(
        abs(r[i, j]) >= alike - 1e-9 for i in range(len(r)) for j in range(len(r)) if groups[i] == groups[j]
    )
    merged = any(
        all(abs(r[i, j]) >= alike for i in np.flatnonzero(groups == a) for j in np.flatnonzero(groups == b))
        for a in set(groups)
        for b in set(groups)
        if a < b
    )
    return inside and not merged
