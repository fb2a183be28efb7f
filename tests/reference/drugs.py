"""Drug models as one would write them down: loops, scikit-learn's Ridge, refits. Imports nothing of ours."""

import numpy as np
from sklearn.linear_model import Ridge

from tests.reference.kernel_ridge import fit_slow, kernel_slow, leave_one_out_slow, standardise_slow


def profile_slow(values, columns):
    """Mean over target genes, line by line, of what is known."""
    out = []
    for line in values.astype(np.float64):
        known = [line[c] for c in columns if not np.isnan(line[c])]
        out.append(np.mean(known) if known else np.nan)
    return np.array(out)


def examples_slow(profiles, response, train, test):
    """Lines that count; standardised inputs of training and test drugs; what training drugs do, filled."""
    lines = [
        line
        for line in range(response.shape[1])
        if sum(np.isnan(response[d, line]) for d in train) <= 0.75 * len(train)
    ]
    filled = [[_filled(p[d, lines]) for d in range(len(p))] for p in profiles]
    inputs = np.array([np.concatenate([f[d] for f in filled]) for d in range(len(response))])
    z = standardise_slow(inputs[train], inputs)
    return lines, z[train], z[test], np.array([_filled(response[d, lines]) for d in train])


def _filled(values):
    return np.where(np.isnan(values), np.mean(values[~np.isnan(values)]), values)


def ridge_slow(z, outputs, new, penalties, weights=None):
    """Ridge with the penalty of the smallest leave-one-out error over all outputs, each by refits.

    Penalties are relative to the mean eigenvalue of the inputs' mean product kernel, centred.
    """
    z, new = z.astype(np.float64), new.astype(np.float64)
    if weights is None:
        weights = np.full(z.shape[1], 1.0 / max((z != 0).any(axis=0).sum(), 1))
    z, new = z * np.sqrt(weights), new * np.sqrt(weights)
    scale = ((z - z.mean(axis=0)) ** 2).sum() / len(z)
    errors = []
    for penalty in penalties:
        error = 0.0
        for i in range(len(z)):
            rest = np.delete(np.arange(len(z)), i)
            fit = Ridge(alpha=penalty * scale, solver="cholesky").fit(z[rest], outputs[rest])
            error += np.sum((fit.predict(z[[i]])[0] - outputs[i]) ** 2)
        errors.append(error)
    best = penalties[int(np.argmin(errors))]
    return Ridge(alpha=best * scale, solver="cholesky").fit(z, outputs).predict(new), best


def dependency_slow(expression, dependency, new, penalties, c, p):
    """Each target predicted by kernel ridge on all genes, gaps filled with the training mean."""
    z, z_new = standardise_slow(expression, expression), standardise_slow(expression, new)
    varying = int((np.ptp(expression, axis=0) > 0).sum())
    within = kernel_slow("kernel", z, z, varying, c, p)
    between = kernel_slow("kernel", z_new, z, varying, c, p)
    filled = np.array([_filled(y) for y in dependency.T.astype(np.float64)]).T
    out = np.empty((len(new), filled.shape[1]))
    for target, effect in enumerate(filled.T):
        errors = [np.mean(leave_one_out_slow(within, effect, penalty) ** 2) for penalty in penalties]
        out[:, target] = fit_slow(within, effect, penalties[int(np.argmin(errors))], between)
    return filled, out


def ranking_slow(expression, dependency, response, new, penalties, kernel_penalties, c, p):
    """By features: predictions of every drug in new lines."""
    filled, guessed = dependency_slow(expression, dependency, new, kernel_penalties, c, p)
    mean, sd = filled.mean(axis=0), filled.std(axis=0)
    blocks = {
        "expression": (standardise_slow(expression, expression), standardise_slow(expression, new)),
        "dependency": (standardise_slow(filled, filled), (guessed - mean) / sd),
    }
    varying = int((np.ptp(expression, axis=0) > 0).sum())
    counts = {"expression": varying, "dependency": filled.shape[1]}
    out = {}
    for features in ("expression", "dependency", "both"):
        names = [features] if features != "both" else ["expression", "dependency"]
        z, z_new = (np.hstack([blocks[name][i].astype(np.float64) for name in names]) for i in (0, 1))
        weights = np.concatenate([np.full(blocks[n][0].shape[1], 1 / counts[n] / len(names)) for n in names])
        predicted = []
        for y in response.T.astype(np.float64):
            rows = ~np.isnan(y)
            predicted.append(ridge_slow(z[rows], y[rows, None], z_new, penalties, weights)[0].ravel())
        out[features] = np.array(predicted).T
    return out
