"""How much each of several predictions of a target counts: weights learned on lines that no fit saw.

Weights add up to 1, and minimise the squared error of the mix plus a pull towards prior weights. Where many
lines carry a target's variance, the prior is equal shares; where a few do (a rare, strong dependency), errors
say little and the target's own prediction, which keeps a private signal, is the prior, pulled to more firmly.
Where the training lines themselves are few, their errors are chance, and the own prediction stands alone.
"""

import numpy as np
from jaxtyping import Float64

PULL = 0.05  # of the prior, in units of the mean squared error of the predictions
CARRIERS = 20.0  # lines that carry the variance, below which the prior leans to the target's own prediction
TOO_FEW, ENOUGH = 30, 90  # training lines: up to the first nothing is borrowed, from the second on as learned


def carriers(effects: Float64[np.ndarray, "lines targets"]) -> Float64[np.ndarray, " targets"]:
    """How many lines carry a target's variance: lines / kurtosis; 0 where constant."""
    centred = effects - effects.mean(axis=0)
    second, fourth = np.square(centred).sum(axis=0), np.square(np.square(centred)).sum(axis=0)
    varies = (effects != effects[0]).any(axis=0)  # rounding may leave something of a constant less its mean
    return np.divide(np.square(second), fourth, out=np.zeros_like(second), where=varies & (fourth > 0))


def mixing_weights(
    predictions: Float64[np.ndarray, "stages lines targets"],
    effects: Float64[np.ndarray, "lines targets"],
    borrows: bool = True,
) -> Float64[np.ndarray, "stages targets"]:
    """The weights of every target; `predictions` are of lines that the fits did not see, nothing missing.

    The first stage is the target's own prediction; it alone counts where `borrows` is false. With errors
    E (lines x stages), Gram matrix G = E'E / lines and pull p, the weights w solve min w'Gw + p |w - prior|^2
    with sum(w) = 1 in closed form; negative ones are then set to 0 and the rest scaled to add up to 1.
    Between `TOO_FEW` and `ENOUGH` lines they count for a share that grows from 0 to 1; the rest is the first
    stage's.
    """
    stages, lines, _ = predictions.shape
    own, equal = np.eye(stages)[0], np.full(stages, 1.0 / stages)
    if not borrows:
        return np.repeat(own[:, None], effects.shape[1], axis=1)
    errors = effects - predictions
    gram = np.moveaxis(np.array([[(a * b).sum(axis=0) for b in errors] for a in errors]), 2, 0) / lines
    count = np.maximum(carriers(effects), 1.0)
    lean = np.minimum(count / CARRIERS, 1.0)[:, None]
    prior = (1.0 - lean) * own + lean * equal
    size = np.trace(gram, axis1=1, axis2=2) / stages
    pull = PULL * (1.0 + CARRIERS / count) * np.where(size > 0, size, 1.0)
    learned = np.clip((lines - TOO_FEW) / (ENOUGH - TOO_FEW), 0.0, 1.0)
    return (learned * _solved(gram, prior, pull) + (1.0 - learned) * own).T


def _solved(
    gram: Float64[np.ndarray, "targets stages stages"],
    prior: Float64[np.ndarray, "targets stages"],
    pull: Float64[np.ndarray, " targets"],
) -> Float64[np.ndarray, "targets stages"]:
    stages = gram.shape[1]
    inverse = np.linalg.inv(gram + pull[:, None, None] * np.eye(stages))
    free = (inverse * (pull[:, None] * prior)[:, None, :]).sum(axis=2)
    ones = inverse.sum(axis=2)
    weights = free + ((1.0 - free.sum(axis=1)) / ones.sum(axis=1))[:, None] * ones
    weights = np.maximum(weights, 0.0)
    return weights / weights.sum(axis=1, keepdims=True)
