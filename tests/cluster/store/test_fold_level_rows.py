"""Rows of targets that work on a fold as a whole wrote (`modules`): whole to verify, found by target."""

from pathlib import Path

import pytest

from cluster.maintenance.maintain import verify
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD, fold_level_unit
from cluster.store.writer import StoreWriter
from tasks.tables.schemas import table_of
from tests.made_stores import made_commit, made_tables, made_writer, units_of

MODULES = [
    {"method": "best", "target": target, "codependent": other, "weight": 0.5, "rank": 1}
    for target, other in (("A", "B"), ("B", "A"))
]


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    """A store with the final fold's shared work of `best`, and a target's results of another method."""
    writer = made_writer(tmp_path)
    shared = fold_level_unit("best", FINAL_FOLD)
    writer.add_plan([shared, *units_of("A", [0])])
    made_commit(writer, [shared], tables={"modules": table_of("modules", MODULES)})
    made_commit(writer, units_of("A", [0]))
    writer.seal()
    return writer


def test_a_store_with_them_is_whole(writer: StoreWriter) -> None:
    assert verify(writer.fs).ok


def test_they_are_found_by_target(writer: StoreWriter) -> None:
    reader = StoreReader(writer.fs)
    assert reader.table("modules", targets=("B",)).column("codependent").to_pylist() == ["A"]
    assert reader.table("scores", targets=("A",)).num_rows == 1
    assert reader.table("scores", targets=("B",)).num_rows == 0


@pytest.mark.parametrize("table", ["scores", "predictions"])
def test_rows_of_a_target_in_a_fold_are_still_refused(tmp_path: Path, table: str) -> None:
    writer = made_writer(tmp_path)
    shared = fold_level_unit("best", 0)
    writer.add_plan([shared])
    made_commit(writer, [shared], tables={table: made_tables(units_of("A", [0], "best"))[table]})
    ((problem),) = verify(writer.fs).problems
    assert "holds rows of A, fold 0, best, which its commit does not list" in problem.what


@pytest.mark.parametrize("method", ["modifiers", "other"])
def test_they_are_of_the_method_that_did_the_work(tmp_path: Path, method: str) -> None:
    writer = made_writer(tmp_path)
    shared = fold_level_unit(method, FINAL_FOLD)
    writer.add_plan([shared])
    made_commit(writer, [shared], tables={"modules": table_of("modules", MODULES)})
    ((problem),) = verify(writer.fs).problems
    assert "holds rows of fit of the whole fold, fold -1, best" in problem.what
