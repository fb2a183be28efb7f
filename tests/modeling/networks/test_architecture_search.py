"""Which configurations are tried, that each is trained as if alone, and who has a say in the choice."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from modeling.networks import shared_networks
from modeling.networks.architecture_search import (
    Configuration,
    InnerSplit,
    Tried,
    configurations,
    judged_lines,
    mean_squared_error,
    search,
    search_network,
    training_values,
)
from modeling.networks.mlp import initial_perceptron
from modeling.networks.shared_networks import (
    CODE,
    LATENT,
    PLAIN,
    Design,
    ScaledTrainingLines,
    TrainingCheckpoint,
    validation_lines,
)
from modeling.networks.training_state import Examples, Schedule
from tests.modeling.networks_data import examples, same_trained
from tests.reference.adam import count_slow, forward_slow

GRID = list(product(range(1, 11), range(100, 1001, 100)))
SIZES = [1, 99, 100, 101, 300, 500, 535, 950, 1000, 1001, 4900, 17000]
SMALL = [Configuration(layers, units) for layers, units in ((1, 5), (2, 3), (2, 6), (3, 5))]
SCHEDULE = Schedule(epochs=5, patience=3, batch=8, learning_rate=2e-2)
DESIGNS = {method: Design(method, (3,), 7, SCHEDULE) for method in (LATENT, PLAIN)}


def without_seconds(tried: list[Tried]) -> list[Tried]:
    return [replace(each, seconds=0.0) for each in tried]


@pytest.mark.parametrize("n_values", [0, 30_000, 560_000, 15_000_000, 10**9])
def test_every_configuration_keeps_the_papers_rules(n_values: int):
    for n_inputs, n_outputs in product(SIZES, SIZES):
        low, high = min(n_inputs, n_outputs), max(n_inputs, n_outputs)
        between = [units for units in range(100, 1001, 100) if low <= units <= high]
        sized = [(layers, units) for layers, units in GRID if units in between or not between]
        weights = {own: count_slow_hidden(n_inputs, own, n_outputs) for own in sized}
        allowed = {own for own, count in weights.items() if count <= n_values}
        found = [(c.hidden_layers, c.units) for c in configurations(n_inputs, n_outputs, n_values, 12, 5)]
        assert found == sorted(set(found))
        if allowed:
            assert set(found) <= allowed
            assert len(found) == min(12, len(allowed))
        else:
            assert len(found) == 1
            assert weights[found[0]] == min(weights.values())


def count_slow_hidden(n_inputs: int, own: tuple[int, int], n_outputs: int) -> int:
    layers, units = own
    return (n_inputs + 1) * units + (layers - 1) * (units + 1) * units + (units + 1) * n_outputs


@pytest.mark.parametrize("own", [(1, 4), (3, 5), (10, 2)])
def test_weights_are_those_of_the_network(own: tuple[int, int]):
    configuration = Configuration(*own)
    sizes = (7, *configuration.hidden, 3)
    assert configuration.hidden == (own[1],) * own[0]
    assert configuration.weights(7, 3) == count_slow(sizes) == count_slow_hidden(7, own, 3)
    assert configuration.weights(7, 3) == sum(a.size for a in initial_perceptron(sizes, 0).arrays().values())


def test_the_papers_codes_leave_seven_and_its_plain_network_has_a_wide_choice():
    """700 lines. Its own 6 x 600 is none of them; 3 x 100 is allowed."""
    codes = configurations(500, 300, 700 * (500 + 300))
    assert {c.units for c in codes} == {300, 400, 500}
    assert len(codes) == 7
    plain = configurations(17_000, 4900, 700 * (17_000 + 4900), count=100)
    assert Configuration(3, 100) in plain
    assert {c.units for c in plain} == {100, 200, 300, 400, 500, 600}


def test_a_draw_hangs_on_the_seed_alone_and_every_configuration_has_its_turn():
    sizes = 500, 300, 10**8
    draws = [configurations(*sizes, count=12, seed=seed) for seed in range(30)]
    assert draws == [configurations(*sizes, count=12, seed=seed) for seed in range(30)]
    assert all(len(set(draw)) == 12 for draw in draws)
    assert len(set(map(tuple, draws))) == 30
    assert len(set().union(*draws)) == 30  # 10 numbers of layers x 300, 400, 500
    assert draws[0] != configurations(*sizes, count=12, seed=31)
    assert set(configurations(*sizes, count=3, seed=4)) <= set(draws[4])


def test_values_are_entries_that_count():
    part = examples(10, 0, n_inputs=7, n_outputs=4, gaps=0.5)
    assert part.counted is not None
    assert training_values(part) == 70 + int(part.counted.sum()) < 110
    assert training_values(Examples(part.inputs, part.outputs)) == 110


def inner_split(gaps: float = 0.2) -> InnerSplit:
    return InnerSplit(*(examples(n, seed, gaps=gaps) for n, seed in ((30, 1), (6, 2), (9, 3))))


def test_each_is_trained_as_if_alone():
    whole = search(inner_split(), SMALL, DESIGNS[PLAIN])
    assert [each.configuration for each in whole] == SMALL
    assert len({each.judged_loss for each in whole}) == 4
    backwards = search(inner_split(), SMALL[::-1], DESIGNS[PLAIN])[::-1]
    assert without_seconds(backwards) == without_seconds(whole)
    for each in whole:
        (alone,) = search(inner_split(), [each.configuration], DESIGNS[PLAIN])
        assert replace(alone, seconds=0.0, chosen=False) == replace(each, seconds=0.0, chosen=False)
        assert alone.chosen
        assert each.seconds > 0


def test_what_is_known_already_is_not_trained_again():
    told: list[Tried] = []
    whole = search(inner_split(), SMALL, DESIGNS[PLAIN], after=told.append)
    assert told == [replace(each, chosen=False) for each in whole]
    for known in range(5):
        again: list[Tried] = []
        already = {each.configuration: each for each in told[:known]}
        went_on = search(inner_split(), SMALL, DESIGNS[PLAIN], already, again.append)
        assert [each.configuration for each in again] == SMALL[known:]
        assert without_seconds(went_on) == without_seconds(whole)


def test_the_lowest_loss_is_chosen_and_of_equals_the_one_with_fewest_weights():
    def known(*losses: float) -> dict[Configuration, Tried]:
        return {c: Tried(c, c.weights(7, 4), 5, x, 1.0) for c, x in zip(SMALL, losses, strict=True)}

    def chosen(already: dict[Configuration, Tried]) -> list[int]:
        tried = search(inner_split(), SMALL, DESIGNS[PLAIN], already)
        return [place for place, each in enumerate(tried) if each.chosen]

    weights = [c.weights(7, 4) for c in SMALL]
    assert chosen(known(0.4, 0.3, 0.2, 0.3)) == [2]
    assert weights[1] < weights[2]
    assert chosen(known(0.4, 0.2, 0.2, 0.3)) == [1]
    assert chosen(known(0.2, 0.2, 0.2, 0.2)) == [weights.index(min(weights))]
    failed = {
        c: replace(each, judged_loss=np.nan, failure="no") for c, each in known(0.1, 0.1, 0.1, 0.1).items()
    }
    assert chosen(failed) == []
    assert chosen(failed | {SMALL[3]: known(0.1, 0.1, 0.1, 0.9)[SMALL[3]]}) == [3]
    # Whatever was chosen before counts for nothing.
    stale = {c: replace(each, chosen=True) for c, each in known(0.4, 0.3, 0.2, 0.3).items()}
    assert chosen(stale) == [2]


def test_a_training_that_fails_is_told_and_not_chosen():
    split = inner_split()
    split.learned.inputs[0, 0] = np.nan
    tried = search(split, SMALL, DESIGNS[PLAIN])
    assert {each.failure for each in tried} == {"the loss of epoch 1 is not finite"}
    assert not any(each.chosen for each in tried)
    assert all(np.isnan(each.judged_loss) for each in tried)


def test_judged_lines_of_which_nothing_counts_are_a_failure():
    split = inner_split()
    bare = Examples(split.judged.inputs, split.judged.outputs, np.zeros((9, 4), dtype=bool))
    tried = search(replace(split, judged=bare), SMALL, DESIGNS[PLAIN])
    assert {each.failure for each in tried} == {"the loss of the judged lines is not finite"}


def test_the_loss_is_that_of_a_plain_loop_over_what_counts():
    network, judged = initial_perceptron((7, 5, 4), 0), examples(9, 3, gaps=0.4)
    assert judged.counted is not None
    told = forward_slow(network.weights, network.biases, judged.inputs)
    squares = [(told[i][j] - judged.outputs[i, j]) ** 2 for i, j in np.argwhere(judged.counted)]
    assert mean_squared_error(network, judged) == pytest.approx(sum(squares) / len(squares), rel=1e-5)


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes of 6 and 5 units, and a grid around them."""
    monkeypatch.setattr(shared_networks, "EXPRESSION_UNITS", 6)
    monkeypatch.setattr(shared_networks, "DEPENDENCY_UNITS", 5)
    monkeypatch.setattr("modeling.networks.architecture_search.UNITS", range(5, 12))
    monkeypatch.setattr("modeling.networks.architecture_search.LAYERS", range(1, 4))


