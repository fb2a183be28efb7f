"""Where a training stands, kept in a store: what is found again, what is passed over, what is removed."""

from pathlib import Path

import numpy as np
import pytest

from cluster.store.layout import checkpoint_of
from cluster.store.places.local import LocalFileSystem
from cluster.worker.checkpoints import KEPT, Checkpoints, trainings
from modeling.networks.shared_networks import Design, ScaledTrainingLines, TrainingCheckpoint, train_networks
from modeling.networks.training_state import Schedule

KEY = "a" * 64


@pytest.fixture(scope="module")
def saved() -> list[tuple[str, TrainingCheckpoint]]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 6)).astype(np.float32)
    lines = ScaledTrainingLines(x, x[:, :4].copy(), np.ones((20, 4), dtype=bool), np.arange(20) < 3)
    kept: list[tuple[str, TrainingCheckpoint]] = []
    design = Design("latent", (5,), 0, Schedule(epochs=4, patience=9))
    train_networks(lines, design, on_checkpoint=lambda *saved: kept.append(saved), every=2)
    return kept


def same(a: TrainingCheckpoint | None, b: TrainingCheckpoint) -> bool:
    assert a is not None
    left, right = a.arrays(), b.arrays()
    return left.keys() == right.keys() and all(
        np.array_equal(left[k], right[k], equal_nan=True) for k in left
    )


def test_the_furthest_checkpoint_is_found_and_two_are_kept(tmp_path: Path, saved: list):
    fs = LocalFileSystem(tmp_path)
    checkpoints = Checkpoints(fs, KEY)
    assert checkpoints.last() is None
    assert len(saved) == 9  # each network after 2 and 4 epochs, and done
    for i, (name, checkpoint) in enumerate(saved):
        checkpoints.write(name, checkpoint)
        assert same(checkpoints.last(), checkpoint)
        assert len(fs.paths("checkpoints/")) == min(i + 1, KEPT)
    assert trainings(fs) == {KEY: "network code, 12 epochs in all, 3 networks done"}
    checkpoints.clear()
    assert checkpoints.last() is None
    assert trainings(fs) == {}


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, saved: list):
    fs = LocalFileSystem(tmp_path)
    checkpoints = Checkpoints(fs, KEY)
    for name, checkpoint in saved[:2]:
        checkpoints.write(name, checkpoint)
    first, second = fs.paths("checkpoints/")
    data = bytearray(Path(fs.location(second)).read_bytes())
    data[len(data) // 2] ^= 1
    Path(fs.location(second)).write_bytes(data)
    assert same(checkpoints.last(), saved[0][1])
    Path(fs.location(first)).write_bytes(b"")
    assert checkpoints.last() is None


def test_what_another_trainer_keeps_of_the_same_shard_is_the_same_file(tmp_path: Path, saved: list):
    fs = LocalFileSystem(tmp_path)
    for _ in range(2):
        Checkpoints(fs, KEY).write(*saved[0])
    assert len(fs.paths("checkpoints/")) == 1


def test_names_are_told_apart_from_others(tmp_path: Path, saved: list):
    fs = LocalFileSystem(tmp_path)
    Checkpoints(fs, KEY).write(*saved[0])
    (path,) = fs.paths("checkpoints/")
    assert checkpoint_of(path)[:2] == (KEY, "000002-0-expression")
    assert checkpoint_of(path + ".tmp") is None
    assert checkpoint_of("checkpoints/x/y.safetensors") is None
