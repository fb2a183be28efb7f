"""Tables that grow: what older releases wrote reads with nulls, what newer ones wrote is refused by name."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cluster.store.writer
from cluster import Store
from cluster.cli.store import verify_store
from cluster.errors import ExitCode, NewerVersionError
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store import layout
from cluster.store.body import seal_json
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.store.versions import what_to_install
from cluster.store.writer import StoreWriter
from cluster.views.query import query
from cluster.views.registry import view
from tasks.tables.columns import Column, Table
from tasks.tables.schemas import TABLES
from tests.made_stores import made_commit, made_store, made_tables, made_writer, units_of

THIS_RELEASE = dict(TABLES)
NEW_COLUMNS = {
    "scores": (Column("kendall", pa.float64(), "a correlation of ranks"),),
    "models": (
        Column("kin", pa.list_(pa.string()), "genes like it"),
        Column("size", pa.int64(), "how large it is", "bytes"),
    ),
    "modifiers": (Column("paralog", pa.bool_(), "whether it is one"),),
}


def grown(table: Table) -> Table:
    """The table with its new columns, among those that are stored."""
    new = (replace(column, since=table.version + 1) for column in NEW_COLUMNS[table.name])
    columns = (*table.stored, *new, *(column for column in table.columns if column.computed))
    return replace(table, columns=columns, version=table.version + 1)


@pytest.fixture
def grow(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to become the next release, which has more columns and says that it is 0.9.0."""

    def to_the_next_release() -> None:
        for name in NEW_COLUMNS:
            monkeypatch.setitem(TABLES, name, grown(TABLES[name]))
        monkeypatch.setattr(cluster.store.writer, "installed_release", lambda: "0.9.0")

    return to_the_next_release


