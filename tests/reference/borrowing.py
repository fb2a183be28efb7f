"""Method `best` as one would write it down: equations, refits without a line. Imports nothing of ours.

A kernel is scaled by the mean eigenvalue it has once centred, a penalty is relative to that, and the
intercept is not penalised.
"""

import numpy as np
from scipy.optimize import lsq_linear
from scipy.stats import kurtosis


def log2_slow(train, lines):
    """Less the training mean, over the mean standard deviation of the genes that vary there; float32."""
    train = train.astype(np.float64)
    varies = np.ptp(train, axis=0) > 1e-12 * np.abs(train).max(axis=0)
    mean_sd = np.mean([gene.std() for gene in train[:, varies].T]) if varies.any() else 1.0
    return np.where(varies, (lines - train.mean(axis=0)) / mean_sd, 0).astype(np.float32)


def mean_eigenvalue(kernel):
    centring = np.eye(len(kernel)) - 1.0 / len(kernel)
    mean = np.trace(centring @ kernel @ centring) / len(kernel)
    return mean if mean > 1e-13 else 1.0


def ridge_slow(kernel, effect, penalty, scale=None):
    """Intercept and dual coefficients (for the kernel as it came): one bordered system of equations."""
    n = len(kernel)
    scale = mean_eigenvalue(kernel) if scale is None else scale
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = kernel / scale + penalty * np.eye(n)
    system[:n, n] = system[n, :n] = 1.0
    solved = np.linalg.solve(system, np.append(effect, 0.0))
    return solved[n], solved[:n] / scale


def left_out_slow(kernel, effect, penalty):
    """Each line's prediction by a refit on the others; the kernel keeps the scale it has for all lines."""
    scale, out = mean_eigenvalue(kernel), np.empty(len(effect))
    for line in range(len(effect)):
        others = np.delete(np.arange(len(effect)), line)
        intercept, dual = ridge_slow(kernel[np.ix_(others, others)], effect[others], penalty, scale)
        out[line] = intercept + kernel[line, others] @ dual
    return out


def chosen_slow(kernel, effect, penalties):
    """The penalty of the smallest leave-one-out error, of equal ones the first; and that error (rmse)."""
    errors = [np.sqrt(np.mean((effect - left_out_slow(kernel, effect, p)) ** 2)) for p in penalties]
    best = int(np.argmin(np.array(errors) > min(errors) * (1 + 1e-12) + 1e-300))
    return penalties[best], errors[best]


def shared_slow(kernel, effects, penalties, shared_penalties):
    """What targets teach together; `effects` lines x targets, NaN where not measured."""
    lines, targets = effects.shape
    whole, left_out = effects.copy(), np.empty(effects.shape)
    intercept, dual = np.empty(targets), np.zeros(effects.shape)
    for t in range(targets):
        there = ~np.isnan(effects[:, t])
        own = kernel[np.ix_(there, there)]
        penalty, _ = chosen_slow(own, effects[there, t], penalties)
        intercept[t], dual[there, t] = ridge_slow(own, effects[there, t], penalty)
        left_out[there, t] = left_out_slow(own, effects[there, t], penalty)
        absent = intercept[t] + kernel[~there] @ dual[:, t]
        whole[~there, t] = left_out[~there, t] = absent
    centred = whole - whole.mean(axis=0)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    kept = s**2 > 1e-10 * s[0] ** 2
    components, loadings = u[:, kept], vt[kept].T
    chosen = [chosen_slow(kernel, component, shared_penalties) for component in components.T]
    fits = [ridge_slow(kernel, c, penalty) for c, (penalty, _) in zip(components.T, chosen, strict=True)]
    skill = [1 - error**2 * lines for _, error in chosen]
    profile = left_out - left_out.mean(axis=0)
    return {
        "whole": whole,
        "components": components,
        "loadings": loadings,
        "skill": np.clip(skill, 0, 1),
        "component_fits": fits,
        "intercept": intercept,
        "dual": dual,
        "mean": left_out.mean(axis=0),
        "profile": profile,
        "scale": np.trace(profile @ profile.T) / lines or 1.0,
    }


def second_kernel_slow(shared, kernel=None):
    """The second kernel of lines with the training lines: of those themselves, or of new ones by `kernel`."""
    profile = shared["profile"]
    if kernel is not None:
        profile = shared["intercept"] + kernel @ shared["dual"] - shared["mean"]
    return profile @ shared["profile"].T / shared["scale"]


def stages_slow(kernel, new, shared, effect, penalties, shared_penalties):
    """Three predictions of new lines for one target, NaN where it is not measured; stages x new lines."""
    there = ~np.isnan(effect)
    own = kernel[np.ix_(there, there)]
    intercept, dual = ridge_slow(own, effect[there], chosen_slow(own, effect[there], penalties)[0])
    first = intercept + new[:, there] @ dual
    filled = np.where(there, effect, intercept + kernel[:, there] @ dual)
    borrowed = np.full(len(new), filled.mean())
    for component, (b, d) in zip(shared["components"].T, shared["component_fits"], strict=True):
        borrowed += (component @ (filled - filled.mean())) * (b + new @ d)
    second = second_kernel_slow(shared)[np.ix_(there, there)]
    intercept, dual = ridge_slow(
        second, effect[there], chosen_slow(second, effect[there], shared_penalties)[0]
    )
    onto = intercept + second_kernel_slow(shared, new)[:, there] @ dual
    return np.stack([first, borrowed, onto])


def carriers_slow(effect):
    """Lines that carry the variance: their number / kurtosis."""
    if np.ptp(effect) == 0:
        return 0.0
    return len(effect) / kurtosis(effect, fisher=False)


def weights_slow(predictions, effect, pull=0.05, most_carriers=20.0):
    """Weights of one target's predictions (stages x lines): least squares where they add up to 1; with few
    lines, the first prediction alone for a share."""
    stages, lines = predictions.shape
    errors = (effect - predictions).T
    count = max(carriers_slow(effect), 1.0)
    lean = min(count / most_carriers, 1.0)
    prior = (1 - lean) * np.eye(stages)[0] + lean / stages
    size = np.mean(np.square(errors)) or 1.0
    pulled = np.sqrt(pull * (1 + most_carriers / count) * size)
    rows = np.vstack([errors / np.sqrt(lines), pulled * np.eye(stages)])
    wanted = np.concatenate([np.zeros(lines), pulled * prior])
    start = np.eye(stages)[-1]
    plane = np.vstack([np.eye(stages - 1), -np.ones(stages - 1)])
    free = lsq_linear(rows @ plane, wanted - rows @ start, method="bvls", tol=1e-15).x
    weights = np.maximum(start + plane @ free, 0)
    learned = min(max((lines - 30) / 60, 0), 1)
    return learned * weights / weights.sum() + (1 - learned) * np.eye(stages)[0]


def neighbours_slow(shared, target, most):
    """Column and weight of the other targets that a target's borrowed prediction takes most from."""
    loadings, skill = shared["loadings"], shared["skill"]
    weights = {
        other: sum(skill[k] * loadings[target, k] * loadings[other, k] for k in range(len(skill)))
        for other in range(len(loadings))
        if other != target
    }
    strongest = sorted(weights, key=lambda other: (-round(abs(weights[other]), 10), other))[:most]
    return strongest, [weights[other] for other in strongest]
