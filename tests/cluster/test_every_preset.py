"""The tables of every preset are the same bytes for any shard size and any number of workers."""

from pathlib import Path

import pytest

from cluster import run
from cluster.store.reader import StoreReader
from modeling.candidates import BUILT, PRESETS
from tests.made_datasets import TARGETS, tiny_dataset
from tests.stores import sorted_tables, table_bytes

REST = "gp_noiseless,forest,xgboost+deep"  # the candidates of neither preset
HERE = ("quick", "published", REST)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_dataset(tmp_path_factory.mktemp("tiny") / "dataset")


@pytest.fixture(scope="module")
def whole(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A store of each preset, every fold one shard, all targets together."""
    folder = tmp_path_factory.mktemp("whole")
    for number, preset in enumerate(HERE):
        run(dataset, folder / str(number), preset=preset, workers=0, folds=2, shard_size=len(TARGETS))
    return {preset: folder / str(number) for number, preset in enumerate(HERE)}


def test_every_candidate_is_tried_here_and_most_targets_have_one(whole: dict[str, Path]):
    assert {name for preset in HERE for name in PRESETS.get(preset, preset.split(","))} == set(BUILT)
    for store in whole.values():
        tables = sorted_tables(store)
        assert tables["scores"].column("model").to_pylist().count("mean") <= 4
        assert len(set(tables["scores"].column("n_train").to_pylist())) > 2
        assert tables["candidates"].num_rows >= 10
        assert len(StoreReader.open(store).commits()) == 3


@pytest.mark.parametrize("preset", HERE)
@pytest.mark.parametrize("size", [1, 3])
def test_shard_size_changes_no_byte(
    dataset: Path, whole: dict[str, Path], tmp_path: Path, preset: str, size: int
):
    run(dataset, tmp_path / "cut", preset=preset, workers=0, folds=2, shard_size=size)
    assert table_bytes(tmp_path / "cut") == table_bytes(whole[preset])


@pytest.mark.ray
@pytest.mark.timeout(300)
@pytest.mark.parametrize("preset", HERE[1:])
def test_workers_change_no_byte(dataset: Path, whole: dict[str, Path], tmp_path: Path, preset: str):
    assert run(dataset, tmp_path / "ray", preset=preset, workers=2, folds=2, shard_size=2).sealed
    assert table_bytes(tmp_path / "ray") == table_bytes(whole[preset])