@pytest.fixture
def shrink(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to be this release again."""

    def to_this_release() -> None:
        for name in NEW_COLUMNS:
            monkeypatch.setitem(TABLES, name, THIS_RELEASE[name])

    return to_this_release


def with_new_columns(units: Any) -> dict[str, pa.Table]:
    """What a shard of the next release writes."""
    values = {"kendall": 0.5, "kin": ["X"], "size": 7, "paralog": True}
    tables = {name: rows for name, rows in made_tables(units).items() if len(rows)}
    for name, columns in NEW_COLUMNS.items():
        for column in columns if name in tables else ():
            new = pa.array([values[column.name]] * len(tables[name]), column.type)
            at = tables[name].column_names.index(column.name)
            tables[name] = tables[name].set_column(at, column.name, new)
    return tables


def contents(writer: StoreWriter) -> dict[str, bytes]:
    return {path: writer.fs.read(path) for path in writer.fs.paths("")}


@pytest.fixture
def old(tmp_path: Path) -> StoreWriter:
    """A finished store of this release."""
    return made_store(tmp_path)


@pytest.fixture
def mixed(old: StoreWriter, grow: Callable[[], None]) -> StoreWriter:
    """The same, to which the next release added two targets, seen by that release."""
    grow()
    old.add_plan(units_of("XY", [0, FINAL_FOLD]))
    for fold in (0, FINAL_FOLD):
        made_commit(old, units_of("XY", [fold]), tables=with_new_columns(units_of("XY", [fold])))
    old.seal()
    return old


def test_a_file_names_its_table_and_version(old: StoreWriter) -> None:
    for commit in StoreReader(old.fs).commits():
        assert commit.release == cluster.store.writer.installed_release()
        for file in commit.files:
            metadata = pq.read_schema(io.BytesIO(old.fs.read(file.path))).metadata
            assert metadata[b"knockcast.table"].decode() == file.table
            version = THIS_RELEASE[file.table].file_version
            assert (metadata[b"knockcast.version"].decode(), file.version) == (str(version), version)


def test_older_files_read_with_nulls(old: StoreWriter, grow: Callable[[], None]) -> None:
    before = {name: view(StoreReader(old.fs), name) for name in TABLES}
    grow()
    for name, known in before.items():
        table = view(StoreReader(old.fs), name)
        assert table.schema.equals(TABLES[name].schema), name
        assert table.select(known.column_names).equals(known), name
        for column in NEW_COLUMNS.get(name, ()):
            assert table.column(column.name).null_count == table.num_rows > 0


def named(kind: pa.DataType) -> str:
    """A type by name; what a list's items are called does not count."""
    return f"list of {kind.value_type}" if pa.types.is_list(kind) else str(kind)


@pytest.mark.parametrize("name", NEW_COLUMNS)
def test_a_query_sees_older_files_with_nulls(old: StoreWriter, grow: Callable[[], None], name: str) -> None:
    grow()
    table, found = view(StoreReader(old.fs), name), query(StoreReader(old.fs), f"FROM {name}")
    assert found.column_names == table.column_names
    for column in NEW_COLUMNS[name]:
        assert named(found.schema.field(column.name).type) == named(column.type)
    assert sorted(map(repr, found.to_pylist())) == sorted(map(repr, table.to_pylist()))


@pytest.mark.parametrize("name", NEW_COLUMNS)
def test_old_and_new_files_stand_in_one_table(mixed: StoreWriter, name: str) -> None:
    reader = StoreReader(mixed.fs)
    table, found = view(reader, name), query(reader, f"FROM {name}")
    assert sorted(map(repr, found.to_pylist())) == sorted(map(repr, table.to_pylist()))
    for column in NEW_COLUMNS[name]:
        known = {row["target"] for row in table.to_pylist() if row[column.name] is not None}
        assert known == {"X", "Y"}
    assert set(table.column("target").to_pylist()) == {"A", "B", "C", "X", "Y"}


def test_pages_and_summaries_read_a_mixed_store(mixed: StoreWriter) -> None:
    store = Store(mixed.fs.name)
    assert store.genes()["target"].tolist() == ["A", "B", "C", "X", "Y"]
    assert store.gene("A").scores["kendall"].isna().all()
    assert store.gene("X").scores["kendall"].tolist() == [0.5]
    assert store.query("SELECT max(kendall) AS most FROM scores")["most"].tolist() == [0.5]


def test_older_files_are_good(old: StoreWriter, grow: Callable[[], None], capsys: Any) -> None:
    before = contents(old)
    grow()
    for repair in (False, True):
        report = verify(old.fs, repair)
        assert (report.ok, report.moved) == (True, ())
        (line,) = report.lines()[1:]
        assert line == "7 files of older table versions, read with nulls in columns added since"
        assert verify_store(old.fs.name, repair) == ExitCode.DONE
    assert "all is well\n7 files of older" in capsys.readouterr().out
    assert gc(old.fs) == []
    assert contents(old) == before


def test_a_mixed_store_is_good_and_sealed(mixed: StoreWriter) -> None:
    report = verify(mixed.fs, repair=True)
    assert (report.ok, report.moved, report.versions.older) == (True, (), 7)
    assert StoreReader(mixed.fs).is_sealed()


def test_damage_is_still_found_in_an_older_file(old: StoreWriter, grow: Callable[[], None]) -> None:
    grow()
    file = next(c for c in StoreReader(old.fs).commits() if c.table_files("scores")).table_files("scores")[0]
    path = Path(old.fs.location(file.path))
    path.write_bytes(path.read_bytes()[:-1])
    report = verify(old.fs, repair=True)
    assert [problem.path for problem in report.problems] == [file.path]
    assert len(report.moved) == 2  # the commit, and _SUCCESS


ADVICE = r"version 3 of table 'scores', written by Knockcast 0\.9\.0; this is .*: install 0\.9\.0 or newer"


def test_a_newer_file_is_refused_with_what_to_install(mixed: StoreWriter, shrink: Callable[[], None]) -> None:
    shrink()
    before, store = contents(mixed), Store(mixed.fs.name)
    asked = (lambda: store.query("SELECT 1 FROM scores"), lambda: store.gene("X"))
    for ask in (store.scores, store.genes, *asked):
        with pytest.raises(NewerVersionError, match=ADVICE):
            ask()
    assert len(store.predictions()) == (3 * 3 + 2) * 12  # tables that did not grow still read
    assert store.query("SELECT DISTINCT target FROM predictions").size == 5
    for repair in (False, True):
        assert verify_store(mixed.fs.name, repair) == ExitCode.DONE
        report = verify(mixed.fs, repair)
        assert (report.ok, report.moved) == (True, ())
        newer = "3 files of newer table versions (models, modifiers, scores), bytes checked, "
        assert report.lines()[1] == newer + what_to_install(["0.9.0"])
    assert contents(mixed) == before


def test_damage_is_still_found_in_a_newer_file(mixed: StoreWriter, shrink: Callable[[], None]) -> None:
    shrink()
    files = [file for commit in StoreReader(mixed.fs).commits() for file in commit.table_files("scores")]
    (file,) = [file for file in files if file.version == 3]
    path = Path(mixed.fs.location(file.path))
    path.write_bytes(path.read_bytes()[:-1])
    assert [problem.path for problem in verify(mixed.fs).problems] == [file.path]


def rewritten(writer: StoreWriter, key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Replace a commit by what another release might have written."""
    path = layout.commit_path(key)
    body = StoreReader(writer.fs).body(path)
    writer.fs.delete(path)
    writer.fs.create(path, seal_json(change(body)))


def test_keys_and_tables_of_a_newer_release_are_passed_over(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    units = units_of("A", [0])
    writer.add_plan(units)
    key = made_commit(writer, units)
    toys = writer.fs.read(layout.data_path("scores", key, 1))
    writer.fs.create(layout.data_path("toys", key, 1), toys)

    def newer(body: dict[str, Any]) -> dict[str, Any]:
        files = [{**file, "codec": "new"} for file in body["files"]]
        scores = next(file for file in files if file["table"] == "scores")
        toy = {**scores, "table": "toys", "path": layout.data_path("toys", key, 1), "version": 4}
        return {**body, "files": [*files, toy], "mood": "good", "release": "0.10.1"}

    rewritten(writer, key, newer)
    reader = StoreReader(writer.fs)
    assert reader.table("scores").num_rows == 1
    assert "toys" not in query(reader, "SHOW TABLES").column("table").to_pylist()
    report = verify(writer.fs, repair=True)
    assert (report.ok, report.moved) == (True, ())
    assert report.lines()[1].startswith("1 file of newer table versions (toys), bytes checked, written by")
    assert "install 0.10.1 or newer" in report.lines()[1]


def test_a_commit_without_versions_is_of_the_first(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    units = units_of("A", [FINAL_FOLD])
    writer.add_plan(units)
    first = {name: rows for name, rows in made_tables(units).items() if TABLES[name].version == 1}
    key = made_commit(writer, units, tables=first)
    before = StoreReader(writer.fs).table("models")

    def released(body: dict[str, Any]) -> dict[str, Any]:
        files = [{name: value for name, value in file.items() if name != "version"} for file in body["files"]]
        return {name: value for name, value in body.items() if name != "release"} | {"files": files}

    rewritten(writer, key, released)
    (commit,) = StoreReader(writer.fs).commits()
    assert (commit.release, {file.version for file in commit.files}) == (None, {1})
    assert StoreReader(writer.fs).table("models").equals(before)
    assert verify(writer.fs).ok


def test_a_file_that_contradicts_its_commit_is_found(tmp_path: Path, grow: Callable[[], None]) -> None:
    writer = made_writer(tmp_path)
    units = units_of("A", [0])
    writer.add_plan(units)
    key = made_commit(writer, units)
    grow()
    rewritten(writer, key, lambda body: {**body, "files": [{**f, "version": 3} for f in body["files"]
                                                           if f["table"] == "scores"]})  # fmt: skip
    assert [p.what for p in verify(writer.fs).problems] == ["names itself version 2, its commit says 3"]


def test_json_of_a_newer_format_is_reported_and_never_moved(tmp_path: Path, old: StoreWriter) -> None:
    first = StoreReader(old.fs).commits()[0].key
    (plan,) = old.fs.paths(layout.PLANS)
    for path in (layout.commit_path(first), plan):
        body = StoreReader(old.fs).body(path)
        old.fs.delete(path)
        old.fs.create(path, seal_json({**body, "format": 3}))
    before, report = contents(old), verify(old.fs, repair=True)
    assert {problem.path for problem in report.problems} == {layout.commit_path(first), plan}
    assert all("install the newer version" in problem.what for problem in report.problems)
    assert (report.moved, contents(old)) == ((), before)
    assert verify_store(str(tmp_path), repair=True) == ExitCode.STORAGE  # it could not be checked


def test_a_store_of_a_newer_format_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(seal_json({"format": 3}))
    lines = verify(open_filesystem(tmp_path), repair=True).lines()
    assert ["restore it" in " ".join(lines), "written by a newer Knockcast" in lines[1]] == [False, True]
