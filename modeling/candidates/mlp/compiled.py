"""Training networks one after another on a CPU, compiled: what `mlp.torch_training` does in stacks.

A network of some thousand weights fits a processor's first cache, so that batching products over networks
gains nothing there: no network waits in a stack for the longest, none is padded to the widest, and none can
differ from what it is alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import no_type_check

import numpy as np
from jaxtyping import Float32

from modeling.candidates.mlp.training import (
    BATCH,
    LEARNING_RATE,
    PENALTY,
    RELU_UNITS,
    Biases,
    EpochPlan,
    Network,
    TargetExamples,
    TrainingOutcome,
    Weights,
    note_epoch,
    plan_epoch,
)
from modeling.numba_cache import njit

# Adam's, as torch's defaults; float32, so that nothing compiled is computed in float64 and rounded.
FIRST, SECOND = 0.9, 0.999
FORGET_FIRST, KEEP_SECOND = np.float32(1 - FIRST), np.float32(SECOND)
FORGET_SECOND, EPSILON = np.float32(1 - SECOND), np.float32(1e-8)
DECAY, NOTHING = np.float32(2 * PENALTY), np.float32(0)

# A product and a sum may be fused, which every processor of a kind does alike; nothing is reordered.
COMPILED = {"error_model": "numpy", "fastmath": {"contract"}}


@dataclass(frozen=True, eq=False)
class Parameters:
    """Numbers of every weight and bias: views of one row, which begins with the ReLU layers' weights."""

    flat: Float32[np.ndarray, " parameters"]
    weights: Weights
    biases: Biases


@dataclass(frozen=True, eq=False)
class Training:
    """A network in training. `gradients` and Adam's two moments are laid out as `values`."""

    network: Network
    values: Parameters
    gradients: Parameters
    moments: Float32[np.ndarray, "2 parameters"]
    result: TrainingOutcome = field(default_factory=TrainingOutcome)


def train_alone(networks: Sequence[Network], stream: int) -> list[TrainingOutcome]:
    """Train every network as `torch_training.train` does, within rounding; features need no padding.

    Their numbers of training lines must agree. A result is the same, bit for bit, in any batch.
    """
    trainings = [_begin(network) for network in networks]
    epoch = 0
    while running := [training for training in trainings if not training.result.ended]:
        epoch += 1
        plan = plan_epoch(stream, len(running[0].network.train.effect), epoch)
        factors = _factors(plan)
        for training in running:
            _run_epoch(training, plan, factors, epoch)
    return [training.result for training in trainings]


def _begin(network: Network) -> Training:
    values = _zeros(network.n_features)
    for layer, own in zip(values.weights, network.weights, strict=True):
        layer[:] = own
    return Training(
        network, values, _zeros(network.n_features), np.zeros((2, values.flat.size), dtype=np.float32)
    )


def _zeros(n_features: int) -> Parameters:
    sizes = list(pairwise((n_features, *RELU_UNITS, 1)))
    lengths = [inputs * units for inputs, units in sizes] + [units for _, units in sizes]
    flat = np.zeros(sum(lengths), dtype=np.float32)
    parts = np.split(flat, np.cumsum(lengths)[:-1])
    weights = tuple(part.reshape(size) for part, size in zip(parts[: len(sizes)], sizes, strict=True))
    return Parameters(flat, weights, tuple(parts[len(sizes) :]))


def _factors(plan: EpochPlan) -> tuple[Float32[np.ndarray, "lines _"], ...]:
    """Dropout's factors of every ReLU layer, 1 where nothing is dropped."""
    return tuple(
        np.ones((len(plan.order), units), dtype=np.float32) if factors is None else factors
        for factors, units in zip(plan.factors, RELU_UNITS, strict=True)
    )


def _run_epoch(
    training: Training, plan: EpochPlan, factors: tuple[Float32[np.ndarray, "lines _"], ...], epoch: int
) -> None:
    network, values, gradients = training.network, training.values, training.gradients
    lines, steps = network.train, (epoch - 1) * math.ceil(len(plan.order) / BATCH)
    errors = _epoch(
        (lines.features, lines.effect, plan.order, factors),
        (values.weights, values.biases),
        (gradients.weights, gradients.biases),
        (values.flat, gradients.flat, training.moments[0], training.moments[1]),
        steps,
    )
    validation = math.nan if network.validation is None else _validation_loss(values, network.validation)
    note_epoch(training.result, network, _mean_square(errors), validation, lambda: _taken(values))


def _validation_loss(values: Parameters, lines: TargetExamples) -> float:
    return _mean_square(_errors(lines.features, lines.effect, values.weights, values.biases))


def _mean_square(errors: Float32[np.ndarray, " lines"]) -> float:
    # What overflows is looked for in the result.
    with np.errstate(all="ignore"):
        return float(np.square(errors.astype(np.float64)).sum() / errors.size)


