"""Networks of one architecture as one stack of tensors: forward, backward and Adam on all of them at once.

Every tensor's first axis is `slots`, one network each, and every product is batched over it. Features are
padded with zeros to a multiple of `WIDTH` and the stack with empty slots to a multiple of `SLOT_STEP`. A
padded weight starts at 0, meets only zero features, so its gradient and its penalty are exactly 0 and Adam
never moves it. `SLOT_STEP` keeps every tensor a whole number of vector registers long. Even so
torch may treat slots differently in the last bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.optim import Adam

from modeling.candidates.mlp.training import (
    LEARNING_RATE,
    PENALTY,
    RELU_UNITS,
    Biases,
    TargetExamples,
    Weights,
    padded_width,
)

SLOT_STEP = 16


@dataclass(frozen=True, eq=False)
class StackedExamples:
    """Lines of every slot: features slots x lines x width, effect slots x lines x 1."""

    features: Tensor
    effect: Tensor


@dataclass(frozen=True, eq=False)
class Stack:
    """Networks in training. `members` says which network each filled slot holds; empty slots come last.

    `weights` (slots x inputs x outputs) and `biases` (slots x 1 x outputs) are changed in place by `step`.
    """

    members: Int64[np.ndarray, " filled"]
    train: StackedExamples
    validation: StackedExamples | None
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    optimiser: Adam

    def step(self, lines: Tensor, factors: Sequence[Tensor | None]) -> Tensor:
        """One batch: forward with dropout, backward, Adam. Returns its errors, slots x lines x 1."""
        layers = [self.train.features.index_select(1, lines)]
        for weights, bias, factor in zip(self.weights[:-1], self.biases[:-1], factors, strict=True):
            layers.append(_relu(layers[-1], weights, bias))
            if factor is not None:
                layers[-1].mul_(factor)
        error = _linear(layers[-1], self.weights[-1], self.biases[-1])
        error.sub_(self.train.effect.index_select(1, lines))
        self._set_gradients(layers, factors, error)
        self.optimiser.step()
        return error

    def _set_gradients(
        self, layers: Sequence[Tensor], factors: Sequence[Tensor | None], error: Tensor
    ) -> None:
        """Set `grad` to the mean squared error's gradient; the penalty's is Adam's weight decay."""
        flowing = error * (2 / error.shape[1])
        for i in range(len(self.weights) - 1, -1, -1):
            self.weights[i].grad = torch.bmm(layers[i].transpose(1, 2), flowing)
            self.biases[i].grad = flowing.sum(dim=1, keepdim=True)
            if i:
                flowing = torch.bmm(flowing, self.weights[i].transpose(1, 2))
                factor = factors[i - 1]
                if factor is not None:
                    flowing.mul_(factor)
                # Where the unit is at 0 nothing flows: ReLU's own backward pass, which autograd uses.
                flowing = torch.ops.aten.threshold_backward(flowing, layers[i], 0)

    def validation_errors(self) -> Float64[np.ndarray, "filled lines"]:
        """Errors on the validation lines, without dropout; none where there are no such lines."""
        if self.validation is None:
            return np.empty((self.members.size, 0))
        values = self.validation.features
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = _relu(values, weights, bias)
        return self.fetch(_linear(values, self.weights[-1], self.biases[-1]) - self.validation.effect)

    def fetch(self, errors: Tensor) -> Float64[np.ndarray, "filled lines"]:
        """Errors (slots x lines x 1) of the filled slots."""
        return errors[: self.members.size, :, 0].cpu().numpy().astype(np.float64)

    def take(self, place: int, n_features: int) -> tuple[Weights, Biases]:
        """A copy of the weights and biases in a slot, without the padding."""
        weights = [w[place].cpu().numpy().copy() for w in self.weights]
        weights[0] = weights[0][:n_features].copy()
        return tuple(weights), tuple(b[place, 0].cpu().numpy().copy() for b in self.biases)

    def only(self, members: Int64[np.ndarray, " left"]) -> "Stack":
        """The stack with the named members alone, if that makes it smaller; the same stack if not."""
        slots = _slots_for(members.size)
        if slots == len(self.train.effect):
            return self
        # The slots that fill up to a multiple hold networks that have ended; nothing reads them any more.
        others = np.setdiff1d(np.arange(len(self.train.effect)), np.searchsorted(self.members, members))
        places = np.concatenate([np.searchsorted(self.members, members), others])[:slots]
        index = torch.from_numpy(places).to(self.train.effect.device)
        weights = tuple(w.index_select(0, index) for w in self.weights)
        biases = tuple(b.index_select(0, index) for b in self.biases)
        return replace(
            self,
            members=members,
            train=_pick(self.train, index),
            validation=None if self.validation is None else _pick(self.validation, index),
            weights=weights,
            biases=biases,
            optimiser=_moved(self.optimiser, weights, biases, index),
        )


