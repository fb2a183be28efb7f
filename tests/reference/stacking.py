"""Weights of a stack by trying every set of candidates; nothing of ours is imported."""

from itertools import combinations

import numpy as np


def weights_slow(predicted, effect, shrinkage, least):
    """The same minimum: of every set of candidates the unconstrained one, of the feasible ones the least."""
    weights = np.zeros(predicted.shape[1])
    varies = [j for j in range(predicted.shape[1]) if (predicted[:, j] != 0).any()]
    if not varies:
        return weights
    a = predicted[:, varies]
    even = a.mean(axis=1)
    share = least if even @ even == 0 else np.clip(even @ effect / (even @ even), least, 1)
    t = shrinkage * np.mean([column @ column for column in a.T])
    centre = share / len(varies)

    def objective(w):
        return np.sum((effect - a @ w) ** 2) + t * np.sum((w - centre) ** 2)

    best = np.zeros(len(varies))
    for size in range(1, len(varies) + 1):
        for chosen in combinations(range(len(varies)), size):
            rows = np.vstack([a[:, chosen], np.sqrt(t) * np.eye(size)])
            sides = np.concatenate([effect, np.full(size, np.sqrt(t) * centre)])
            w = np.zeros(len(varies))
            w[list(chosen)] = np.linalg.lstsq(rows, sides, rcond=None)[0]
            if (w >= 0).all() and objective(w) < objective(best):
                best = w
    weights[varies] = best
    return weights
