"""A store whose folder was removed while somebody wrote: the next run may begin in its place."""

import shutil
from pathlib import Path

import pytest

from cluster.errors import StorageError
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import Unit, shard_key
from cluster.store.writer import StoreWriter
from tasks.errors import BadInputError
from tests.made_stores import made_commit, made_tables
from tests.promises import Measured
from tests.stores import planned_store

UNITS = [Unit("modifiers", "A", 0)]


def test_a_worker_that_comes_late_does_not_make_a_removed_store_again(
    tmp_path: Path, measured: Measured
) -> None:
    store = tmp_path / "store"
    driver = planned_store(store, UNITS)
    key = shard_key(driver.run_digest, UNITS)
    attempt = driver.begin_attempt(key, {})
    late = StoreWriter.join(store, driver.run_digest)
    shutil.rmtree(store)
    with pytest.raises(StorageError, match=r"store: the store is gone \(no run.json\)"):
        late.commit(key, attempt, UNITS, made_tables(UNITS), {})
    with pytest.raises(StorageError, match="its folder is gone"):
        driver.begin_attempt(key, {})
    assert not store.exists()
    made_commit(planned_store(store, UNITS), UNITS)
    measured(late_writers_refused=2)


def test_what_a_removal_and_a_writer_leave_between_them_is_an_empty_place(tmp_path: Path) -> None:
    store = tmp_path / "store"
    planned_store(store, UNITS)
    for path in [path for path in store.rglob("*") if path.is_file()]:
        path.unlink()
    (store / "data" / "scores").mkdir(parents=True)
    (store / "data" / "scores" / ".late.parquet.0.tmp").write_bytes(b"half of it")
    key = made_commit(planned_store(store, UNITS), UNITS)
    assert [commit.key for commit in StoreReader.open(store).commits()] == [key]


@pytest.mark.parametrize("name", ["notes.txt", "data/notes.txt"])
def test_a_folder_that_holds_something_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / name).write_text("mine")
    with pytest.raises(BadInputError, match="not empty and not a store"):
        StoreWriter(open_filesystem(tmp_path / "mine")).open_run({"seed": 0})
    assert (tmp_path / "mine" / name).read_text() == "mine"
