"""The trainer against a plain loop by autograd; what stops it; and going on from every state it kept."""

import math

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from modeling.networks.adam import train
from modeling.networks.mlp import initial_perceptron
from modeling.networks.training_state import Examples, Schedule, TrainedNetwork, TrainState
from tests.modeling.devices import DEVICES
from tests.modeling.networks_data import examples, same_network, same_trained, through_a_file
from tests.reference.adam import train_slow

SIZES = (7, 9, 6, 4)
QUICK = Schedule(epochs=12, patience=20, batch=8, learning_rate=1e-2)
START = initial_perceptron(SIZES, 3)


def slow(learned: Examples, validation: Examples | None, schedule: Schedule, dtype: torch.dtype, start=START):
    def plain(those: Examples):
        counted = np.ones(those.outputs.shape, bool) if those.counted is None else those.counted
        return those.inputs, those.outputs, counted

    return train_slow(
        (start.weights, start.biases), plain(learned), None if validation is None else plain(validation), 5,
        epochs=schedule.epochs, patience=schedule.patience, batch=schedule.batch,
        rate=schedule.learning_rate, dtype=dtype,
    )  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("gaps", [0.0, 0.3])
@pytest.mark.parametrize(("n_lines", "batch"), [(40, 8), (43, 8), (5, 32), (1, 8), (9, 1)])
def test_losses_and_weights_are_those_of_a_plain_loop(n_lines: int, batch: int, gaps: float, device: str):
    """In float64: whole batches, a smaller last one, fewer lines than a batch, one line, one at a time."""
    learned, validation = examples(n_lines, 1, gaps=gaps), examples(6, 2, gaps=gaps)
    schedule = Schedule(12, 20, batch, 1e-2)
    trained = train(START, learned, validation, schedule, 5, device=device)
    weights, biases, epoch, losses = slow(learned, validation, schedule, torch.float64)
    assert trained.epoch == epoch
    assert trained.failure == ""
    np.testing.assert_allclose(trained.losses, losses, rtol=2e-4, atol=1e-6)
    for ours, theirs in zip(trained.network.weights, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-4)
    for ours, theirs in zip(trained.network.biases, biases, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-4)


def test_without_validation_lines_the_last_epoch_stays():
    learned = examples(30, 1)
    trained = train(START, learned, None, QUICK, 5)
    weights, _, epoch, losses = slow(learned, None, QUICK, torch.float32)
    assert trained.epoch == epoch == 12
    assert np.isnan(trained.losses[:, 1]).all()
    assert math.isnan(trained.validation_loss)
    np.testing.assert_allclose(trained.losses[:, 0], [loss for loss, _ in losses], rtol=1e-4)
    np.testing.assert_allclose(trained.network.weights[0], weights[0], rtol=0, atol=1e-5)


def test_an_autoencoder_whose_outputs_are_its_inputs_equals_one_with_a_copy():
    x = examples(30, 1).inputs
    start = initial_perceptron((7, 5, 3, 5, 7), 0)
    shared, copied = (
        train(start, Examples(x[6:], y), Examples(x[:6], x[:6]), QUICK, 5) for y in (x[6:], x[6:].copy())
    )
    assert same_trained(shared, copied)


@pytest.mark.parametrize("value", [1e6, -3.0, np.nan, np.inf])
def test_what_stands_in_a_gap_changes_no_bit(value: float):
    def states(filled: bool) -> list[TrainState]:
        kept: list[TrainState] = []
        parts = [examples(n, seed, gaps=0.3) for n, seed in ((30, 1), (6, 2))]
        never = np.array([True, True, False, True])  # a target without any value
        gaps = [~(part.counted & never) for part in parts]
        learned, validation = (
            Examples(p.inputs, np.where(gap & filled, np.float32(value), p.outputs), ~gap)
            for p, gap in zip(parts, gaps, strict=True)
        )
        train(START, learned, validation, QUICK, 5, on_checkpoint=kept.append, every=3)
        return kept

    for one, other in zip(states(False), states(True), strict=True):
        ours, theirs = one.arrays(), other.arrays()
        assert all(array.tobytes() == theirs[name].tobytes() for name, array in ours.items())


def test_all_that_count_are_as_good_as_none_told():
    bare = (examples(30, 1), examples(6, 2))
    told = (Examples(p.inputs, p.outputs, np.ones(p.outputs.shape, dtype=bool)) for p in bare)
    assert same_trained(train(START, *bare, QUICK, 5), train(START, *told, QUICK, 5))


