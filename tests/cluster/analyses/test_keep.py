"""Results of commands beside a run: kept once, replaced whole, read by their sha256, and never in the way."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from cluster import Store
from cluster.analyses.reading import rows_of
from cluster.analyses.writing import keep
from cluster.errors import DamagedFileError, StorageError
from cluster.store import layout
from cluster.store.filesystem import FileSystem
from cluster.store.reader import StoreReader
from cluster.store.writer import StoreWriter
from cluster.views.query import query
from tests.made_results import INPUTS, kept, validation_rows
from tests.made_stores import made_commit, made_store, units_of


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    return made_store(tmp_path / "store")


def contents(fs: FileSystem) -> dict[str, bytes]:
    return {path: fs.read(path) for path in fs.paths("")}


def pearson(fs: FileSystem) -> list[float]:
    return query(StoreReader(fs), "SELECT pearson FROM validation ORDER BY target")["pearson"].to_pylist()


def test_a_result_is_a_table_of_the_store_and_the_run_stays_sealed(writer: StoreWriter) -> None:
    before = contents(writer.fs)
    made = kept(writer.fs)
    assert made.new
    assert made.line() == f"stored as table `validation` (analysis {made.result.name})"
    after = contents(writer.fs)
    assert {path: data for path, data in after.items() if path in before} == before
    assert {path.split("/")[0] for path in after.keys() - before.keys()} == {"analyses"}
    assert pearson(writer.fs) == pytest.approx([1 / 9, 2 / 9, 0])
    frame = Store(writer.fs.name).validation()
    assert frame["analysis"].unique().tolist() == [made.result.name]
    assert frame["target"].tolist() == ["A", "B", "C"]
    (row,) = query(StoreReader(writer.fs), "FROM analyses").to_pylist()
    assert (row["command"], row["tables"], row["rows"], row["current"]) == ("validate", "validation", 3, True)
    assert row["inputs"] == f'{{"dataset": {{"name": "other", "sha256": "{"ab" * 32}"}}, "method": "auto"}}'


def test_the_same_again_writes_nothing_and_two_stores_have_the_same_bytes(
    writer: StoreWriter, tmp_path: Path
) -> None:
    kept(writer.fs)
    before = contents(writer.fs)
    again = kept(writer.fs, inputs=INPUTS | {"dataset": {"name": "its copy", "sha256": "ab" * 32}})
    assert not again.new
    assert "holds this result already" in again.line()
    assert contents(writer.fs) == before
    other = made_store(tmp_path / "other")
    kept(other.fs)
    added = {path: data for path, data in contents(other.fs).items() if path.startswith("analyses/")}
    assert added == {path: data for path, data in before.items() if path.startswith("analyses/")}


def test_a_later_result_replaces_and_other_inputs_add(writer: StoreWriter) -> None:
    first = kept(writer.fs)
    before = contents(writer.fs)
    second = kept(writer.fs, shift=0.5)
    assert (first.result.name, first.result.number, second.result.number) == (second.result.name, 1, 2)
    assert pearson(writer.fs) == pytest.approx([0.5 + 1 / 9, 0.5 + 2 / 9, 0.5])
    assert before.items() <= contents(writer.fs).items()
    other = kept(writer.fs, inputs=INPUTS | {"method": "modifiers"})
    assert len(pearson(writer.fs)) == 6
    names = rows_of(StoreReader(writer.fs), "validation")["analysis"].unique().to_pylist()
    assert sorted(names) == sorted([second.result.name, other.result.name])


def test_a_result_says_when_the_store_has_grown_since(writer: StoreWriter) -> None:
    kept(writer.fs)
    more = units_of("D", [0])
    writer.add_plan(more)
    made_commit(writer, more)
    assert query(StoreReader(writer.fs), "SELECT current FROM analyses")["current"].to_pylist() == [False]
    assert kept(writer.fs).new
    assert query(StoreReader(writer.fs), "SELECT current FROM analyses")["current"].to_pylist() == [True]


def test_only_some_targets_and_columns_are_read(writer: StoreWriter) -> None:
    kept(writer.fs)
    found = rows_of(StoreReader(writer.fs), "validation", ["n"], targets=["B", "X"])
    assert (found.column_names, found["n"].to_pylist()) == (["n"], [30])
    assert rows_of(StoreReader(writer.fs), "validation", targets=[]).num_rows == 0


@pytest.mark.parametrize("ending", [".json", ".parquet"])
def test_damage_is_never_parsed_and_the_command_again_mends_it(writer: StoreWriter, ending: str) -> None:
    made = kept(writer.fs)
    (path,) = [path for path in writer.fs.paths(layout.ANALYSES) if path.endswith(ending)]
    place = Path(writer.fs.location(path))
    data = bytearray(place.read_bytes())
    data[100] ^= 1
    place.write_bytes(bytes(data))
    with pytest.raises(DamagedFileError, match=r"damaged.* repeat"):
        pearson(writer.fs)
    assert query(StoreReader(writer.fs), "SELECT count(*) AS n FROM scores")["n"].to_pylist() == [9]
    again = kept(writer.fs)
    assert (again.new, again.result.key, again.result.number) == (True, made.result.key, 2)
    assert pearson(writer.fs) == pytest.approx([1 / 9, 2 / 9, 0])


def test_a_file_that_a_killed_writer_left_is_in_nobodys_way(writer: StoreWriter) -> None:
    key = kept(writer.fs).result.key
    for path in writer.fs.paths(layout.results_of(key)):
        if path.endswith(".json"):
            writer.fs.delete(path)
    assert rows_of(StoreReader(writer.fs), "validation").num_rows == 0
    assert kept(writer.fs).result.number == 2
    assert len(pearson(writer.fs)) == 3


def test_many_at_once_keep_one_whole_result(writer: StoreWriter) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda shift: kept(writer.fs, shift=shift), [0.0, 0.25] * 8))
    assert len({each.result.key for each in made}) == 1
    assert pearson(writer.fs)[2] in (0.0, 0.25)
    assert len(query(StoreReader(writer.fs), "FROM analyses")) == 1


def test_a_store_that_may_not_be_written_is_said(
    writer: StoreWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(number: int) -> None:
        def link(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "link", link)

    refuse(errno.EROFS)
    made = kept(writer.fs)
    assert not made.new
    assert made.line().startswith("not stored: ")
    assert "mounted read-only" in made.line()
    refuse(errno.ENOSPC)
    with pytest.raises(StorageError, match="the disk is full"):
        kept(writer.fs)
    monkeypatch.undo()
    assert writer.fs.paths(layout.ANALYSES) == []


def test_rows_that_do_not_fit_their_table_are_refused(writer: StoreWriter) -> None:
    reader = StoreReader(writer.fs)
    for command, name, rows in (
        ("validate", "validation", validation_rows().drop_columns(["n"])),
        ("enrich", "validation", validation_rows()),
        ("validate", "scores", pa.table({"target": ["A"]})),
    ):
        with pytest.raises(ValueError, match="expected of"):
            keep(reader, command, INPUTS, {name: rows})
    assert writer.fs.paths(layout.ANALYSES) == []


def test_shards_cannot_write_such_a_table(writer: StoreWriter) -> None:
    with pytest.raises(Exception, match="there is none"):
        StoreReader(writer.fs).table("validation")
