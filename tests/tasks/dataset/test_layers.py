"""Layers of a Dataset: kept as given, part of the hash, unknown to Datasets that have none."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tasks.dataset.checks import check_inputs
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.dataset.layers import Layer
from tasks.errors import BadInputError
from tasks.fitting.fold import panel_of

LINES, GENES = ["A", "B", "C"], ["TP53", "KRAS"]
VALUES = np.array([[0.5, 1.0], [2.0, 3.0], [4.0, 5.0]], dtype=np.float32)
MUTATIONS = Layer(
    "mutations", ("TP53 hotspot", "TP53 damaging"), np.array([[0, 1], [np.nan, np.nan], [2, 0]], np.float32)
)
COPIES = Layer("copy_number", ("KRAS",), np.array([[1.0], [1.5], [np.nan]], dtype=np.float32))


def small(out: Path, *layers: Layer) -> Dataset:
    return write_dataset(
        out, expression=VALUES, effect=VALUES, cell_lines=LINES, genes=GENES, targets=GENES, layers=layers
    )


def test_layers_are_kept_in_one_order(tmp_path: Path):
    opened = Dataset.open(small(tmp_path / "d", COPIES, MUTATIONS).path)
    opened.verify()
    assert [layer.name for layer in opened.layers] == ["mutations", "copy_number"]
    assert opened.layers[0].features == MUTATIONS.features
    np.testing.assert_array_equal(opened.layers[0].values, MUTATIONS.values)
    assert isinstance(opened.layers[1].values, np.memmap)
    assert opened.layers[0].measured.tolist() == [True, False, True]
    assert opened.content_hash == small(tmp_path / "e", MUTATIONS, COPIES).content_hash


def test_any_change_of_a_layer_changes_the_hash(tmp_path: Path):
    changes = [
        (),
        (COPIES,),
        (MUTATIONS,),
        (MUTATIONS, COPIES),
        (replace(COPIES, name="protein"),),
        (replace(COPIES, features=("NRAS",)),),
        (replace(COPIES, values=COPIES.values + 1),),
    ]
    hashes = {small(tmp_path / str(i), *layers).content_hash for i, layers in enumerate(changes)}
    assert len(hashes) == len(changes)


def test_a_dataset_without_layers_is_written_as_before_there_were_any(tmp_path: Path):
    dataset = small(tmp_path / "d")
    body = json.loads((tmp_path / "d" / "dataset.json").read_text())
    assert (body["format"], "layers" in body) == (1, False)
    # As release 0.1 hashed these very values.
    assert dataset.content_hash == "05c1f702899bc58d8424e01e9f12432da39d67ad739f61fe8a68f6e5ab386325"
    small(tmp_path / "e", COPIES)
    assert json.loads((tmp_path / "e" / "dataset.json").read_text())["format"] == 2


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (replace(COPIES, name="methylation"), "expected one of"),
        (replace(MUTATIONS, features=("A", "A")), "twice"),
        (replace(COPIES, values=COPIES.values[:2]), "its ids give"),
        (replace(COPIES, values=np.full((3, 1), np.inf, dtype=np.float32)), "infinite"),
    ],
)
def test_layers_that_do_not_fit_leave_nothing_behind(tmp_path: Path, layer: Layer, words: str):
    with pytest.raises(ValueError, match=words):
        small(tmp_path / "d", layer)
    with pytest.raises(ValueError, match="twice"):
        small(tmp_path / "d", COPIES, COPIES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["layers.parquet", "layer_copy_number.npy"])
@pytest.mark.parametrize("harm", ["gone", "cut"])
def test_a_missing_or_cut_file_is_named(tmp_path: Path, name: str, harm: str):
    small(tmp_path / "d", COPIES)
    victim = tmp_path / "d" / name
    content = victim.read_bytes()
    victim.unlink()
    if harm == "cut":
        victim.write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInputError, match=name):
        Dataset.open(tmp_path / "d")


def test_a_changed_value_is_found_by_verify(tmp_path: Path):
    small(tmp_path / "d", COPIES)
    path = tmp_path / "d" / "layer_copy_number.npy"
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="content hash"):
        Dataset.open(tmp_path / "d").verify()


def test_a_panel_holds_layers_only_where_they_are_used(tmp_path: Path):
    dataset = small(tmp_path / "d", COPIES)
    np.testing.assert_array_equal(panel_of(dataset).layers[0].values, COPIES.values)
    assert panel_of(dataset, inputs="expression").layers == ()
    check_inputs(dataset, "all")
    plain = small(tmp_path / "e")
    check_inputs(plain, "expression")
    with pytest.raises(
        BadInputError, match="--inputs all: it holds expression alone; import it with one of "
    ):
        check_inputs(plain, "all")
