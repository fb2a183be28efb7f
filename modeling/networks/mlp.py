"""Networks of tanh layers with many inputs and outputs: as plain arrays, and what they compute.

The shared networks of Itzhacky and Sharan (Molecular Omics 2021) are made of these; `networks.adam` trains
them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float32

from modeling.seeds import generator
from modeling.selection.association import one_blas_thread

# Outputs x inputs, and outputs, of each layer.
Layers = tuple[Float32[np.ndarray, "_ _"], ...]
Offsets = tuple[Float32[np.ndarray, " _"], ...]


@dataclass(frozen=True, eq=False)
class Perceptron:
    """Layers x → W x + b, with tanh after each but the last."""

    weights: Layers
    biases: Offsets

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of inputs, of units of each hidden layer, and of outputs."""
        return (self.weights[0].shape[1], *(len(layer) for layer in self.weights))

    def forward(
        self, inputs: Float32[np.ndarray, "lines inputs"], layers: slice | None = None
    ) -> Float32[np.ndarray, "lines outputs"]:
        """What the network makes of each line, or some of its `layers` of what the one before them gave.

        The same bits for the same lines; of a line alone, or among others, the last ones may differ.
        """
        values = np.asarray(inputs, dtype=np.float32)
        last = len(self.weights) - 1
        with one_blas_thread():
            for i in range(len(self.weights))[layers or slice(None)]:
                values = values @ self.weights[i].T + self.biases[i]
                if i < last:
                    np.tanh(values, out=values)
        return values

    def arrays(self, prefix: str = "") -> dict[str, np.ndarray]:
        """`weights_0`, `biases_0` and so on, each name after `prefix`: what a file holds of the network."""
        weights = {f"{prefix}weights_{i}": layer for i, layer in enumerate(self.weights)}
        return weights | {f"{prefix}biases_{i}": layer for i, layer in enumerate(self.biases)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], prefix: str = "") -> "Perceptron":
        """The network that `arrays` was taken of."""
        count = sum(name.startswith(f"{prefix}weights_") for name in arrays)
        weights, biases = (
            tuple(arrays[f"{prefix}{what}_{i}"] for i in range(count)) for what in ("weights", "biases")
        )
        return cls(weights, biases)


def initial_perceptron(sizes: Sequence[int], seed: int) -> Perceptron:
    """Glorot's uniform weights (as Keras draws them, which the paper used), biases 0."""
    draw = generator(seed, "weights")
    weights = []
    for inputs, outputs in pairwise(sizes):
        reach = np.sqrt(6.0 / (inputs + outputs))
        weights.append(draw.uniform(-reach, reach, (outputs, inputs)).astype(np.float32))
    return Perceptron(tuple(weights), tuple(np.zeros(n, dtype=np.float32) for n in sizes[1:]))


def count_weights(sizes: Sequence[int]) -> int:
    """How many weights and biases a network of such layers has."""
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))