def stack_of(
    train: Sequence[TargetExamples],
    validation: Sequence[TargetExamples],
    weights: Sequence[Weights],
    device: str,
) -> Stack:
    """A stack of networks with the given first weights and biases of 0; `validation` may be empty.

    Raises ValueError where the numbers of lines or the padded widths differ.
    """
    slots, width = _slots_for(len(train)), padded_width(train[0].features.shape[1])
    sizes = (width, *RELU_UNITS, 1)
    layers = [np.zeros((slots, *size), dtype=np.float32) for size in pairwise(sizes)]
    for place, network in enumerate(weights):
        for layer, own in zip(layers, network, strict=True):
            layer[place, : len(own)] = own
    return _sent(train, validation, layers, device)


def _sent(
    train: Sequence[TargetExamples],
    validation: Sequence[TargetExamples],
    layers: Sequence[np.ndarray],
    device: str,
) -> Stack:
    weights = tuple(torch.from_numpy(layer).to(device) for layer in layers)
    biases = tuple(torch.zeros((len(w), 1, w.shape[2]), device=device) for w in weights)
    slots, width = weights[0].shape[:2]
    return Stack(
        np.arange(len(train)),
        _padded(train, slots, width, device),
        _padded(validation, slots, width, device) if validation else None,
        weights,
        biases,
        _adam(weights, biases),
    )


def _slots_for(networks: int) -> int:
    return SLOT_STEP * max(1, -(-networks // SLOT_STEP))


def _padded(lines: Sequence[TargetExamples], slots: int, width: int, device: str) -> StackedExamples:
    n_lines = len(lines[0].effect)
    features = np.zeros((slots, n_lines, width), dtype=np.float32)
    effect = np.zeros((slots, n_lines, 1), dtype=np.float32)
    for place, own in enumerate(lines):
        if len(own.effect) != n_lines or padded_width(own.features.shape[1]) != width:
            raise ValueError(
                f"networks of one stack need as many lines and padded features as the first, {n_lines} and "
                f"{width}; number {place} has {len(own.effect)} and {padded_width(own.features.shape[1])}"
            )
        features[place, :, : own.features.shape[1]] = own.features
        effect[place, :, 0] = own.effect
    return StackedExamples(torch.from_numpy(features).to(device), torch.from_numpy(effect).to(device))


def _pick(lines: StackedExamples, index: Tensor) -> StackedExamples:
    return StackedExamples(lines.features.index_select(0, index), lines.effect.index_select(0, index))


def _adam(weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Adam:
    """Adam whose decay is the gradient of the penalty on the ReLU layers' weights, 2 x 1e-4 x weight."""
    groups = [
        {"params": list(weights[:-1]), "weight_decay": 2 * PENALTY},
        {"params": [weights[-1], *biases], "weight_decay": 0.0},
    ]
    return torch.optim.Adam(groups, lr=LEARNING_RATE, fused=True)


def _moved(optimiser: Adam, weights: Sequence[Tensor], biases: Sequence[Tensor], index: Tensor) -> Adam:
    """The optimiser of the slots in `index`, its moments and step count with them."""
    moved = _adam(weights, biases)
    before = [p for group in optimiser.param_groups for p in group["params"]]
    after = [p for group in moved.param_groups for p in group["params"]]
    for old, new in zip(before, after, strict=True):
        state = optimiser.state[old]
        moved.state[new] = {
            "step": state["step"],
            "exp_avg": state["exp_avg"].index_select(0, index),
            "exp_avg_sq": state["exp_avg_sq"].index_select(0, index),
        }
    return moved


def _linear(values: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    return torch.baddbmm(bias, values, weights)


def _relu(values: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    return _linear(values, weights, bias).relu_()
