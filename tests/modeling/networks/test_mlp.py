import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from modeling.networks.mlp import Perceptron, count_weights, initial_perceptron
from tests.modeling.networks_data import same_network, through_a_file
from tests.reference.adam import count_slow, forward_slow

SIZES = (7, 5, 3, 5, 7)


def network_of(sizes: tuple[int, ...] = SIZES, seed: int = 0) -> Perceptron:
    """With biases that are not 0."""
    rng = np.random.default_rng(seed)
    biases = tuple(rng.standard_normal(n).astype(np.float32) for n in sizes[1:])
    return Perceptron(initial_perceptron(sizes, seed).weights, biases)


@pytest.mark.parametrize("sizes", [SIZES, (4, 2), (1, 1, 1)])
def test_forward_is_that_of_a_plain_loop(sizes: tuple[int, ...]):
    network = network_of(sizes)
    inputs = 3 * np.random.default_rng(1).standard_normal((6, sizes[0])).astype(np.float32)
    expected = forward_slow(network.weights, network.biases, inputs)
    np.testing.assert_allclose(network.forward(inputs), expected, rtol=0, atol=2e-6)
    assert network.forward(inputs[:0]).shape == (0, sizes[-1])


def test_encoder_and_decoder_are_the_whole_in_two_steps_and_inputs_stay():
    network = network_of()
    inputs = np.random.default_rng(1).standard_normal((6, 7)).astype(np.float32)
    before = inputs.copy()
    codes = network.forward(inputs, slice(0, 2))
    assert codes.shape == (6, 3)
    assert np.abs(codes).max() < 1
    assert np.array_equal(network.forward(codes, slice(2, 4)), network.forward(inputs))
    assert np.array_equal(inputs, before)


def test_no_bit_hangs_on_how_many_threads_the_caller_allows():
    network = network_of((501, 300, 77))
    inputs = np.random.default_rng(1).standard_normal((71, 501)).astype(np.float32)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(network.forward(inputs))
    assert np.array_equal(*found)


def test_a_file_gives_the_network_back():
    network = network_of()
    both = network.arrays("a.") | network_of((2, 3), 1).arrays("b.")
    read = through_a_file(both)
    assert same_network(Perceptron.from_arrays(read, "a."), network)
    assert Perceptron.from_arrays(read, "b.").sizes == (2, 3)
    assert Perceptron.from_arrays(read, "none.").weights == ()


def test_the_start_fills_glorots_range_and_hangs_on_the_seed():
    start = initial_perceptron((40, 30, 20), 5)
    for weights, reach in zip(start.weights, (np.sqrt(6 / 70), np.sqrt(6 / 50)), strict=True):
        assert 0.9 * reach < np.abs(weights).max() <= reach
        assert np.abs(weights.mean()) < 0.1 * reach
    assert not any(biases.any() for biases in start.biases)
    assert same_network(start, initial_perceptron((40, 30, 20), 5))
    assert not same_network(start, initial_perceptron((40, 30, 20), 6))


@pytest.mark.parametrize("sizes", [SIZES, (500, *(600,) * 6, 300), (3, 1)])
def test_weights_are_counted_as_there_are(sizes: tuple[int, ...]):
    assert count_weights(sizes) == count_slow(sizes)
    start = initial_perceptron(sizes, 0)
    assert count_weights(sizes) == sum(array.size for array in start.arrays().values())
    assert start.sizes == sizes
