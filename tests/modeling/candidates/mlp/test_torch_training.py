from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

from modeling.candidates.mlp.compiled import train_alone
from modeling.candidates.mlp.torch_stacks import stack_of
from modeling.candidates.mlp.torch_training import train
from modeling.candidates.mlp.training import (
    RELU_UNITS,
    Network,
    TargetExamples,
    forward,
    initial_weights,
    padded_width,
    plan_epoch,
)
from tests.reference.deep import masks_and_order, train_slow
from tests.reference.hard_data import signal


def lines_of(n_lines, n_features, seed):
    features, effect = signal(n_lines, n_features, seed)
    return TargetExamples(features.astype(np.float32), effect.astype(np.float32))


def network_of(n_features, seed, epochs=30, patience=100):
    validation = lines_of(20, n_features, seed + 100)
    weights = initial_weights(seed, n_features)
    return Network(lines_of(75, n_features, seed), weights, epochs, validation, patience)


@pytest.mark.parametrize("trainer", [partial(train, slots=64, device="cpu"), train_alone])
def test_the_loss_curves_are_those_of_a_plain_loop(trainer):
    """75 lines: two full batches and one of 11."""
    networks = [network_of(n, seed) for seed, n in enumerate((3, 41, 60))]
    for seed, (network, trained) in enumerate(zip(networks, trainer(networks, 5), strict=True)):
        lone, best, losses, validation = train_slow(
            network.train.features,
            network.train.effect,
            seed,
            5,
            30,
            (network.validation.features, network.validation.effect),
        )
        assert trained.epoch == best
        np.testing.assert_allclose(trained.train_loss, losses, rtol=1e-4)
        np.testing.assert_allclose(trained.validation_loss, validation, rtol=1e-4)
        for ours, theirs in zip(trained.weights, lone.layers, strict=True):
            np.testing.assert_allclose(ours, theirs.weight.detach().numpy().T, rtol=0, atol=1e-4)
        for ours, theirs in zip(trained.biases, lone.layers, strict=True):
            np.testing.assert_allclose(ours, theirs.bias.detach().numpy(), rtol=0, atol=1e-4)


def test_a_first_step_changes_the_loss_as_the_gradient_says():
    """Backward against central differences in float64, at the first weights and without dropout."""
    lines, weights = lines_of(32, 5, 0), initial_weights(0, 5)
    stack = stack_of([lines], [], [weights], "cpu")
    with torch.no_grad():
        stack.step(torch.arange(32), [None] * len(RELU_UNITS))
    biases = tuple(np.zeros(n, dtype=np.float32) for n in (*RELU_UNITS, 1))

    def loss(changed):
        return np.mean((forward(lines.features.astype(float), changed, biases) - lines.effect) ** 2)

    rng = np.random.default_rng(0)
    for layer, own in enumerate(weights):
        way = rng.standard_normal(own.shape).astype(np.float32) * 1e-3
        ends = [
            loss(tuple(w + sign * way if i == layer else w for i, w in enumerate(weights)))
            for sign in (1, -1)
        ]
        gradient = stack.weights[layer].grad[0].numpy()[: len(own)]
        assert (ends[0] - ends[1]) / 2 == pytest.approx(float((gradient * way).sum()), rel=2e-2, abs=1e-6)


def test_padding_and_empty_slots_stay_at_zero():
    lines, weights = [lines_of(40, 7, i) for i in range(3)], [initial_weights(i, 7) for i in range(3)]
    stack = stack_of(lines, [], weights, "cpu")
    with torch.no_grad():
        for first in (0, 20, 0):
            stack.step(torch.arange(first, first + 20), [None] * len(RELU_UNITS))
    assert torch.count_nonzero(stack.weights[0][:, 7:]) == 0
    for tensor in (*stack.weights, *stack.biases):
        assert torch.count_nonzero(tensor[3:]) == 0
        assert torch.count_nonzero(tensor[:3]) > 0
    moments = [state["exp_avg"] for state in stack.optimiser.state.values()]
    assert all(torch.count_nonzero(moment[3:]) == 0 for moment in moments)


