"""`verify` and `gc` on results of commands: every byte checked, bad ones aside, the run itself left alone."""

from pathlib import Path

import pyarrow as pa
import pytest

from cluster.errors import DamagedFileError
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store import layout
from cluster.store.body import seal_json, sha256
from cluster.store.filesystem import FileSystem
from cluster.store.parquet import encode
from cluster.store.reader import StoreReader
from cluster.store.writer import StoreWriter
from cluster.views.registry import view
from tests.made_results import INPUTS, kept
from tests.made_stores import made_store


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    return made_store(tmp_path / "store")


def flip(fs: FileSystem, path: str, place: int = 100) -> None:
    data = bytearray(fs.read(path))
    data[place] ^= 1
    Path(fs.location(path)).write_bytes(bytes(data))


def shifted(fs: FileSystem) -> list[float | None]:
    return view(StoreReader(fs), "validation")["pearson"].to_pylist()


def test_results_are_counted_and_a_whole_store_is_well(writer: StoreWriter) -> None:
    kept(writer.fs)
    kept(writer.fs, inputs=INPUTS | {"method": "modifiers"})
    before = {path: writer.fs.read(path) for path in writer.fs.paths("")}
    report = verify(writer.fs, repair=True)
    assert report.ok
    assert report.lines()[1] == "results of commands, checked: validate 2"
    assert gc(writer.fs) == []
    assert {path: writer.fs.read(path) for path in writer.fs.paths("")} == before


@pytest.mark.parametrize("ending", [".json", ".parquet"])
def test_a_bad_result_goes_aside_with_what_it_replaced_and_the_run_stays_sealed(
    writer: StoreWriter, ending: str
) -> None:
    key = kept(writer.fs).result.key
    kept(writer.fs, shift=0.5)
    success = writer.fs.read(layout.SUCCESS)
    (path,) = [p for p in writer.fs.paths(f"{layout.results_of(key)}2.") if p.endswith(ending)]
    flip(writer.fs, path)
    problems = verify(writer.fs).problems
    assert [problem.path for problem in problems] == [path, layout.result_path(key, 1)]
    assert "damaged" in problems[0].what
    assert ("of `knockcast validate`" in problems[0].what) == (ending == ".parquet")
    report = verify(writer.fs, repair=True)
    assert [source for source, _ in report.moved] == [layout.result_path(key, n) for n in (1, 2)]
    assert report.left == ()
    assert "repeat the commands whose results were moved aside" in report.lines()[-1]
    assert writer.fs.read(layout.SUCCESS) == success
    assert verify(writer.fs).ok
    assert shifted(writer.fs) == []
    assert kept(writer.fs, shift=0.5).result.number == 3
    assert shifted(writer.fs) == pytest.approx([0.5 + 1 / 9, 0.5 + 2 / 9, 0.5])
    assert verify(writer.fs).ok


def test_gc_removes_what_was_replaced_and_not_what_is_being_written(writer: StoreWriter) -> None:
    key = kept(writer.fs).result.key
    kept(writer.fs, shift=0.5)
    lost = layout.result_file_path(key, 2, "validation", "0" * 64)
    going_on = layout.result_file_path(key, 3, "validation", "0" * 64)
    for path in (lost, going_on):
        writer.fs.create(path, b"x")
    first = writer.fs.paths(f"{layout.results_of(key)}1.")
    assert len(first) == 2
    assert sorted(gc(writer.fs)) == sorted([*first, lost])
    assert len(shifted(writer.fs)) == 3
    assert writer.fs.exists(going_on)
    flip(writer.fs, layout.result_path(key, 2))
    with pytest.raises(DamagedFileError, match="verify STORE --repair"):
        gc(writer.fs)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"run": "0" * 64}, "belongs to another run"),
        ({"inputs": {"method": "best"}}, "its name is not the key of its command and inputs"),
        ({"number": 7}, "its name is not the key of its command and inputs"),
        ({"files": [{}]}, "its body is not a result's"),
    ],
)
def test_a_record_that_lies_is_found(writer: StoreWriter, changes: dict[str, object], words: str) -> None:
    path = kept(writer.fs).result.path
    body = StoreReader(writer.fs).body(path)
    writer.fs.delete(path)
    writer.fs.create(path, seal_json(body | changes))
    (problem,) = verify(writer.fs).problems
    assert (problem.path, problem.culprit) == (path, path)
    assert words in problem.what


@pytest.mark.parametrize(
    ("column", "words"),
    [("analysis", "holds rows of another result"), ("pearson", "does not have the columns of the table")],
)
def test_rows_that_do_not_belong_are_found(writer: StoreWriter, column: str, words: str) -> None:
    """As if a broken program had written a sealed record of the wrong rows."""
    made = kept(writer.fs)
    rows = view(StoreReader(writer.fs), "validation")
    place = rows.column_names.index(column)
    data = encode(rows.set_column(place, column, pa.array(["x"] * len(rows))), {"knockcast.version": "1"})
    file = layout.result_file_path(made.result.key, 1, "validation", sha256(data))
    writer.fs.create(file, data)
    body = StoreReader(writer.fs).body(made.result.path)
    body["files"][0] |= {"path": file, "sha256": sha256(data), "size": len(data)}
    writer.fs.delete(made.result.path)
    writer.fs.create(made.result.path, seal_json(body))
    (problem,) = verify(writer.fs).problems
    assert words in problem.what


def test_missing_and_truncated_files_are_told_apart(writer: StoreWriter) -> None:
    (file,) = kept(writer.fs).result.files
    place = Path(writer.fs.location(file.path))
    place.write_bytes(place.read_bytes()[:-1])
    assert f"has {file.size - 1} bytes, expected {file.size}" in verify(writer.fs).problems[0].what
    place.unlink()
    assert "no such file" in verify(writer.fs).problems[0].what
