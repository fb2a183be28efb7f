"""Shuffling within strata, slowly: draw by draw, or every shuffle there is. Nothing of ours is imported."""

import itertools

import numpy as np


def strata_slow(folds, labels):
    """The rows of each fold and label."""
    groups = {}
    for row, key in enumerate(zip(folds, labels, strict=True)):
        groups.setdefault(key, []).append(row)
    return [np.array(rows) for rows in groups.values()]


def all_shuffled_r(folds, labels, x, y):
    """r of y with every shuffle of x within strata; each of the products' orders once."""
    strata = strata_slow(folds, labels)
    found = []
    for orders in itertools.product(*(list(itertools.permutations(rows)) for rows in strata)):
        shuffled = x.copy()
        for rows, order in zip(strata, orders, strict=True):
            shuffled[rows] = x[list(order)]
        found.append(np.corrcoef(shuffled, y)[0, 1])
    return np.array(found)


def drawn_r(folds, labels, x, y, draws, seed):
    """r of y with `draws` shuffles of x within strata."""
    rng = np.random.default_rng(seed)
    strata = strata_slow(folds, labels)
    found = np.empty(draws)
    for draw in range(draws):
        shuffled = x.copy()
        for rows in strata:
            shuffled[rows] = x[rng.permutation(rows)]
        found[draw] = np.corrcoef(shuffled, y)[0, 1]
    return found


def exact_p(folds, labels, x, y):
    """Share of all shuffles whose r reaches the one found."""
    r = all_shuffled_r(folds, labels, x, y)
    return np.mean(r >= np.corrcoef(x, y)[0, 1] - 1e-12)
