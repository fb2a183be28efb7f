"""The network of candidate `deep` as plain data: its shape, first weights, what training takes and gives."""

from collections.abc import Callable
from dataclasses import dataclass, field
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


BATCH = 32
LEARNING_RATE = 1e-3
PENALTY = 1e-4
WIDTH = 60


@dataclass(frozen=True, eq=False)
class TargetExamples:
    """Some cell lines as a network takes them: standardised features, and the effect."""

    features: Float32[np.ndarray, "lines features"]
    effect: Float32[np.ndarray, " lines"]


@dataclass(frozen=True, eq=False)
class Network:
    """A network to train from `weights` (its biases start at 0) for at most `epochs` epochs.

    With `validation` lines, training stops once their error has not fallen for `patience` epochs, and the
    weights of the best epoch are kept; without, those of the last. Networks trained together must agree in
    their numbers of training lines, of validation lines, and of features once padded.
    """

    train: TargetExamples
    weights: Weights
    epochs: int
    validation: TargetExamples | None = None
    patience: int = 0

    @property
    def n_features(self) -> int:
        """Number of features, the padding left out."""
        return self.train.features.shape[1]


@dataclass(eq=False)
class TrainingOutcome:
    """What training gave, filled epoch by epoch.

    `epoch` counts the epochs behind the kept weights. `train_loss` and `validation_loss` are mean squared
    errors without the penalty, one value for each epoch run; the first is taken batch by batch under
    dropout, the second is empty without validation lines. `failure` says why there is no network.
    """

    weights: Weights = ()
    biases: Biases = ()
    epoch: int = 0
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    failure: str = ""
    ended: bool = False


def padded_width(n_features: int) -> int:
    """Features with padding: a function of the network alone, so that its batch cannot change it."""
    return WIDTH * max(1, -(-n_features // WIDTH))


def note_epoch(
    result: TrainingOutcome,
    network: Network,
    loss: float,
    validation: float,
    take: Callable[[], tuple[Weights, Biases]],
) -> None:
    """Note an epoch's losses, keep the weights if they are the ones wanted, see whether to stop."""
    result.train_loss.append(float(loss))
    run = len(result.train_loss)
    if network.validation is None:
        judged, wanted, waited = loss, run == network.epochs, False
    else:
        judged, wanted = validation, validation < min(result.validation_loss, default=np.inf)
        result.validation_loss.append(float(validation))
        waited = not wanted and run - result.epoch >= network.patience
    if not np.isfinite([loss, judged]).all():
        result.failure, result.ended = f"the loss is not finite in epoch {run}", True
        return
    if wanted:
        result.weights, result.biases = take()
        result.epoch = run
    result.ended = run == network.epochs or waited
