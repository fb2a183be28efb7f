"""The explorer's index: the same numbers as the store's tables, made whole or not at all."""

from pathlib import Path

import pandas as pd
import pytest

from cluster.answers.gene import gene_page
from cluster.explorer.index import KEPT, Index, build_index, index_key
from cluster.explorer.reader import KeptReader
from cluster.explorer.target_tables import KEPT_TABLES, TargetTables, write_tables
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from cluster.views.genes import genes_table
from cluster.views.genes_blocks import committed_targets, genes_in_blocks
from tasks.tables.schemas import TABLES
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


@pytest.mark.parametrize("size", [8, 16, 1000])
def test_tables_by_target_give_the_stores_rows(reader: StoreReader, tmp_path: Path, size: int):
    targets = committed_targets(reader)
    assert sorted(targets) == sorted(TARGETS)
    assert list(write_tables(reader, tmp_path, targets, size))[-1] == 1
    tables = TargetTables.open(tmp_path, targets)
    for name, columns in KEPT_TABLES.items():
        wanted = columns and list(columns)
        for only in (["A"], ["T19", "flat1", "B"], ["unborn"], targets):
            expected = reader.table(name, wanted, only)
            key = [column for column in TABLES[name].key if column in expected.column_names]
            assert sort_rows(tables.rows(name, wanted, only, None), key).equals(expected)
        ridge = [*reader.pieces(name, wanted, ["T9"], "ridge")]
        assert sum(map(len, ridge)) == len(tables.rows(name, wanted, ["T9"], "ridge"))
    assert not tables.has("models", ["weights"])
    assert not tables.has("searches", None)


@pytest.mark.long
def test_an_index_has_the_stores_genes_and_its_answers(reader: StoreReader, tmp_path: Path):
    build_index(kept(tmp_path), tmp_path / "cache" / "index", lambda share: None)
    index = Index.open(tmp_path / "cache" / "index")
    pd.testing.assert_frame_equal(index.genes, genes_table(reader).to_pandas())
    quick = kept(tmp_path)
    quick.tables = index.tables
    for target in TARGETS:
        one, other = gene_page(reader, target), gene_page(quick, target)
        assert str(one) == str(other)
        pd.testing.assert_frame_equal(one.summary, other.summary)
        pd.testing.assert_frame_equal(one.modifiers, other.modifiers)


def test_a_kept_reader_reads_what_is_costly_once(reader: StoreReader, tmp_path: Path):
    quick, made = kept(tmp_path), []
    for _ in range(2):
        quick.remember("x", lambda: made.append(1))
    assert made == [1]
    assert quick.wanted_units() == reader.wanted_units()
    assert quick.wanted_units() is quick.wanted_units()
    assert quick.wanted_of("A") == reader.wanted_of("A")
    assert quick.wanted_of("nobody") == set()


def kept(folder: Path) -> KeptReader:
    return KeptReader.open(folder / "store")


def test_a_store_that_grew_has_another_index(reader: StoreReader, tmp_path: Path):
    before = index_key(reader)
    made_commit(made_writer(tmp_path / "store", BODY | {"folds": TWINS}), units_of(["unborn"], [0]))
    assert index_key(reader) == before
    reader.refresh()
    assert index_key(reader) != before


def test_an_index_that_is_not_whole_is_none(reader: StoreReader, tmp_path: Path):
    with pytest.raises(RuntimeError, match="stopped"):
        build_index(kept(tmp_path), tmp_path / "cache" / "index", _stop)
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(OSError, match=r"index\.json"):
        Index.open(tmp_path / "cache" / "index")


def _stop(share: float) -> None:
    raise RuntimeError("stopped")


def test_the_cache_keeps_the_newest(tmp_path: Path):
    made_store(tmp_path / "store")
    reader = kept(tmp_path)
    for number in range(KEPT + 2):
        build_index(reader, tmp_path / "cache" / str(number), lambda share: None)
    left = {path.name for path in (tmp_path / "cache").iterdir()}
    assert len(left) == KEPT
    assert str(KEPT + 1) in left
