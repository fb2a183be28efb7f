"""Training one network on many lines: Adam, early stopping, and a state from which it goes on bit for bit.

The gradients are written out: kept in place, they cost a third less time than torch's own differentiation,
which allocates them at every step. Importing this imports torch, which takes seconds: do it late.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from modeling.networks.mlp import Perceptron
from modeling.networks.training_state import Examples, Schedule, TrainedNetwork, TrainState

OnState = Callable[[TrainState], None]


def train(
    network: Perceptron,
    learned: Examples,
    validation: Examples | None,
    schedule: Schedule,
    seed: int,
    *,
    device: str = "cpu",
    resume_from: TrainState | None = None,
    on_checkpoint: OnState | None = None,
    every: int = 10,
) -> TrainedNetwork:
    """Train from the weights of `network`, or go on from `resume_from`, a state of the same training.

    Lowers the mean squared error over the outputs that count, by Adam on batches whose order is drawn for
    each epoch (the last may be smaller). With `validation` lines it stops once their error has not fallen for
    `schedule.patience` epochs, and the best epoch's weights are kept; without, those of the last.
    `on_checkpoint` gets the state after every `every` epochs. Equal inputs give equal bits on one kind of
    processor, whether or not training went on from a state; torch uses one thread meanwhile. A loss that is
    not finite ends the training with a `failure`, and so do lines of which no output counts.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            training = _Training(network, seed, schedule, device, resume_from)
            lines = _DeviceExamples.of(learned, device)
            others = None if validation is None else _DeviceExamples.of(validation, device)
            failure = _train_to_end(training, lines, others, on_checkpoint, every)
            return training.result(failure)
    finally:
        torch.set_num_threads(threads)


def _train_to_end(
    training: "_Training",
    learned: "_DeviceExamples",
    validation: "_DeviceExamples | None",
    on_checkpoint: OnState | None,
    every: int,
) -> str:
    """Epoch after epoch to the end; returns why it could not go on."""
    for what, lines in (("learned", learned), ("validation", validation)):
        if lines is not None and not lines.counts.any():
            return f"no output of the {what} lines counts"
    while not training.ended(validation is not None):
        loss = training.learn(learned)
        error = math.nan if validation is None else training.error(validation)
        if not math.isfinite(loss) or (validation is not None and not math.isfinite(error)):
            return f"the loss of epoch {len(training.losses) + 1} is not finite"
        training.note(loss, error)
        if on_checkpoint is not None and len(training.losses) % every == 0:
            on_checkpoint(training.state())
    return ""


@dataclass(frozen=True, eq=False)
class _DeviceExamples:
    """Examples on the device; `gaps` is true where an output does not count, None where all do.

    `counts` says how many outputs of each line do: on the CPU, or a GPU would be waited for at each step.
    """

    inputs: Tensor
    outputs: Tensor
    gaps: Tensor | None
    counts: Tensor

    @classmethod
    def of(cls, examples: Examples, device: str) -> "_DeviceExamples":
        inputs = _tensor(examples.inputs, device)
        same = examples.outputs is examples.inputs
        outputs = inputs if same else _tensor(examples.outputs, device)
        if examples.counted is None:
            return cls(inputs, outputs, None, torch.full((len(outputs),), outputs.shape[1]))
        gaps = _tensor(~examples.counted, device)
        return cls(inputs, outputs, gaps, torch.tensor(examples.counted.sum(axis=1)))

    def __len__(self) -> int:
        return len(self.inputs)

    def in_order(self, order: Tensor) -> "_DeviceExamples":
        """These lines in another order, drawn on the CPU."""
        there = order.to(self.inputs.device)
        return self._taken(there, self.counts[order])

    def batch(self, rows: slice) -> "_DeviceExamples":
        """Some neighbours."""
        return self._taken(rows, self.counts[rows])

    def _taken(self, rows: Tensor | slice, counts: Tensor) -> "_DeviceExamples":
        inputs = self.inputs[rows]
        outputs = inputs if self.outputs is self.inputs else self.outputs[rows]
        return _DeviceExamples(inputs, outputs, None if self.gaps is None else self.gaps[rows], counts)

    def gradients(self, values: Tensor) -> tuple[Tensor, Tensor, int]:
        """Half the summed squared error's gradient at each output, that sum, and how many outputs count."""
        errors = values - self.outputs
        if self.gaps is not None:
            errors.masked_fill_(self.gaps, 0.0)
        return errors, (errors * errors).sum(dtype=torch.float64), int(self.counts.sum())


