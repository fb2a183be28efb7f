"""Files of arrays: their bytes never change, since stores hold the sha256 of files written years before."""

import hashlib

import numpy as np
import pytest
from safetensors.numpy import save

from modeling.kernels.kernels import Laplacian
from modeling.networks.mlp import Perceptron
from modeling.networks.scaling import EffectScaling, GeneScaling
from modeling.profiles.drug_ranking import DrugWeights, Ranking
from tasks.artifacts.codec import Codec
from tasks.artifacts.files import (
    networks_bytes,
    networks_of,
    ranking_bytes,
    ranking_of,
    training_bytes,
    training_of,
)
from tasks.errors import BadInputError

LINES, GENES, TARGETS, DRUGS = ("ACH-1", "ACH-2", "ACH-é"), ("B", "A (1)"), ("A", "*"), ("D2", "D1")
EXPRESSION = np.arange(6, dtype=np.float32).reshape(3, 2) / 7


def layer(outputs: int, inputs: int) -> np.ndarray:
    return np.arange(outputs * inputs, dtype=np.float32).reshape(outputs, inputs) / 3


def network_file() -> bytes:
    small = Perceptron((layer(3, 2), layer(2, 3)), (layer(1, 3)[0], layer(1, 2)[0]))
    scaling = GeneScaling(np.arange(2), layer(1, 2)[0], layer(1, 2)[0] + 1)
    effect = EffectScaling(layer(1, 2)[0], 0.1)
    return networks_bytes({"plain": small, "encoder": small}, GENES, TARGETS, scaling, effect, "diverged")


def ranking_file() -> bytes:
    numbers = np.arange(6, dtype=np.float64).reshape(3, 2) / 11
    weights = {
        features: DrugWeights(numbers[i], numbers + i, numbers - i)
        for i, features in enumerate(("expression", "dependency", "both"))
    }
    model = Ranking(Laplacian(0.5, 0.9), weights, numbers[0], numbers[1], np.array([3, 2]))
    return ranking_bytes(GENES, DRUGS, LINES, EXPRESSION, model)


PINNED = {  # from the code of version 0.1.0, where each kind of file had a codec of its own
    "training": "8bdea3b1d3eb328e40fdcea9b7e8015dc78ecb2558bf1ea5cb29c20b43818d82",
    "networks": "6a68bd45e13b3bcc461b169920343e8f8006d67b39d1f91ebd87c43630e1266c",
    "ranking": "e5d46dda38f79a3e88817142faf2097c466a97e0d707180e9f38b8b152eb5259",
}


def test_bytes_are_those_of_the_first_release():
    files = {
        "training": training_bytes(LINES, GENES, EXPRESSION),
        "networks": network_file(),
        "ranking": ranking_file(),
    }
    assert {kind: hashlib.sha256(data).hexdigest() for kind, data in files.items()} == PINNED


def test_what_is_written_is_what_is_read():
    training = training_of(training_bytes(LINES, GENES, EXPRESSION))
    assert (training.cell_lines, training.genes) == (LINES, GENES)
    np.testing.assert_array_equal(training.expression, EXPRESSION)
    shared = networks_of(network_file())
    assert (shared.genes, shared.targets, shared.failure) == (GENES, TARGETS, "diverged")
    assert sorted(shared.networks) == ["encoder", "plain"]
    np.testing.assert_array_equal(shared.networks["plain"].weights[1], layer(2, 3))
    ranking = ranking_of(ranking_file())
    assert (ranking.genes, ranking.drugs, ranking.cell_lines) == (GENES, DRUGS, LINES)
    assert ranking.model.kernel == Laplacian(0.5, 0.9)
    np.testing.assert_array_equal(ranking.model.weights["both"].laplacian[1], np.array([2, 3]) / 11 - 2)


NEW = Codec("toy file", newest=3, metadata_array="about")


def test_a_newer_format_is_refused_and_older_ones_are_read():
    data = NEW.write({"a": EXPRESSION}, {"names": ["x"]})
    arrays, metadata = Codec("toy file", newest=4, metadata_array="about").read(data)
    assert list(arrays) == ["a"]
    assert metadata == {"names": ["x"], "format": 3}
    with pytest.raises(BadInputError, match=r"toy file of format 3, .* reads format 2 and older: install"):
        Codec("toy file", newest=2, metadata_array="about").read(data)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", save({"a": EXPRESSION}), network_file()])
def test_a_file_of_another_kind_is_refused_by_name(data: bytes):
    with pytest.raises(BadInputError, match="toy file: the file is of another kind"):
        NEW.read(data)


def test_the_layout_of_memory_does_not_matter():
    """safetensors alone would write an array in Fortran order with its values in the wrong places."""
    assert NEW.write({"a": np.asfortranarray(EXPRESSION)}, {}) == NEW.write({"a": EXPRESSION}, {})
    assert NEW.write({"a": EXPRESSION[::-1]}, {}) != NEW.write({"a": EXPRESSION}, {})