def test_a_shrinking_stack_changes_nothing():
    """Networks end in every order; those that go on are moved to other slots, their moments with them."""
    networks = [network_of(4, seed, epochs=2 + 5 * (seed * 7 % 40 // 2)) for seed in range(40)]
    together = train(networks, 1, 64, "cpu")
    for i in (0, 11, 25, 39):
        (lone,) = train([networks[i]], 1, 64, "cpu")
        assert lone.train_loss == together[i].train_loss
        assert lone.validation_loss == together[i].validation_loss
        assert [w.tobytes() for w in lone.weights] == [w.tobytes() for w in together[i].weights]


def test_networks_trained_one_after_another_end_and_fail_by_themselves():
    networks = [network_of(4 + seed, seed, epochs=2 + 5 * (seed * 7 % 40 // 2)) for seed in range(6)]
    huge = TargetExamples(networks[0].train.features, np.full(75, np.inf, dtype=np.float32))
    networks.insert(3, replace(networks[0], train=huge))
    together = train_alone(networks, 1)
    assert together[3].failure == "the loss is not finite in epoch 1"
    for network, trained in zip(networks, together, strict=True):
        (lone,) = train_alone([network], 1)
        assert np.array_equal(
            [lone.train_loss, lone.validation_loss],
            [trained.train_loss, trained.validation_loss],
            equal_nan=True,
        )
        assert [w.tobytes() for w in (*lone.weights, *lone.biases)] == [
            w.tobytes() for w in (*trained.weights, *trained.biases)
        ]


@pytest.mark.parametrize("trainer", [partial(train, slots=64, device="cpu"), train_alone])
def test_training_stops_after_so_many_epochs_without_a_better_one(trainer):
    (trained,) = trainer([network_of(3, 2, epochs=400, patience=5)], 0)
    assert len(trained.validation_loss) == trained.epoch + 5
    assert min(trained.validation_loss) == trained.validation_loss[trained.epoch - 1]


def test_an_epochs_chance_is_that_of_the_methods():
    plan = plan_epoch(3, 50, 7)
    order, masks = masks_and_order(3, 50, 7)
    np.testing.assert_array_equal(plan.order, order)
    for ours, theirs in zip(plan.factors[:3], masks, strict=False):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-7)
    assert plan.factors[3] is None
    rates = [float(np.mean(f == 0)) for f in plan_epoch(0, 5000, 1).factors[:3]]
    np.testing.assert_allclose(rates, (0.4, 0.2, 0.1), atol=0.01)
    assert not np.array_equal(plan_epoch(3, 50, 8).order, plan.order)


def test_first_weights_fill_glorots_range():
    weights = initial_weights(1, 30)
    for layer, (inputs, outputs) in zip(weights, pairwise((30, *RELU_UNITS, 1)), strict=True):
        limit = np.sqrt(6 / (inputs + outputs))
        assert layer.shape == (inputs, outputs)
        assert 0.7 * limit < np.abs(layer).max() <= limit
    assert initial_weights(2, 30)[0].tobytes() != weights[0].tobytes()


def test_padded_widths_are_whole_steps():
    assert [padded_width(n) for n in (1, 60, 61, 120)] == [60, 60, 120, 120]


def test_networks_that_cannot_stand_together_are_refused():
    with pytest.raises(ValueError, match="number 1 has 41 and 60"):
        stack_of([lines_of(40, 5, 0), lines_of(41, 5, 0)], [], [initial_weights(0, 5)] * 2, "cpu")
    with pytest.raises(ValueError, match="number 1 has 40 and 120"):
        stack_of([lines_of(40, 5, 0), lines_of(40, 61, 0)], [], [initial_weights(0, 5)] * 2, "cpu")
