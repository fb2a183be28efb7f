"""What training a network takes and gives, and where it stands in between: plain arrays, without torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from modeling.networks.mlp import Perceptron


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: at most `epochs`, stopping after `patience` of them without a better one."""

    epochs: int = 300
    patience: int = 20
    batch: int = 32
    learning_rate: float = 1e-4


@dataclass(frozen=True, eq=False)
class Examples:
    """Some lines as a network takes them. Outputs count where `counted` is true, all of them if it is None.

    An autoencoder's inputs and outputs may be one array.
    """

    inputs: Float32[np.ndarray, "lines inputs"]
    outputs: Float32[np.ndarray, "lines outputs"]
    counted: Bool[np.ndarray, "lines outputs"] | None = None


@dataclass(frozen=True, eq=False)
class TrainState:
    """Everything that training resumes from after an epoch.

    `first` and `second` are Adam's moments, laid out as the network; `best` holds the weights of
    `best_epoch`, None before the first. `losses` has a row for each epoch: mean squared error over the
    training lines while they were learned from, and over the validation lines after it (NaN without any).
    `generator` is the state of torch's generator, which draws the order of the lines.
    """

    network: Perceptron
    first: Perceptron
    second: Perceptron
    best: Perceptron | None
    best_epoch: int
    steps: int
    losses: Float64[np.ndarray, "epochs 2"]
    generator: UInt8[np.ndarray, " bytes"]

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.losses)

    def arrays(self) -> dict[str, np.ndarray]:
        """The state as named arrays, for a file."""
        counts = {"counts": np.array([self.best_epoch, self.steps])}
        best = {} if self.best is None else self.best.arrays("best.")
        moments = self.first.arrays("first.") | self.second.arrays("second.")
        own = self.network.arrays("network.") | {"losses": self.losses, "generator": self.generator}
        return own | moments | best | counts

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "TrainState":
        """The state that `arrays` was taken of."""
        network, first, second, best = (
            Perceptron.from_arrays(arrays, prefix) for prefix in ("network.", "first.", "second.", "best.")
        )
        best_epoch, steps = arrays["counts"].tolist()
        return cls(
            network,
            first,
            second,
            best if best.weights else None,
            best_epoch,
            steps,
            arrays["losses"].reshape(-1, 2),
            arrays["generator"],
        )


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network whose training has ended, with the weights of `epoch`: the best one, where lines validate.

    `losses` as in `TrainState`. `failure` says why training could not go on; empty where it ended well. Of a
    failed training without validation lines the weights are those it failed with.
    """

    network: Perceptron
    epoch: int
    losses: Float64[np.ndarray, "epochs 2"]
    failure: str = ""

    def arrays(self) -> dict[str, np.ndarray]:
        """As named arrays, for a file."""
        message = np.frombuffer(self.failure.encode(), dtype=np.uint8)
        own = {"losses": self.losses, "epoch": np.array([self.epoch]), "failure": message}
        return own | self.network.arrays("network.")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "TrainedNetwork":
        """What `arrays` was taken of."""
        network = Perceptron.from_arrays(arrays, "network.")
        failure = arrays["failure"].tobytes().decode()
        return cls(network, int(arrays["epoch"][0]), arrays["losses"].reshape(-1, 2), failure)

    @property
    def train_loss(self) -> float:
        """Mean squared error over the training lines in that epoch; NaN where there was none."""
        return float(self.losses[self.epoch - 1, 0]) if self.epoch else float("nan")

    @property
    def validation_loss(self) -> float:
        """The same over the validation lines after it; NaN without any."""
        return float(self.losses[self.epoch - 1, 1]) if self.epoch else float("nan")
