"""What training a network takes and gives, as plain data, and when it ends."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32

from modeling.candidates.mlp.architecture import Biases, Weights

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
