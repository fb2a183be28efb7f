"""The preset of the first paper as a user would write it, target by target; nothing of ours is imported."""

import math
import time

import numpy as np

from tests.reference import candidates as slow
from tests.reference.autoselect import choose_slow
from tests.reference.deep import deep_slow, deep_slow_whole, rng_of


class Timed:
    """A model family of `choose_slow` with the core-seconds of its first fit, the trial, and of a second."""

    def __init__(self, fit, refit=None):
        self.fits, self.seconds, self.found = [fit, refit or fit], [], None

    def __call__(self, features, effect):
        begun = time.process_time()
        predict, self.found = self.fits[len(self.seconds)](features, effect, self.found)
        self.seconds.append(time.process_time() - begun)
        return predict


def choose_published(features, effect, seed, stream):
    """(winner's name, RMSE of each on the held rows, core-seconds of each one's trial, of the refit)."""

    def boost(x, y, _):
        order = rng_of(seed, "xgboost").permutation(len(y))
        n_held = math.ceil(0.1 * len(y))
        return slow.xgboost_slow(x, y, np.sort(order[n_held:]), np.sort(order[:n_held]))[3], None

    def deep(x, y, _):
        predict, best, *_ = deep_slow(x, y, seed, stream)
        return predict, best

    models = {
        "ols": Timed(lambda x, y, _: (slow.ols_slow(x, y), None)),
        "lasso": Timed(lambda x, y, _: (slow.lasso_slow(x, y), None)),
        "xgboost": Timed(boost),
        "deep": Timed(deep, lambda x, y, best: (deep_slow_whole(x, y, seed, stream, best), best)),
        "gp": Timed(lambda x, y, _: (slow.gp_slow(x, y)[3], None)),
        "knn": Timed(lambda x, y, _: (slow.knn_slow(x, y), None)),
        "tree": Timed(lambda x, y, _: (slow.tree_slow(x, y), None)),
    }
    winner, errors, _ = choose_slow(features, effect, seed, models)
    trials = {name: model.seconds[0] for name, model in models.items()}
    return winner, errors, trials, models[winner].seconds[1]
