"""How many hidden layers of how many units: a dozen tried on an inner split of a fold's training lines.

Itzhacky and Sharan, Molecular Omics 2021: 1 to 10 hidden layers of 100 to 1000 units each, no more weights
than training values, layer sizes between those of input and output. Their own choice for codes, 6 layers of
600 units between 500 and 300, keeps neither rule: 2.3 million weights would ask for 2855 cell lines.

A fifth of the training lines is judged by: no network of the search learns from it, autoencoders included,
and it stops none. A tenth of the others decides when training stops.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64

from modeling.networks.mlp import Perceptron, count_weights, initial_perceptron
from modeling.networks.shared_networks import (
    STAGES,
    Design,
    OnCheckpoint,
    ScaledTrainingLines,
    TrainingCheckpoint,
    examples_of,
    rows_of,
    train_networks,
    validation_lines,
)
from modeling.networks.training_state import Examples
from modeling.seeds import generator, seed_of
from modeling.splits import hold_out

LAYERS, UNITS = range(1, 11), range(100, 1001, 100)
COUNT = 12  # configurations tried
JUDGED_SHARE = 0.2


@dataclass(frozen=True, order=True)
class Configuration:
    """So many hidden layers of so many units each."""

    hidden_layers: int
    units: int

    @property
    def hidden(self) -> tuple[int, ...]:
        """As `Design.hidden` takes it."""
        return (self.units,) * self.hidden_layers

    def weights(self, n_inputs: int, n_outputs: int) -> int:
        """Weights and biases of such a network."""
        return count_weights((n_inputs, *self.hidden, n_outputs))


@dataclass(frozen=True)
class Tried:
    """What a configuration came to.

    `epochs` were run in all. `judged_loss` is the mean squared error over the judged lines, of the best
    epoch's weights by the validation lines; NaN, with a `failure`, where training could not go on. `values`
    are the training values that bound the weights, where the search knows them.
    """

    configuration: Configuration
    weights: int
    epochs: int
    judged_loss: float
    seconds: float
    failure: str = ""
    chosen: bool = False
    values: int = 0


def numbers_of(tried: Sequence[Tried]) -> Float64[np.ndarray, "tried 6"]:
    """What is known of architectures as numbers, for a checkpoint; NaN losses stand for failures."""
    shapes = [[each.configuration.hidden_layers, each.configuration.units] for each in tried]
    rest = [[each.weights, each.epochs, each.judged_loss, each.seconds] for each in tried]
    return np.hstack([np.reshape(shapes, (-1, 2)), np.reshape(rest, (-1, 4))]).astype(np.float64)


def tried_of(numbers: Float64[np.ndarray, "tried 6"]) -> dict[Configuration, Tried]:
    """What `numbers_of` was given, by configuration, as `search` takes it."""
    found = {}
    for layers, units, weights, epochs, loss, seconds in numbers.tolist():
        configuration = Configuration(int(layers), int(units))
        failure = "failed before its process ended" if np.isnan(loss) else ""
        found[configuration] = Tried(configuration, int(weights), int(epochs), loss, seconds, failure)
    return found


@dataclass(frozen=True, eq=False)
class InnerSplit:
    """Examples of one network: to learn from, to stop by, and to judge by."""

    learned: Examples
    validation: Examples
    judged: Examples


def configurations(
    n_inputs: int, n_outputs: int, n_values: int, count: int = COUNT, seed: int = 0
) -> list[Configuration]:
    """The configurations to try: `count` of those allowed, drawn without replacement, sorted.

    Allowed are those with at most `n_values` weights and biases whose units are between `n_inputs` and
    `n_outputs`, either included. No size of the grid may lie there (17000 inputs, 4900 outputs); then only
    the weights bind, because the nearest, 1000 units, would have too many of them, and the paper's own choice
    there has 100. Where fewer than `count` are allowed, these are all; where none is, the one with the
    fewest weights of those of allowed units.
    """
    low, high = sorted((n_inputs, n_outputs))
    units = [size for size in UNITS if low <= size <= high] or list(UNITS)
    sized = [Configuration(layers, size) for layers in LAYERS for size in units]
    allowed = [each for each in sized if each.weights(n_inputs, n_outputs) <= n_values]
    if not allowed:
        return [min(sized, key=lambda each: each.weights(n_inputs, n_outputs))]
    drawn = generator(seed, "architectures").permutation(len(allowed))[:count]
    return [allowed[i] for i in sorted(drawn)]


def training_values(examples: Examples) -> int:
    """Entries of the lines' inputs and outputs, without outputs that do not count."""
    counted = examples.outputs.size if examples.counted is None else int(examples.counted.sum())
    return examples.inputs.size + counted


