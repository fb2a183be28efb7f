"""Small problems for the shared networks, and what their tests compare."""

from dataclasses import fields

import numpy as np
from safetensors.numpy import load, save

from modeling.networks.mlp import Perceptron
from modeling.networks.training_state import Examples, TrainedNetwork


def examples(n_lines: int, seed: int, n_inputs: int = 7, n_outputs: int = 4, gaps: float = 0.0) -> Examples:
    """Outputs that a straight line explains in part; a share of them are `gaps`: 0, and not counted."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((n_lines, n_inputs)).astype(np.float32)
    slopes = np.random.default_rng(0).standard_normal((n_inputs, n_outputs)) / n_inputs**0.5
    noise = 0.3 * rng.standard_normal((n_lines, n_outputs))
    outputs = (inputs @ slopes + noise).astype(np.float32)
    if not gaps:
        return Examples(inputs, outputs)
    counted = rng.random(outputs.shape) >= gaps
    return Examples(inputs, np.where(counted, outputs, np.float32(0)), counted)


def same_network(one: Perceptron, other: Perceptron) -> bool:
    """Bit for bit."""
    ours, theirs = one.arrays(), other.arrays()
    return ours.keys() == theirs.keys() and all(a.tobytes() == theirs[k].tobytes() for k, a in ours.items())


def same_trained(one: TrainedNetwork, other: TrainedNetwork) -> bool:
    """Bit for bit, losses and all."""
    assert [f.name for f in fields(TrainedNetwork)] == ["network", "epoch", "losses", "failure"]
    told = (one.epoch, one.failure) == (other.epoch, other.failure)
    return (
        told and one.losses.tobytes() == other.losses.tobytes() and same_network(one.network, other.network)
    )


def through_a_file(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What is read back of a file of these arrays, into memory that may not be written to."""
    read = load(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))
    for array in read.values():
        array.flags.writeable = False
    return read