class _Training:
    """A network in training: its parameters with their gradients in place, Adam, and what the epochs gave."""

    def __init__(
        self, network: Perceptron, seed: int, schedule: Schedule, device: str, resume_from: TrainState | None
    ) -> None:
        self.losses: list[tuple[float, float]] = []
        self._schedule = schedule
        self._best_epoch = 0
        self._best: list[Tensor] = []
        # On the CPU whatever the device: the order of the lines is the same everywhere.
        self._generator = torch.Generator().manual_seed(seed)
        now = network if resume_from is None else resume_from.network
        self._weights = _tensors(now.weights, device)
        self._biases = _tensors(now.biases, device)
        for parameter in self._parameters:
            parameter.grad = torch.zeros_like(parameter)
        self._adam = torch.optim.Adam(self._parameters, lr=schedule.learning_rate, fused=True)
        if resume_from is not None:
            self._restore(resume_from, device)

    @property
    def _parameters(self) -> list[Tensor]:
        return [*self._weights, *self._biases]

    def _restore(self, state: TrainState, device: str) -> None:
        self.losses = [(float(a), float(b)) for a, b in state.losses]
        self._best_epoch = state.best_epoch
        self._best = [] if state.best is None else _tensors(_flat(state.best), device)
        self._generator.set_state(torch.from_numpy(state.generator.copy()))
        moments = zip(
            self._parameters,
            _tensors(_flat(state.first), device),
            _tensors(_flat(state.second), device),
            strict=True,
        )
        for parameter, first, second in moments if state.steps else ():
            step = torch.tensor(float(state.steps), dtype=torch.float32, device=device)
            self._adam.state[parameter] = {"step": step, "exp_avg": first, "exp_avg_sq": second}

    def ended(self, validation: bool) -> bool:
        """Whether no further epoch is due."""
        epochs = len(self.losses)
        late = validation and epochs - self._best_epoch >= self._schedule.patience
        return epochs >= self._schedule.epochs or late

    def learn(self, lines: _DeviceExamples) -> float:
        """One epoch; the mean squared error of each line when it was learned from."""
        shuffled = lines.in_order(torch.randperm(len(lines), generator=self._generator))
        squares = torch.zeros(1, dtype=torch.float64, device=lines.inputs.device)
        for first in range(0, len(lines), self._schedule.batch):
            squares += self._step(shuffled.batch(slice(first, first + self._schedule.batch)))
        return float(squares) / int(lines.counts.sum())

    def _step(self, batch: _DeviceExamples) -> Tensor:
        """One step of Adam; the batch's squared errors before it."""
        values = list(self._forward(batch.inputs))
        gradients, square, count = batch.gradients(values[-1])
        gradients *= 2.0 / max(count, 1)
        for i in reversed(range(len(self._weights))):
            torch.mm(gradients.T, values[i], out=_gradient_of(self._weights[i]))
            torch.sum(gradients, 0, out=_gradient_of(self._biases[i]))
            if i:
                gradients = (gradients @ self._weights[i]).mul_(1.0 - values[i] * values[i])
        self._adam.step()
        return square

    def _forward(self, inputs: Tensor) -> Iterator[Tensor]:
        """The inputs, then what each layer makes of them."""
        yield inputs
        values, last = inputs, len(self._weights) - 1
        for i, (weights, biases) in enumerate(zip(self._weights, self._biases, strict=True)):
            values = torch.addmm(biases, values, weights.T)
            if i < last:
                values.tanh_()
            yield values

    def error(self, lines: _DeviceExamples) -> float:
        """The mean squared error of the network as it is."""
        *_, values = self._forward(lines.inputs)
        _, square, count = lines.gradients(values)
        return float(square) / count

    def note(self, loss: float, error: float) -> None:
        """Enter an epoch, and keep its weights if no earlier one was better."""
        self.losses.append((loss, error))
        if not math.isnan(error) and (not self._best_epoch or error < self.losses[self._best_epoch - 1][1]):
            self._best_epoch = len(self.losses)
            if self._best:
                torch._foreach_copy_(self._best, self._parameters)
            else:
                self._best = [parameter.clone() for parameter in self._parameters]

    def state(self) -> TrainState:
        """Where training stands after an epoch."""
        adam = [self._adam.state[p] for p in self._parameters]
        return TrainState(
            network=self._arrays(self._parameters),
            first=self._arrays([each["exp_avg"] for each in adam]),
            second=self._arrays([each["exp_avg_sq"] for each in adam]),
            best=self._arrays(self._best) if self._best else None,
            best_epoch=self._best_epoch,
            steps=int(adam[0]["step"].item()),
            losses=self._loss_table(),
            generator=self._generator.get_state().numpy().copy(),
        )

    def result(self, failure: str) -> TrainedNetwork:
        """What the training came to."""
        kept, epoch = (self._best, self._best_epoch) if self._best else (self._parameters, len(self.losses))
        return TrainedNetwork(self._arrays(kept), epoch, self._loss_table(), failure)

    def _loss_table(self) -> np.ndarray:
        return np.array(self.losses, dtype=np.float64).reshape(-1, 2)

    def _arrays(self, tensors: Sequence[Tensor]) -> Perceptron:
        arrays = [tensor.cpu().numpy().copy() for tensor in tensors]
        return Perceptron(tuple(arrays[: len(self._weights)]), tuple(arrays[len(self._weights) :]))


def _gradient_of(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        raise RuntimeError("a parameter lost its gradient")
    return parameter.grad


def _flat(network: Perceptron) -> list[np.ndarray]:
    return list(chain(network.weights, network.biases))


def _tensors(arrays: Sequence[np.ndarray], device: str) -> list[Tensor]:
    return [_tensor(array, device) for array in arrays]


def _tensor(array: np.ndarray, device: str) -> Tensor:
    """A copy, in torch's own memory: its alignment decides the order in which products are summed."""
    return torch.tensor(array, device=device)