def test_validation_lines_change_no_weight():
    """Only when training stops and which epoch is kept: weights of the same epoch are the same."""
    learned, validation = examples(30, 1, gaps=0.2), examples(6, 2, gaps=0.2)
    rng = np.random.default_rng(0)
    garbled = Examples(
        50 * rng.standard_normal(validation.inputs.shape).astype(np.float32),
        50 * rng.standard_normal(validation.outputs.shape).astype(np.float32),
        rng.random(validation.outputs.shape) < 0.5,
    )
    kept: list[list[TrainState]] = [[], [], []]
    for states, others in zip(kept, (validation, garbled, None), strict=True):
        train(START, learned, others, QUICK, 5, on_checkpoint=states.append, every=1)
    assert len(kept[0]) == len(kept[1]) == len(kept[2]) == QUICK.epochs
    for one, *others in zip(*kept, strict=True):
        for other in others:
            assert same_network(one.network, other.network)
            assert same_network(one.first, other.first)
            assert same_network(one.second, other.second)
            assert np.array_equal(one.losses[:, 0], other.losses[:, 0])


def test_no_bit_hangs_on_where_an_array_lies_in_memory():
    """Products of short rows are summed in an order that depends on their alignment."""

    def moved(array: np.ndarray, offset: int) -> np.ndarray:
        memory = np.zeros(array.size + 32, dtype=np.float32)
        first = -memory.ctypes.data // 4 % 16 + offset
        there = memory[first : first + array.size].reshape(array.shape)
        there[:] = array
        there.flags.writeable = False
        return there

    x = np.random.default_rng(0).standard_normal((50, 37)).astype(np.float32)
    start = initial_perceptron((37, 11, 37), 0)
    found = []
    for offset in (0, 1, 2, 4, 7, 8):
        learned, validation = (
            Examples(moved(part, offset), moved(part, offset)) for part in (x[:40], x[40:])
        )
        found.append(train(start, learned, validation, QUICK, 5))
    assert all(same_trained(found[0], other) for other in found[1:])


@pytest.mark.long
@pytest.mark.parametrize("schedule", [QUICK, Schedule(40, 3, 8, 5e-2)])
@pytest.mark.parametrize("validating", [True, False])
def test_going_on_from_any_state_ends_as_undisturbed(schedule: Schedule, validating: bool):
    """States of every epoch, that of the last included, as they come out of a file."""
    learned, validation = examples(30, 1, gaps=0.2), examples(6, 2, gaps=0.2) if validating else None
    kept: list[TrainState] = []
    whole = train(START, learned, validation, schedule, 5, on_checkpoint=kept.append, every=1)
    assert len(kept) == len(whole.losses)
    if validating and schedule.patience == 3:
        assert whole.epoch + 3 == len(whole.losses) < 40
    for epoch, state in enumerate(kept, start=1):
        read = TrainState.from_arrays(through_a_file(state.arrays()))
        assert read.epoch == epoch
        later: list[TrainState] = []
        again = train(
            START, learned, validation, schedule, 5, resume_from=read, on_checkpoint=later.append, every=1
        )
        assert same_trained(again, whole)
        assert [s.epoch for s in later] == list(range(epoch + 1, len(kept) + 1))
        for one, other in zip(later, kept[epoch:], strict=True):
            ours, theirs = one.arrays(), other.arrays()
            assert ours.keys() == theirs.keys()
            assert all(array.tobytes() == theirs[name].tobytes() for name, array in ours.items())


def test_a_state_hangs_on_nothing_that_comes_after_it():
    """It is copied: training goes on while it is written."""
    kept: list[TrainState] = []
    held: list[bytes] = []

    def keep(state: TrainState) -> None:
        kept.append(state)
        held.append(b"".join(array.tobytes() for array in state.arrays().values()))

    train(START, examples(30, 1), examples(6, 2), QUICK, 5, on_checkpoint=keep, every=4)
    assert [state.epoch for state in kept] == [4, 8, 12]
    assert held == [b"".join(array.tobytes() for array in state.arrays().values()) for state in kept]


