"""The shared networks of one fold: an expression and a dependency autoencoder, and a network between codes.

Itzhacky and Sharan, Molecular Omics 2021 (part B1). Everything is learned from the fold's training lines. A
tenth of them are validation lines: no network learns from them, and they decide when each stops. `plain` is
one network from expression to dependency (B1').
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from jaxtyping import Bool, Float32, Float64

from modeling.networks.mlp import Perceptron, initial_perceptron
from modeling.networks.training_state import Examples, Schedule, TrainedNetwork, TrainState
from modeling.seeds import seed_of
from modeling.splits import hold_out

LATENT, PLAIN = "latent", "plain"
EXPRESSION, DEPENDENCY, CODE = "expression", "dependency", "code"
STAGES = {LATENT: (EXPRESSION, DEPENDENCY, CODE), PLAIN: (PLAIN,)}
EXPRESSION_UNITS, DEPENDENCY_UNITS = 500, 300
HIDDEN_LAYERS: dict[str, tuple[int, ...]] = {
    CODE: (600,) * 6,
    PLAIN: (100,) * 3,
}  # as the paper's search chose
ENCODER, DECODER = slice(0, 2), slice(2, 4)  # layers of an autoencoder on either side of its code
VALIDATION_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class ScaledTrainingLines:
    """A fold's training lines as `networks.scaling` scales them; gaps of `effect` are 0 and not `counted`."""

    expression: Float32[np.ndarray, "lines genes"]
    effect: Float32[np.ndarray, "lines targets"]
    counted: Bool[np.ndarray, "lines targets"]
    validation: Bool[np.ndarray, " lines"]