def _taken(values: Parameters) -> tuple[Weights, Biases]:
    return tuple(w.copy() for w in values.weights), tuple(b.copy() for b in values.biases)


@njit(**COMPILED)
@no_type_check
def _epoch(lines, network, gradients, rows, steps):
    """One pass over the lines in batches; each line's error while it was trained on."""
    features, effect, order, factors = lines
    f0, f1, f2, f3 = factors
    errors = np.empty(order.size, dtype=np.float32)
    for first in range(0, order.size, BATCH):
        batch = slice(first, min(first + BATCH, order.size))
        dropout = (f0[batch], f1[batch], f2[batch], f3[batch])
        layers = _forward(features[order[batch]], network, dropout)
        error = layers[-1][:, 0] - effect[order[batch]]
        errors[batch] = error
        _backward(layers, error, network[0], gradients, dropout)
        steps += 1
        _adam(rows, network[0][-1].size + _sizes(network[1]), steps)
    return errors


@njit(**COMPILED)
@no_type_check
def _sizes(arrays):
    total = 0
    for array in arrays:
        total += array.size
    return total


@njit(**COMPILED)
@no_type_check
def _forward(features, network, dropout):
    """The features and what each layer makes of them."""
    weights, biases = network
    h0 = _relu(features, weights[0], biases[0], dropout[0])
    h1 = _relu(h0, weights[1], biases[1], dropout[1])
    h2 = _relu(h1, weights[2], biases[2], dropout[2])
    h3 = _relu(h2, weights[3], biases[3], dropout[3])
    return features, h0, h1, h2, h3, np.dot(h3, weights[4]) + biases[4]


@njit(**COMPILED)
@no_type_check
def _relu(values, weight, bias, factors):
    """A ReLU layer under dropout."""
    out = np.dot(values, weight)
    for i in range(out.shape[0]):
        row, factor = out[i], factors[i]
        for j in range(row.size):
            value = row[j] + bias[j]
            # Written so that NaN stays NaN.
            row[j] = (NOTHING if value < 0 else value) * factor[j]
    return out


@njit(**COMPILED)
@no_type_check
def _backward(layers, error, weights, gradients, dropout):
    """Set `gradients` to the gradient of the mean squared error."""
    flow = (error * np.float32(2 / error.size)).reshape(error.size, 1)
    for i in range(len(weights) - 1, -1, -1):
        np.dot(layers[i].T, flow, gradients[0][i])
        _sum_lines(flow, gradients[1][i])
        if i:
            flow = np.dot(flow, weights[i].T)
            _stop(flow, layers[i], dropout[i - 1])


@njit(**COMPILED)
@no_type_check
def _sum_lines(flow, total):
    total[:] = 0
    for i in range(flow.shape[0]):
        row = flow[i]
        for j in range(row.size):
            total[j] += row[j]


@njit(**COMPILED)
@no_type_check
def _stop(flow, values, factors):
    """Back through dropout and ReLU: nothing flows where the layer is at 0."""
    for i in range(flow.shape[0]):
        row, value, factor = flow[i], values[i], factors[i]
        for j in range(row.size):
            row[j] = NOTHING if value[j] <= 0 else row[j] * factor[j]


@njit(**COMPILED)
@no_type_check
def _adam(rows, n_free, steps):
    """A step of Adam; all but the last `n_free` numbers bear the penalty, whose gradient is 2e-4 x weight."""
    values, gradients, first, second = rows
    rate = np.float32(LEARNING_RATE / (1 - FIRST**steps))
    root = np.float32(1 / math.sqrt(1 - SECOND**steps))
    split = values.size - n_free
    _adam_rows(values[:split], gradients[:split], first[:split], second[:split], DECAY, rate, root)
    _adam_rows(values[split:], gradients[split:], first[split:], second[split:], NOTHING, rate, root)


@njit(**COMPILED)
@no_type_check
def _adam_rows(values, gradients, first, second, decay, rate, root):
    for i in range(values.size):
        gradient = gradients[i] + decay * values[i]
        mean = first[i] + (gradient - first[i]) * FORGET_FIRST
        square = second[i] * KEEP_SECOND + gradient * gradient * FORGET_SECOND
        first[i], second[i] = mean, square
        values[i] = values[i] - rate * mean / (np.sqrt(square) * root + EPSILON)


@njit(**COMPILED)
@no_type_check
def _errors(features, effect, weights, biases):
    """Errors without dropout."""
    values = features
    for i in range(len(weights) - 1):
        values = _relu(
            values, weights[i], biases[i], np.ones((effect.size, biases[i].size), dtype=np.float32)
        )
    return (np.dot(values, weights[-1]) + biases[-1])[:, 0] - effect
