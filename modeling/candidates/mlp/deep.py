"""A small neural network per target: compiled and alone on a CPU, many as one stack on a GPU."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Int64

from modeling.candidates.base import BaseCandidate, FitCost
from modeling.candidates.fitted import Arrays, Fitted, Parameter, StoredModel, failed
from modeling.candidates.mlp.compiled import train_alone
from modeling.candidates.mlp.training import (
    Biases,
    Network,
    TargetExamples,
    TrainingOutcome,
    Weights,
    forward,
    initial_weights,
    padded_width,
)
from modeling.candidates.problem import Problem
from modeling.splits import Split, hold_out_tenth

EPOCHS = 1500
PATIENCE = 100
SLOTS = 64
LAYERS = 5
CPU = "cpu"


@dataclass(frozen=True, eq=False)
class DeepModel:
    """A trained network and the standardisation of its features; predicts in float64 without torch."""

    mean: Float64[np.ndarray, " features"]
    scale: Float64[np.ndarray, " features"]
    weights: Weights
    biases: Biases

    def predict(self, features: Float64[np.ndarray, "lines features"]) -> Float64[np.ndarray, " lines"]:
        """Predicted effect for raw features."""
        return forward((features - self.mean) / self.scale, self.weights, self.biases)

    def arrays(self) -> Arrays:
        """`mean` and `scale` of the features, `weights_0` to `weights_4` (float32) and `biases_0` to `_4`."""
        layers = {f"weights_{i}": layer for i, layer in enumerate(self.weights)}
        biases = {f"biases_{i}": layer for i, layer in enumerate(self.biases)}
        return {"mean": self.mean, "scale": self.scale} | layers | biases

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "DeepModel":
        """The model that `arrays` was taken of."""
        weights, biases = (
            tuple(arrays[f"{what}_{i}"] for i in range(LAYERS)) for what in ("weights", "biases")
        )
        return cls(arrays["mean"], arrays["scale"], weights, biases)


@dataclass(frozen=True)
class Deep(BaseCandidate):
    """ReLU layers of 50, 20, 15 and 12 units on standardised features, dropout 0.4, 0.2, 0.1, linear output.

    `fit` validates by the mean squared error (the penalty left out) of 10% of the lines, stops when it has
    not fallen for 100 epochs, or at 1500, and keeps the best epoch's weights. `refit` trains again, on all
    lines, for the number of epochs that was best in the trial. Problems of one `fold_seed` and number of
    lines share orders and dropout masks. On device "cpu" `mlp.compiled` trains, network after network; on any
    other `mlp.torch_training` trains stacks of at most `slots`. There results agree with the CPU's, and with
    those in another batch, within rounding: predictions to 1e-4 after ten epochs. Longer training can carry
    rounding far, where a line comes to lie on a ReLU's kink: most predictions end within 1e-4, some do not.
    """

    name: str = "deep"
    device: str = CPU
    slots: int = SLOTS
    summary: str = "neural network of four layers"
    cost: FitCost = FitCost(0.075)
    model: ClassVar[type[StoredModel]] = DeepModel

    def on(self, device: str) -> "Deep":
        """The same, trained on that device."""
        return replace(self, device=device)

    def fit(self, problems: Sequence[Problem]) -> list[Fitted]:
        """Fit every problem, its best epoch found on held-out lines."""
        return self._fit_all(problems, [_validated_network(p) if not p.trouble else None for p in problems])

    def refit(self, problems: Sequence[Problem], trials: Sequence[Mapping[str, Parameter]]) -> list[Fitted]:
        """Fit every problem on all its lines for the `epochs` that its trial's parameters give."""
        networks = [
            _whole_network(p, int(trial["epochs"])) if not p.trouble else None
            for p, trial in zip(problems, trials, strict=True)
        ]
        return [
            _carried(fit, trial) for fit, trial in zip(self._fit_all(problems, networks), trials, strict=True)
        ]

    def _fit_all(self, problems: Sequence[Problem], networks: Sequence[Network | None]) -> list[Fitted]:
        fits = [failed(self.name, problem.trouble) for problem in problems]
        together: dict[tuple[int, int, int], list[int]] = {}
        for i, (problem, network) in enumerate(zip(problems, networks, strict=True)):
            if network is not None:
                # Only in a stack does the width matter.
                width = 0 if self.device == CPU else padded_width(problem.n_features)
                together.setdefault((problem.fold_seed, problem.n_lines, width), []).append(i)
        for (fold_seed, _, _), members in together.items():
            ready = [network for i in members if (network := networks[i]) is not None]
            for i, trained in zip(members, self._train(ready, fold_seed), strict=True):
                fits[i] = self._fitted(problems[i], trained)
        return fits

    def _train(self, networks: Sequence[Network], stream: int) -> list[TrainingOutcome]:
        if self.device == CPU:
            return train_alone(networks, stream)
        # Late: only a GPU is worth the seconds that importing torch takes.
        from modeling.candidates.mlp.torch_training import train  # noqa: PLC0415

        return train(networks, stream, self.slots, self.device)

    def _fitted(self, problem: Problem, trained: TrainingOutcome) -> Fitted:
        if trained.failure:
            return failed(self.name, trained.failure)
        if not all(np.isfinite(layer).all() for layer in (*trained.weights, *trained.biases)):
            return failed(self.name, f"a weight is not finite after epoch {trained.epoch}")
        shape = problem.standardised
        model = DeepModel(shape.mean, shape.scale, trained.weights, trained.biases)
        parameters: dict[str, Parameter] = {"epochs": trained.epoch, "epochs_run": len(trained.train_loss)}
        if trained.validation_loss:
            parameters["held_out_rmse"] = math.sqrt(trained.validation_loss[trained.epoch - 1])
        return Fitted(self.name, model, parameters)


def validation_split(problem: Problem) -> Split:
    """Lines to train on and lines (10%) that validate, drawn by the problem's seed."""
    return hold_out_tenth(problem.n_lines, problem.seed, "deep", "held out")


def _validated_network(problem: Problem) -> Network:
    kept, held = validation_split(problem)
    weights = initial_weights(problem.seed, problem.n_features)
    return Network(_lines(problem, kept), weights, EPOCHS, _lines(problem, held), PATIENCE)


def _whole_network(problem: Problem, epochs: int) -> Network:
    weights = initial_weights(problem.seed, problem.n_features)
    return Network(_lines(problem, np.arange(problem.n_lines)), weights, epochs)


def _lines(problem: Problem, rows: Int64[np.ndarray, " some_lines"]) -> TargetExamples:
    # What float32 cannot hold becomes infinite, and the network's loss with it.
    with np.errstate(over="ignore"):
        features = problem.standardised.values[rows].astype(np.float32)
        return TargetExamples(features, problem.effect[rows].astype(np.float32))


def _carried(fit: Fitted, trial: Mapping[str, Parameter]) -> Fitted:
    """A refit, with the trial's parameters as the evidence for its number of epochs."""
    return fit if fit.model is None else replace(fit, parameters=dict(trial))


CANDIDATES = (Deep(),)