def search(
    split: InnerSplit,
    candidates: Sequence[Configuration],
    design: Design,
    already: Mapping[Configuration, Tried] | None = None,
    after: Callable[[Tried], None] | None = None,
) -> list[Tried]:
    """Try each configuration, and choose the one with the lowest judged loss, or of equals the smallest.

    Each is trained as if alone: from a start and in an order of its own, by the seed, the schedule and the
    device of `design`. `already` holds what is known of some, which are not trained again; `after` is given
    each that was. None is chosen where all fail.
    """
    found = dict(already or {})
    for candidate in candidates:
        if candidate not in found:
            found[candidate] = _try(split, candidate, design)
            if after is not None:
                after(found[candidate])
    tried = [found[candidate] for candidate in candidates]
    best = min(
        (each for each in tried if not each.failure),
        key=lambda each: (each.judged_loss, each.weights, each.configuration),
        default=None,
    )
    return [replace(each, chosen=each is best) for each in tried]


def search_network(
    lines: ScaledTrainingLines,
    design: Design,
    count: int = COUNT,
    *,
    resume_from: TrainingCheckpoint | None = None,
    on_checkpoint: OnCheckpoint | None = None,
    already: Mapping[Configuration, Tried] | None = None,
    after: Callable[[Tried], None] | None = None,
) -> list[Tried]:
    """Search for the hidden layers of the last network of the design's method: `code` or `plain`.

    `lines` are a fold's training lines; which of them are its validation lines when the winner is trained
    does not matter here, nor does `design.hidden`. They come scaled by all of them; this is the only
    influence of the judged lines on training. For `code`, the autoencoders are trained first, and once;
    `resume_from` and `on_checkpoint` are those of `train_networks` for them, `already` and `after` those of
    `search`. The training values that bound the weights are those of all `lines`, the validation lines
    included. Empty where an autoencoder fails.
    """
    *coders, name = STAGES[design.method]
    judged = judged_lines(len(lines.expression), design.seed)
    inner = _inner_lines(lines, judged, design.seed)
    done = train_networks(inner, design, resume_from, on_checkpoint, stages=coders)
    if any(trained.failure for trained in done.values()):
        return []
    every = examples_of(name, lines, done)
    others, validation = rows_of(every, ~judged), inner.validation
    split = InnerSplit(rows_of(others, ~validation), rows_of(others, validation), rows_of(every, judged))
    sizes = every.inputs.shape[1], every.outputs.shape[1]
    values = training_values(every)
    candidates = configurations(*sizes, values, count, design.seed)
    return [replace(each, values=values) for each in search(split, candidates, design, already, after)]


def judged_lines(n_lines: int, seed: int) -> Bool[np.ndarray, " lines"]:
    """A fifth of the training lines (one at least), drawn by the seed."""
    return hold_out(n_lines, JUDGED_SHARE, seed, "judged lines").is_held_out


def _inner_lines(
    lines: ScaledTrainingLines, judged: Bool[np.ndarray, " lines"], seed: int
) -> ScaledTrainingLines:
    """All but the judged lines, with a tenth of their own for validation."""
    kept = ~judged
    return ScaledTrainingLines(
        lines.expression[kept],
        lines.effect[kept],
        lines.counted[kept],
        validation_lines(int(kept.sum()), seed_of(seed, "search")),
    )


def _try(split: InnerSplit, candidate: Configuration, design: Design) -> Tried:
    from modeling.networks.adam import train  # noqa: PLC0415 - torch takes seconds

    started = time.thread_time()
    sizes = (split.learned.inputs.shape[1], *candidate.hidden, split.learned.outputs.shape[1])
    own = design.method, candidate.hidden_layers, candidate.units
    trained = train(
        initial_perceptron(sizes, seed_of(design.seed, "search start", *own)),
        split.learned,
        split.validation,
        design.schedule,
        seed_of(design.seed, "search orders", *own),
        device=design.device,
    )
    loss = float("nan") if trained.failure else mean_squared_error(trained.network, split.judged)
    failure = trained.failure or ("" if np.isfinite(loss) else "the loss of the judged lines is not finite")
    return Tried(
        configuration=candidate,
        weights=count_weights(sizes),
        epochs=len(trained.losses),
        judged_loss=loss,
        seconds=time.thread_time() - started,
        failure=failure,
    )


def mean_squared_error(network: Perceptron, examples: Examples) -> float:
    """Over the outputs that count, in float64; NaN where none does."""
    errors = network.forward(examples.inputs).astype(np.float64) - examples.outputs
    if examples.counted is not None:
        errors = errors[examples.counted]
    return float(np.square(errors).mean()) if errors.size else float("nan")
