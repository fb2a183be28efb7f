"""The explorer's index: the same numbers as the store's tables, made whole or not at all."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.explorer.index import KEPT, Index, build_index, index_key
from cluster.store.reader import StoreReader
from cluster.views.genes import genes_table
from cluster.views.genes_blocks import genes_in_blocks
from tests.made_stores import BODY, made_commit, made_store, made_writer, units_of

TARGETS = ("A", "B", "flat1", "lone1", "none1", *(f"T{n}" for n in range(20)))
TWINS = [{"number": n, "name": f"f{n}", "n_test": 12, "control": n == 2} for n in range(3)]


@pytest.fixture
def reader(tmp_path: Path) -> StoreReader:
    """Two methods with unequal targets, a control fold, a target without any result."""
    writer = made_writer(tmp_path / "store", BODY | {"folds": TWINS})
    writer.add_plan(units_of([*TARGETS, "unborn"], range(3)))
    for fold in range(3):
        made_commit(writer, units_of(TARGETS[:9], [fold]))
        made_commit(writer, units_of(TARGETS[9:], [fold]))
        made_commit(writer, units_of(TARGETS[4:], [fold], "ridge"))
    return StoreReader.open(tmp_path / "store")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_genes_in_blocks_are_those_of_the_whole_to_the_bit(reader: StoreReader, size: int):
    shares: list[float] = []
    assert genes_in_blocks(reader, shares.append, size).equals(genes_table(reader))
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_an_index_gives_the_stores_predictions(reader: StoreReader, tmp_path: Path):
    build_index(reader, tmp_path / "index", lambda share: None)
    index = Index.open(tmp_path / "index")
    rows = reader.table("predictions").to_pandas()
    counted = rows[rows["fold"] != 2]
    for target in TARGETS:
        key = ["method", "fold", "cell_line"]
        mine = index.predictions(target).sort_values(key, ignore_index=True)
        expected = counted[counted["target"] == target].sort_values(key, ignore_index=True)
        assert mine[key].equals(expected[key].astype(mine[key].dtypes))
        for side in ("measured", "predicted"):
            np.testing.assert_array_equal(mine[side].to_numpy(), expected[side].to_numpy(np.float32))
    assert index.predictions("unborn").empty
    pd.testing.assert_frame_equal(index.genes, genes_table(reader).to_pandas())


def test_a_store_that_grew_has_another_index(reader: StoreReader, tmp_path: Path):
    before = index_key(reader)
    made_commit(made_writer(tmp_path / "store", BODY | {"folds": TWINS}), units_of(["unborn"], [0]))
    assert index_key(reader) == before
    reader.refresh()
    assert index_key(reader) != before


def test_an_index_that_is_not_whole_is_none(reader: StoreReader, tmp_path: Path):
    with pytest.raises(RuntimeError, match="stopped"):
        build_index(reader, tmp_path / "cache" / "index", _stop)
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(OSError, match=r"index\.json"):
        Index.open(tmp_path / "cache" / "index")


def _stop(share: float) -> None:
    raise RuntimeError("stopped")


def test_the_cache_keeps_the_newest(tmp_path: Path):
    made_store(tmp_path / "store")
    reader = StoreReader.open(tmp_path / "store")
    for number in range(KEPT + 2):
        build_index(reader, tmp_path / "cache" / str(number), lambda share: None)
    kept = {path.name for path in (tmp_path / "cache").iterdir()}
    assert len(kept) == KEPT
    assert str(KEPT + 1) in kept