@dataclass(frozen=True)
class Design:
    """What is trained, and how: hidden layers of the network that is searched for (`code` or `plain`)."""

    method: str
    hidden: tuple[int, ...]
    seed: int
    schedule: Schedule = field(default_factory=Schedule)
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class TrainingCheckpoint:
    """How far a fold's training is: the networks that are done, and the state of the one in training.

    `seconds` are the core-seconds each has taken; `tried` are numbers of a search for an architecture, one
    row for each that was tried (`modeling.networks.architecture_search`).
    """

    done: dict[str, TrainedNetwork] = field(default_factory=dict)
    state: TrainState | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    tried: Float64[np.ndarray, "tried numbers"] | None = None

    @property
    def epochs(self) -> int:
        """Epochs done, of all networks, and architectures tried: what a checkpoint's name counts."""
        trained = sum(len(each.losses) for each in self.done.values())
        return (
            trained + (self.state.epoch if self.state else 0) + (0 if self.tried is None else len(self.tried))
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """As named arrays, for a file."""
        named = {} if self.state is None else {f"state/{k}": a for k, a in self.state.arrays().items()}
        named |= {f"seconds/{name}": np.array([taken]) for name, taken in self.seconds.items()}
        if self.tried is not None:
            named["tried/numbers"] = self.tried
        for name, trained in self.done.items():
            named |= {f"{name}/{key}": array for key, array in trained.arrays().items()}
        return named

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "TrainingCheckpoint":
        """The checkpoint that `arrays` was taken of."""
        groups: dict[str, dict[str, np.ndarray]] = {}
        for key, array in arrays.items():
            group, _, name = key.partition("/")
            groups.setdefault(group, {})[name] = array
        state, tried = groups.pop("state", None), groups.pop("tried", None)
        seconds = {name: float(array[0]) for name, array in groups.pop("seconds", {}).items()}
        done = {name: TrainedNetwork.from_arrays(group) for name, group in groups.items()}
        going_on = None if state is None else TrainState.from_arrays(state)
        return cls(done, going_on, seconds, None if tried is None else tried["numbers"])


OnCheckpoint = Callable[[str, TrainingCheckpoint], None]


def validation_lines(n_lines: int, seed: int) -> Bool[np.ndarray, " lines"]:
    """A tenth of the training lines (one at least), drawn by the seed."""
    return hold_out(n_lines, VALIDATION_SHARE, seed, "watched lines").is_held_out


def train_networks(
    lines: ScaledTrainingLines,
    design: Design,
    resume_from: TrainingCheckpoint | None = None,
    on_checkpoint: OnCheckpoint | None = None,
    every: int = 10,
    stages: Sequence[str] | None = None,
) -> dict[str, TrainedNetwork]:
    """Train the method's networks one after another, from the start or from a checkpoint.

    `stages` names the networks to train and their order; by default all that the method has.
    `on_checkpoint` gets the name of the network in training and a checkpoint, every `every` epochs and when a
    network is done. The result is the same, bit for bit, wherever it went on from. A network whose training
    fails (`TrainedNetwork.failure`) is the last one.
    """
    from modeling.networks.adam import train  # noqa: PLC0415 - torch takes seconds

    resume_from = resume_from or TrainingCheckpoint()
    stages = STAGES[design.method] if stages is None else stages
    # In this order, whatever order a file gave them back in.
    done, state = (
        {name: resume_from.done[name] for name in stages if name in resume_from.done},
        resume_from.state,
    )
    for name in stages:
        if name not in done:
            network, learned, validation = _problem(name, lines, done, design)
            noted = None if on_checkpoint is None else _keeper(on_checkpoint, name, done)
            seed = seed_of(design.seed, "orders", name)
            done[name] = train(
                network, learned, validation, design.schedule, seed,
                device=design.device, resume_from=state, on_checkpoint=noted, every=every,
            )  # fmt: skip
            state = None
            if on_checkpoint is not None:
                on_checkpoint(name, TrainingCheckpoint(dict(done)))
        if done[name].failure:
            break
    return done


def _keeper(
    on_checkpoint: OnCheckpoint, name: str, done: Mapping[str, TrainedNetwork]
) -> Callable[[TrainState], None]:
    return lambda state: on_checkpoint(name, TrainingCheckpoint(dict(done), state))


def _problem(
    name: str, lines: ScaledTrainingLines, done: Mapping[str, TrainedNetwork], design: Design
) -> tuple[Perceptron, Examples, Examples]:
    """The network at its start, and the lines it learns from and the validation lines."""
    examples = examples_of(name, lines, done)
    units = {EXPRESSION: EXPRESSION_UNITS, DEPENDENCY: DEPENDENCY_UNITS}
    hidden = (units[name],) * 3 if name in units else design.hidden
    sizes = (examples.inputs.shape[1], *hidden, examples.outputs.shape[1])
    network = initial_perceptron(sizes, seed_of(design.seed, "start", name))
    return network, rows_of(examples, ~lines.validation), rows_of(examples, lines.validation)


def examples_of(name: str, lines: ScaledTrainingLines, done: Mapping[str, TrainedNetwork]) -> Examples:
    """What the network takes of any lines, and what it should make of it.

    The code network takes and makes the codes of the autoencoders in `done`; the others need none.
    """
    counted = None if lines.counted.all() else lines.counted
    match name:
        case "expression":
            return Examples(lines.expression, lines.expression)
        case "dependency":
            return Examples(lines.effect, lines.effect, counted)
        case "code":
            codes = done[EXPRESSION].network.forward(lines.expression, ENCODER)
            return Examples(codes, done[DEPENDENCY].network.forward(lines.effect, ENCODER))
        case "plain":
            return Examples(lines.expression, lines.effect, counted)
    raise ValueError(f"unknown network {name!r}: expected one of {sorted({*chain(*STAGES.values())})}")


def rows_of(examples: Examples, rows: Bool[np.ndarray, " lines"]) -> Examples:
    """Some of the lines."""
    inputs, counted = examples.inputs[rows], examples.counted
    outputs = inputs if examples.outputs is examples.inputs else examples.outputs[rows]
    return Examples(inputs, outputs, None if counted is None else counted[rows])


def predict_by_networks(
    networks: Mapping[str, Perceptron], expression: Float32[np.ndarray, "lines genes"]
) -> Float32[np.ndarray, "lines targets"]:
    """Scaled effects from scaled expression, by the networks of either method."""
    if PLAIN in networks:
        return networks[PLAIN].forward(expression)
    codes = networks[CODE].forward(networks[EXPRESSION].forward(expression, ENCODER))
    return networks[DEPENDENCY].forward(codes, DECODER)