def lines_of(n_lines: int = 60) -> ScaledTrainingLines:
    part = examples(n_lines, 0, n_inputs=12, n_outputs=9, gaps=0.1)
    assert part.counted is not None
    return ScaledTrainingLines(part.inputs, part.outputs, part.counted, validation_lines(n_lines, 1))


@pytest.mark.usefixtures("small_networks")
@pytest.mark.parametrize("method", DESIGNS)
def test_a_search_goes_on_from_anywhere(method: str):
    checkpoints: list[TrainingCheckpoint] = []
    told: list[Tried] = []
    whole = search_network(
        lines_of(), DESIGNS[method], 5, on_checkpoint=lambda _, at: checkpoints.append(at), after=told.append
    )
    assert len(whole) == len(told) == 5
    assert sum(each.chosen for each in whole) == 1
    assert bool(checkpoints) == (method == LATENT)
    assert all(CODE not in checkpoint.done for checkpoint in checkpoints)
    known = {each.configuration: each for each in told[:2]}
    for checkpoint in checkpoints or [None]:
        went_on = search_network(lines_of(), DESIGNS[method], 5, resume_from=checkpoint, already=known)
        assert without_seconds(went_on) == without_seconds(whole)


@pytest.mark.usefixtures("small_networks")
@pytest.mark.parametrize("method", DESIGNS)
def test_judged_lines_change_no_network(method: str):
    """Garbled, they change what is told of the networks, not the networks: nor when they stop."""
    lines = lines_of()
    judged = judged_lines(len(lines.validation), DESIGNS[method].seed)[:, None]
    rng = np.random.default_rng(2)
    garbled = ScaledTrainingLines(
        np.where(judged, 9 * rng.permutation(lines.expression), lines.expression),
        np.where(judged, 9 * rng.permutation(lines.effect), lines.effect),
        lines.counted,
        ~lines.validation,  # has no say either
    )
    checkpoints: list[list[TrainingCheckpoint]] = [[], []]
    one, other = (
        search_network(those, DESIGNS[method], 5, on_checkpoint=lambda _, at: kept.append(at))  # noqa: B023
        for kept, those in zip(checkpoints, (lines, garbled), strict=True)
    )
    for ours, theirs in zip(*checkpoints, strict=True):
        assert all(same_trained(trained, theirs.done[name]) for name, trained in ours.done.items())
    for ours, theirs in zip(one, other, strict=True):
        assert (ours.configuration, ours.epochs) == (theirs.configuration, theirs.epochs)
        assert ours.judged_loss != theirs.judged_loss


@pytest.mark.usefixtures("small_networks")
def test_where_an_autoencoder_fails_nothing_is_tried():
    lines = lines_of()
    kept = np.flatnonzero(~judged_lines(60, DESIGNS[LATENT].seed))
    lines.expression[kept] = np.nan
    assert search_network(lines, DESIGNS[LATENT]) == []


@pytest.mark.parametrize(("n_lines", "n_judged"), [(1, 1), (7, 1), (60, 12), (786, 157)])
def test_a_fifth_of_the_lines_is_judged_by_and_one_at_least(n_lines: int, n_judged: int):
    judged = judged_lines(n_lines, 3)
    assert judged.sum() == n_judged
    assert np.array_equal(judged, judged_lines(n_lines, 3))
