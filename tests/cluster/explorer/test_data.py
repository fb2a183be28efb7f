"""What the explorer knows of a store: targets that the run left out, and an index that cannot be made."""

from pathlib import Path

import pytest

from cluster import run
from cluster.explorer import data as explorer_data
from cluster.explorer.data import StoreData
from cluster.explorer.pages import genes, methods
from cluster.explorer.pages.gene import page
from tasks.dataset.dataset import Dataset
from tests.made_stores import made_store, units_of


@pytest.fixture(scope="module")
def partial(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[StoreData, str, str]:
    """A store of the first two targets, one of them, and one that was not asked for."""
    path = tmp_path_factory.mktemp("partial") / "store"
    targets = Dataset.open(small_dataset).targets
    run(small_dataset, path, methods="ridge", targets=targets[:2], folds=2, workers=0, final=False)
    return StoreData(path), targets[0], targets[5]


def test_a_target_that_the_run_left_out_is_said_to_be_one(partial: tuple[StoreData, str, str]) -> None:
    data, asked, other = partial
    made = page(data, other, {})
    assert made.title == "Not in this run"
    assert f"with --targets '{other}' adds it" in str(made.content)
    assert page(data, asked, {}).title == asked
    assert page(data, "NOSUCH", {}).title == "Unknown gene"


def test_pages_of_results_say_that_a_run_is_not_finished(
    partial: tuple[StoreData, str, str], tmp_path: Path
) -> None:
    writer = made_store(tmp_path / "store")
    writer.add_plan(units_of(["LEFT"], [0]))
    begun, done = StoreData(tmp_path / "store"), partial[0]
    for make in (genes.page, methods.page):
        assert "The run is not finished" in str(make(begun, {}).content)
        assert "not finished" not in str(make(done, {}).content)


def test_where_no_index_can_be_made_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_store(tmp_path / "store")
    (tmp_path / "file").write_text("not a folder")
    data = StoreData(tmp_path / "store", tmp_path / "file" / "cache")
    data._make()
    assert "pages take longer" in data.trouble

    def none_left(method: str) -> None:
        raise OSError("no process left")

    monkeypatch.setattr(explorer_data, "get_context", none_left)
    data = StoreData(tmp_path / "store", tmp_path / "cache")
    data._make()
    assert str(tmp_path / "cache") in data.trouble
    assert data.knows_q
