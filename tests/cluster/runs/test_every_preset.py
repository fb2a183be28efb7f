"""The tables of every preset are the same bytes for any shard size and any number of workers."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cluster import run
from cluster.store.reader import StoreReader
from modeling.candidates.registry import BUILT, PRESETS
from tests.made_datasets import TARGETS, tiny_dataset
from tests.stores import sorted_tables, table_bytes

pytestmark = pytest.mark.long

# The candidates of no preset, a new one among them.
REST = ",".join(sorted(set(BUILT) - {name for names in PRESETS.values() for name in names}))
HERE = ("quick", "careful", "published", REST)
ASKED: dict[str, Any] = {"methods": ("modifiers",), "folds": 2}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_dataset(tmp_path_factory.mktemp("tiny") / "dataset")


@pytest.fixture(scope="module")
def whole(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The store of a preset, every fold one shard, all targets together."""
    folder = tmp_path_factory.mktemp("whole")

    @cache
    def of(preset: str) -> Path:
        run(dataset, folder / preset, preset=preset, **ASKED, workers=0, shard_size=len(TARGETS))
        return folder / preset

    return of


@pytest.mark.timeout(300)  # four runs, which may have to compile first
def test_every_candidate_is_tried_here_and_most_targets_have_one(whole: Callable[[str], Path]):
    assert {"gp_noiseless", "forest", "xgboost+deep"} <= set(REST.split(","))
    for preset in HERE:
        tables = sorted_tables(whole(preset))
        assert tables["scores"].column("model").to_pylist().count("mean") <= 4
        assert len(set(tables["scores"].column("n_train").to_pylist())) > 2
        assert tables["candidates"].num_rows >= 10
        assert len(StoreReader.open(whole(preset)).commits()) == 3


# The other two are tried by `make test-torture`, and `published` below on Ray.
CUT = ("quick", REST, *(pytest.param(name, marks=pytest.mark.torture) for name in ("careful", "published")))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("preset", CUT)
def test_shard_size_changes_no_byte(dataset: Path, whole: Callable[[str], Path], tmp_path: Path, preset: str):
    """A shard a target; see the last test for shards of two."""
    run(dataset, tmp_path / "cut", preset=preset, **ASKED, workers=0, shard_size=1)
    assert table_bytes(tmp_path / "cut") == table_bytes(whole(preset))


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_workers_change_no_byte(dataset: Path, whole: Callable[[str], Path], tmp_path: Path):
    """Of `published`; see test_runs_on_ray for `quick`."""
    assert run(dataset, tmp_path / "ray", preset="published", **ASKED, workers=2, shard_size=2).sealed
    assert table_bytes(tmp_path / "ray") == table_bytes(whole("published"))
