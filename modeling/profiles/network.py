"""A network from some features of a gene to its effect in every cell line."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from modeling.kernels.distances import Scaling, scaling_of
from modeling.networks.mlp import Perceptron, initial_perceptron
from modeling.networks.training_state import Examples, Schedule
from modeling.profiles.components import rescaled
from modeling.seeds import seed_of
from modeling.selection.association import one_blas_thread
from modeling.splits import Split, hold_out

UNITS = 300
VALIDATION_SHARE = 0.1
SCHEDULE = Schedule(epochs=300, patience=20, batch=32, learning_rate=3e-4)


@dataclass(frozen=True, eq=False)
class NetworkProfiles:
    """A network between standardised features and standardised effects.

    `epochs` it was trained for; `failure` says why training could not go on, "" where it did.
    """

    features: Scaling
    effects: Scaling
    network: Perceptron
    epochs: int
    failure: str

    def predict(self, features: Float[np.ndarray, "genes features"]) -> Float64[np.ndarray, "genes outputs"]:
        """Effects of other genes, in the effect's unit; NaN where training failed."""
        if self.failure:
            return np.full((len(features), len(self.effects.mean)), np.nan)
        with one_blas_thread():
            made = self.network.forward(rescaled(features, self.features).astype(np.float32))
        # A line whose effect was constant in training is predicted by it.
        spread = np.divide(1.0, self.effects.inverse, where=self.effects.varies, out=np.zeros(made.shape[1]))
        return self.effects.mean + made * spread


def validation_split(n_genes: int, seed: int) -> Split:
    """A tenth of the training genes, drawn by the seed, are for validation; at least one."""
    return hold_out(n_genes, VALIDATION_SHARE, seed, "watched genes")


def hidden_units(inputs: int, outputs: int, n_genes: int) -> Sequence[int]:
    """One hidden layer, of `UNITS` as far as the paper's constraints allow.

    They are: a size between those of input and output, and no more weights than training values (genes x
    outputs), which goes first where a panel has few genes. With as many outputs as inputs, the first leaves
    one size only.
    """
    low, high = sorted((inputs, outputs))
    most = (n_genes - 1) * outputs // (inputs + outputs + 1)  # of which count_weights <= genes x outputs
    return (max(min(max(UNITS, low), high, most), 1),)


def fit_network(
    features: Float64[np.ndarray, "genes features"],
    effect: Float64[np.ndarray, "genes outputs"],
    split: Split,
    seed: int,
    counted: Bool[np.ndarray, "genes outputs"] | None = None,
    device: str = "cpu",
    schedule: Schedule = SCHEDULE,
) -> NetworkProfiles:
    """Train on the genes of `split.learned` until those of `split.held_out` say stop.

    Both scalings are of the learned genes. Effects that are not `counted` have no part in the loss.
    """
    from modeling.networks.adam import train  # noqa: PLC0415 - torch takes seconds to import

    scaling, spread = scaling_of(features[split.learned]), scaling_of(effect[split.learned])
    inputs = rescaled(features, scaling).astype(np.float32)
    outputs = rescaled(effect, spread).astype(np.float32)

    def examples(rows: Int64[np.ndarray, " rows"]) -> Examples:
        return Examples(inputs[rows], outputs[rows], None if counted is None else counted[rows])

    sizes = (inputs.shape[1], *hidden_units(inputs.shape[1], outputs.shape[1], len(split.learned)))
    network = initial_perceptron((*sizes, outputs.shape[1]), seed)
    learned, validation = examples(split.learned), examples(split.held_out)
    trained = train(network, learned, validation, schedule, seed_of(seed, "order"), device=device)
    return NetworkProfiles(scaling, spread, trained.network, trained.epoch, trained.failure)
