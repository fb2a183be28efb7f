"""Automatic selection as a loop over scikit-learn models; nothing of ours is imported."""

import hashlib
import json
import math

import numpy as np

from tests.reference.candidates import lasso_slow, lasso_tight, ols_slow, ridge_slow, tree_slow

QUICK = {"ols": ols_slow, "ridge": ridge_slow, "lasso": lasso_slow, "tree": tree_slow}
QUICK_TIGHT = QUICK | {"lasso": lasso_tight}


def validation_rows(n_lines, seed):
    """(rows to fit on, rows to compare on): a tenth, drawn by the hash of the seed and the purpose."""
    text = json.dumps([seed, "autoselect"], separators=(",", ":"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
    order = np.random.Generator(np.random.PCG64(number)).permutation(n_lines)
    n_held = math.ceil(0.1 * n_lines)
    return np.sort(order[n_held:]), np.sort(order[:n_held])


def choose_slow(features, effect, seed, models):
    """(winner's name, RMSE of each on the held rows, the winner's predict after a refit on all rows)."""
    kept, held = validation_rows(len(effect), seed)
    errors = {}
    for name, fit in models.items():
        predicted = fit(features[kept], effect[kept])(features[held])
        errors[name] = np.sqrt(np.mean((predicted - effect[held]) ** 2))
    winner = min(errors, key=errors.get)
    return winner, errors, models[winner](features, effect)