def test_the_seed_alone_decides_the_order():
    learned, validation = examples(30, 1), examples(6, 2)
    one, same, other = (train(START, learned, validation, QUICK, seed) for seed in (5, 5, 6))
    assert same_trained(one, same)
    assert not same_trained(one, other)


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_it_stops_once_patience_is_spent_and_takes_the_best_weights_back(patience: int):
    learned, validation = examples(30, 1), examples(6, 2)
    kept: list[TrainState] = []
    schedule = Schedule(200, patience, 8, 5e-2)
    trained = train(START, learned, validation, schedule, 5, on_checkpoint=kept.append, every=1)
    errors = trained.losses[:, 1]
    assert len(errors) == trained.epoch + patience < 200
    assert trained.epoch == int(errors.argmin()) + 1
    assert trained.validation_loss == errors.min()
    assert trained.train_loss == trained.losses[trained.epoch - 1, 0]
    assert same_network(trained.network, kept[trained.epoch - 1].network)
    own = np.square(trained.network.forward(validation.inputs).astype(np.float64) - validation.outputs).mean()
    assert trained.validation_loss == pytest.approx(own, rel=1e-5)


def test_among_equal_epochs_the_first_is_best():
    """Nothing is learned, so that all are."""
    trained = train(START, examples(30, 1), examples(6, 2), Schedule(50, 4, 8, 0.0), 5)
    assert len(set(trained.losses[:, 1])) == 1
    assert (trained.epoch, len(trained.losses)) == (1, 5)
    assert same_network(trained.network, START)


def test_where_it_only_gets_worse_the_first_epoch_stays():
    learned = examples(30, 1)
    against = Examples(learned.inputs, (-3 * learned.outputs).astype(np.float32))
    trained = train(START, learned, against, Schedule(50, 4, 8, 3e-3), 5)
    assert (np.diff(trained.losses[:, 1]) > 0).all()
    assert (trained.epoch, len(trained.losses)) == (1, 5)


def test_where_it_gets_better_all_the_time_the_epochs_end_it():
    learned = examples(30, 1)
    trained = train(START, learned, learned, Schedule(9, 4, 8, 1e-3), 5)
    assert (np.diff(trained.losses[:, 1]) < 0).all()
    assert (trained.epoch, len(trained.losses)) == (9, 9)


def test_a_single_validation_line_with_a_single_output_that_counts_is_enough():
    validation = examples(1, 2)
    counted = np.array([[False, True, False, False]])
    trained = train(
        START, examples(30, 1), Examples(validation.inputs, validation.outputs, counted), QUICK, 5
    )
    off = trained.network.forward(validation.inputs)[0, 1] - validation.outputs[0, 1]
    assert trained.validation_loss == pytest.approx(float(off) ** 2, rel=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_told_and_the_best_weights_stay(bad: float):
    learned, validation = examples(30, 1), examples(6, 2)
    learned.inputs[3, 2] = bad
    trained = train(START, learned, validation, QUICK, 5)
    assert trained.failure == "the loss of epoch 1 is not finite"
    assert trained.epoch == len(trained.losses) == 0
    assert math.isnan(trained.train_loss)
    assert same_trained(TrainedNetwork.from_arrays(through_a_file(trained.arrays())), trained)


def test_a_training_that_runs_away_fails_from_every_state_alike():
    learned, validation = examples(30, 1), examples(6, 2)
    wild, kept = Schedule(50, 50, 8, 1e13), []
    whole = train(START, learned, validation, wild, 5, on_checkpoint=kept.append, every=1)
    assert whole.failure == f"the loss of epoch {len(whole.losses) + 1} is not finite"
    assert len(kept) == len(whole.losses) > 0
    assert np.isfinite(whole.network.weights[0]).all()
    for state in kept:
        assert same_trained(train(START, learned, validation, wild, 5, resume_from=state), whole)


@pytest.mark.parametrize("what", ["learned", "validation"])
def test_lines_of_which_nothing_counts_are_a_failure(what: str):
    lines = {"learned": examples(30, 1), "validation": examples(6, 2)}
    given = lines[what]
    for rows, counted in ((slice(0, 0), None), (slice(None), np.zeros(given.outputs.shape, dtype=bool))):
        bare = Examples(given.inputs[rows], given.outputs[rows], counted)
        trained = train(START, **lines | {what: bare}, schedule=QUICK, seed=5)
        assert trained.failure == f"no output of the {what} lines counts"
        assert same_network(trained.network, START)


def test_the_threads_of_torch_are_left_as_they_were():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(START, examples(30, 1), None, Schedule(1), 5, on_checkpoint=None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_examples_of_unequal_lines_are_caught():
    part = examples(30, 1)
    with pytest.raises(TypeCheckError, match="Examples"):
        Examples(part.inputs, part.outputs[:-1])
    with pytest.raises(TypeCheckError, match="Examples"):
        Examples(part.inputs.astype(np.float64), part.outputs)
