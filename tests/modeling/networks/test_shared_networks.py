"""A fold's networks: that they go on from anywhere, and depend on nothing but the lines that are learned."""

from dataclasses import replace

import numpy as np
import pytest

from modeling.networks import shared_networks
from modeling.networks.shared_networks import (
    CODE,
    DECODER,
    DEPENDENCY,
    ENCODER,
    EXPRESSION,
    LATENT,
    PLAIN,
    Design,
    ScaledTrainingLines,
    TrainingCheckpoint,
    predict_by_networks,
    train_networks,
    validation_lines,
)
from modeling.networks.training_state import Schedule
from tests.modeling.networks_data import same_network, same_trained, through_a_file

SCHEDULE = Schedule(epochs=7, patience=2, batch=8, learning_rate=2e-2)
DESIGNS = {
    LATENT: Design(LATENT, (4, 4), 3, SCHEDULE),
    PLAIN: Design(PLAIN, (6, 6, 6), 3, SCHEDULE),
}


@pytest.fixture(autouse=True)
def small_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_networks, "EXPRESSION_UNITS", 6)
    monkeypatch.setattr(shared_networks, "DEPENDENCY_UNITS", 5)


def lines_of(n_lines: int = 40, gaps: float = 0.1, seed: int = 0) -> ScaledTrainingLines:
    """Expression and effects of one hidden cause each."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((n_lines, 3))
    expression = hidden @ rng.standard_normal((3, 14)) + 0.3 * rng.standard_normal((n_lines, 14))
    effect = hidden @ rng.standard_normal((3, 9)) + 0.3 * rng.standard_normal((n_lines, 9))
    counted = rng.random(effect.shape) >= gaps
    return ScaledTrainingLines(
        expression.astype(np.float32),
        np.where(counted, effect, 0).astype(np.float32),
        counted,
        validation_lines(n_lines, 1),
    )


@pytest.mark.parametrize("method", DESIGNS)
def test_going_on_from_any_checkpoint_ends_as_undisturbed(method: str):
    """Within a network, at its last epoch, and right after it is done."""
    schedule = replace(SCHEDULE, epochs=9, learning_rate=0.1)
    lines, design = lines_of(), replace(DESIGNS[method], schedule=schedule)
    kept: list[tuple[str, TrainingCheckpoint]] = []
    whole = train_networks(lines, design, on_checkpoint=lambda *told: kept.append(told), every=1)
    assert list(whole) == list(shared_networks.STAGES[method])
    assert len(kept) == sum(len(trained.losses) + 1 for trained in whole.values())
    assert any(len(trained.losses) < schedule.epochs for trained in whole.values())
    for place, (_, checkpoint) in enumerate(kept):
        read = TrainingCheckpoint.from_arrays(through_a_file(checkpoint.arrays()))
        assert read.done.keys() == checkpoint.done.keys()
        later: list[tuple[str, TrainingCheckpoint]] = []
        again = train_networks(lines, design, read, lambda *told: later.append(told), every=1)  # noqa: B023
        assert list(again) == list(whole)
        assert all(same_trained(again[name], whole[name]) for name in whole)
        assert [name for name, _ in later] == [name for name, _ in kept[place + 1 :]]


def test_a_network_that_is_in_training_is_told_with_those_that_are_done():
    told: list[tuple[str, list[str], bool]] = []
    train_networks(
        lines_of(),
        DESIGNS[LATENT],
        on_checkpoint=lambda name, at: told.append((name, list(at.done), at.state is None)),
        every=100,
    )
    names = [EXPRESSION, DEPENDENCY, CODE]
    assert told == [(name, names[: i + 1], True) for i, name in enumerate(names)]


def test_a_failed_network_is_the_last_also_when_training_goes_on():
    lines = lines_of()
    lines.expression[5, 5] = np.nan
    kept: list[TrainingCheckpoint] = []
    done = train_networks(lines, DESIGNS[LATENT], on_checkpoint=lambda _, checkpoint: kept.append(checkpoint))
    assert list(done) == [EXPRESSION]
    assert done[EXPRESSION].failure == "the loss of epoch 1 is not finite"
    again = train_networks(lines, DESIGNS[LATENT], kept[-1])
    assert list(again) == [EXPRESSION]
    assert same_trained(again[EXPRESSION], done[EXPRESSION])


@pytest.mark.parametrize("method", DESIGNS)
def test_what_is_not_counted_and_what_is_validation_change_no_weight(method: str):
    """Early stopping apart, which is what validation lines are for: so the epochs are fixed here."""
    lines = lines_of()
    design = replace(DESIGNS[method], schedule=replace(SCHEDULE, patience=99))
    rng = np.random.default_rng(1)
    garbled = ScaledTrainingLines(
        np.where(
            lines.validation[:, None], np.float32(9) * rng.permutation(lines.expression), lines.expression
        ),
        np.where(lines.validation[:, None], np.float32(9) * rng.permutation(lines.effect), lines.effect),
        lines.counted,
        lines.validation,
    )
    kept: list[list[TrainingCheckpoint]] = [[], []]
    for checkpoints, those in zip(kept, (lines, garbled), strict=True):
        train_networks(those, design, on_checkpoint=lambda _, at: checkpoints.append(at), every=7)  # noqa: B023
    one, other = (checkpoints[0].state for checkpoints in kept)
    assert one is not None
    assert other is not None
    assert one.epoch == other.epoch == 7
    assert same_network(one.network, other.network)
    assert not np.array_equal(one.losses[:, 1], other.losses[:, 1])


def test_a_gap_is_an_input_of_zero_and_no_output():
    """So the network of expression alone may have any number there; the autoencoder's input is its own."""
    lines = lines_of(gaps=0.3)
    other = ScaledTrainingLines(
        lines.expression,
        np.where(lines.counted, lines.effect, np.float32(7)),
        lines.counted,
        lines.validation,
    )
    one, two = (train_networks(those, DESIGNS[PLAIN])[PLAIN] for those in (lines, other))
    assert same_trained(one, two)


