"""The shape of candidate `deep`, its first weights, and what chance decides in an epoch."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.seeds import generator

RELU_UNITS = (50, 20, 15, 12)
DROPOUT = (0.4, 0.2, 0.1, 0.0)

# Inputs x outputs, and outputs, of each layer.
Weights = tuple[Float32[np.ndarray, "_ _"], ...]
Biases = tuple[Float32[np.ndarray, " _"], ...]


@dataclass(frozen=True, eq=False)
class EpochPlan:
    """One epoch's order of the lines and, per ReLU layer, dropout's factors for the lines in that order."""

    order: Int64[np.ndarray, " lines"]
    factors: tuple[Float32[np.ndarray, "lines _"] | None, ...]


def plan_epoch(stream: int, n_lines: int, epoch: int) -> EpochPlan:
    """Order and dropout depend on `stream`, the number of lines and the epoch, so that a stack shares them.

    A factor is 0 with the layer's dropout rate and 1 / (1 - rate) otherwise; None where nothing is dropped.
    """
    rng = generator(stream, "deep", n_lines, epoch)
    order = rng.permutation(n_lines)
    factors = [_factors(rng, rate, n_lines, units) for rate, units in zip(DROPOUT, RELU_UNITS, strict=True)]
    return EpochPlan(order, tuple(factors))


def _factors(
    rng: np.random.Generator, rate: float, n_lines: int, units: int
) -> Float32[np.ndarray, "lines units"] | None:
    if not rate:
        return None
    kept = rng.random((n_lines, units), dtype=np.float32) >= np.float32(rate)
    return kept * np.float32(1 / (1 - rate))


def initial_weights(seed: int, n_features: int) -> Weights:
    """Glorot's uniform weights (the default of Keras, which the published code uses) of every layer.

    Source: Glorot and Bengio, AISTATS 2010, equation 16: within sqrt(6 / (inputs + outputs)) of 0.
    """
    rng = generator(seed, "deep", "weights")
    weights = []
    for inputs, outputs in pairwise((n_features, *RELU_UNITS, 1)):
        limit = np.sqrt(6 / (inputs + outputs))
        weights.append(rng.uniform(-limit, limit, (inputs, outputs)).astype(np.float32))
    return tuple(weights)


def forward(
    features: Float64[np.ndarray, "lines features"],
    weights: Weights,
    biases: Biases,
) -> Float64[np.ndarray, " lines"]:
    """A trained network's predictions for standardised features, in float64 and without torch."""
    values = features
    for layer, bias in zip(weights[:-1], biases[:-1], strict=True):
        values = np.maximum(values @ layer.astype(np.float64) + bias, 0.0)
    return (values @ weights[-1].astype(np.float64) + biases[-1])[:, 0]