def test_the_code_network_learns_the_codes_of_the_autoencoders():
    lines, design = lines_of(), DESIGNS[LATENT]
    done = train_networks(lines, design)
    networks = {name: trained.network for name, trained in done.items()}
    assert {name: network.sizes for name, network in networks.items()} == {
        EXPRESSION: (14, 6, 6, 6, 14),
        DEPENDENCY: (9, 5, 5, 5, 9),
        CODE: (6, 4, 4, 5),
    }
    given = networks[EXPRESSION].forward(lines.expression, ENCODER)
    wanted = networks[DEPENDENCY].forward(lines.effect, ENCODER)
    told = networks[CODE].forward(given)
    off = np.square((told - wanted)[lines.validation].astype(np.float64)).mean()
    assert done[CODE].validation_loss == pytest.approx(off, rel=1e-5)
    expected = networks[DEPENDENCY].forward(told, DECODER)
    assert np.array_equal(predict_by_networks(networks, lines.expression), expected)


@pytest.mark.parametrize("method", DESIGNS)
def test_predictions_of_new_lines_follow_what_was_learned(method: str):
    everything = lines_of(280, gaps=0.05)
    lines = ScaledTrainingLines(
        everything.expression[:240],
        everything.effect[:240],
        everything.counted[:240],
        validation_lines(240, 1),
    )
    design = replace(DESIGNS[method], schedule=Schedule(60, 10, 16, 1e-2))
    done = train_networks(lines, design)
    new = predict_by_networks({name: t.network for name, t in done.items()}, everything.expression[240:])
    wanted = everything.effect[240:]
    r = [np.corrcoef(new[:, t], wanted[:, t])[0, 1] for t in range(9)]
    assert np.mean(r) > 0.7


def test_the_seed_decides_starts_and_orders_of_each_network():
    lines = lines_of()
    one, same, other = (train_networks(lines, replace(DESIGNS[LATENT], seed=seed)) for seed in (3, 3, 4))
    for name in one:
        assert same_trained(one[name], same[name])
        assert not same_trained(one[name], other[name])


@pytest.mark.parametrize(("n_lines", "n_validation"), [(1, 1), (4, 1), (14, 1), (26, 3), (786, 79)])
def test_a_tenth_of_the_lines_is_validation_and_one_at_least(n_lines: int, n_validation: int):
    validation = validation_lines(n_lines, 8)
    assert validation.sum() == n_validation
    assert np.array_equal(validation, validation_lines(n_lines, 8))
    if n_lines > 100:
        assert not np.array_equal(validation, validation_lines(n_lines, 9))
