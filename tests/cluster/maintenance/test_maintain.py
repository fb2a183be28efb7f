import os
from pathlib import Path

import pyarrow as pa
import pytest

from cluster.errors import DamagedFileError
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store import layout
from cluster.store.body import seal_json
from cluster.store.filesystem import FileSystem
from cluster.store.reader import StoreReader
from cluster.store.records import commit_body, targets_digest
from cluster.store.units import Unit, shard_key
from cluster.store.writer import StoreWriter
from tasks.errors import BadInputError
from tests.made_stores import BODY, made_commit, made_store, made_tables, made_writer, units_of


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def contents(fs: FileSystem) -> dict[str, bytes]:
    return {path: fs.read(path) for path in fs.paths("")}


def found(fs: FileSystem) -> list[tuple[str, str]]:
    return [(problem.path, problem.what) for problem in verify(fs).problems]


def test_a_whole_store_is_well(tmp_path: Path) -> None:
    writer = made_store(tmp_path)
    before = contents(writer.fs)
    report = verify(writer.fs, repair=True)
    assert report.ok
    assert (report.commits, report.files, report.moved) == (4, 3 * 4 + 1, ())
    assert report.lines() == [f"4 commits, 13 files, {report.size} bytes checked: all is well"]
    assert contents(writer.fs) == before


def test_every_kind_of_file_is_checked(tmp_path: Path) -> None:
    writer = made_store(tmp_path)
    key = StoreReader(writer.fs).commits()[0].key
    writer.record_failure(key, 1, {"error": "x"})
    writer.quarantine(Unit("modifiers", "A", 0), ["x"])
    for path in writer.fs.paths(""):
        flip(tmp_path / path, 75)
        assert path in [name for name, _ in found(writer.fs)], path
        flip(tmp_path / path, 75)
    assert verify(writer.fs).ok


def test_repair_moves_the_commit_aside_and_resume_does_the_work_again(tmp_path: Path) -> None:
    writer = made_store(tmp_path)
    intact = StoreReader(writer.fs).table("predictions")
    (bad,) = [c for c in StoreReader(writer.fs).commits() if c.units[0].fold == 1]
    flip(tmp_path / bad.table_files("predictions")[0].path, 500)
    before = contents(writer.fs)
    report = verify(writer.fs, repair=True)
    (problem,) = report.problems
    assert "damaged (its sha256 is not the one committed)" in problem.what
    commit = layout.commit_path(bad.key)
    assert report.moved == ((layout.SUCCESS, "aside/_SUCCESS"), (commit, f"aside/{commit}"))
    after = contents(writer.fs)
    assert sorted(after.values()) == sorted(before.values())  # nothing was deleted
    reader = StoreReader(writer.fs)
    left = sorted(reader.wanted_units() - reader.committed_units().keys())
    assert left == list(bad.units)
    made_commit(writer, left)
    reader.refresh()
    assert reader.table("predictions").equals(intact)
    assert verify(writer.fs).ok
    assert set(gc(writer.fs)) == {file.path for file in bad.files}
    assert verify(writer.fs).ok


def test_repairing_twice_keeps_both_copies(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    units = units_of("A", [0])
    writer.add_plan(units)
    for _ in range(2):
        path = tmp_path / layout.commit_path(made_commit(writer, units))
        flip(path, 100)
        assert len(verify(writer.fs, repair=True).moved) == 1
    assert len(writer.fs.paths("aside/commits/")) == 2
    assert verify(writer.fs).ok


def test_missing_and_truncated_files_are_told_apart(tmp_path: Path) -> None:
    writer = made_store(tmp_path)
    files = next(c for c in StoreReader(writer.fs).commits() if c.table_files("scores")).files
    (tmp_path / files[0].path).unlink()
    cut = tmp_path / files[1].path
    cut.write_bytes(cut.read_bytes()[:-3])
    problems = dict(found(writer.fs))
    assert "no such file" in problems[files[0].path]
    assert problems[files[1].path] == f"has {files[1].size - 3} bytes, expected {files[1].size}"


def forged(writer: StoreWriter, **changes: object) -> str:
    """A sealed, well-named commit of A and B whose body is then changed."""
    units = units_of("AB", [0])
    key = made_commit(writer, units)
    path = layout.commit_path(key)
    body = StoreReader(writer.fs).body(path)
    writer.fs.delete(path)
    writer.fs.create(path, seal_json({**body, **changes}))
    writer.add_plan(units)
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"run": "0" * 64}, "belongs to another run"),
        ({"units": [["modifiers", 0, ["A"]]]}, "its name is not the key of its units"),
        ({"key": "0" * 64}, "its name is not the key of its units"),
        ({"needs": ["x"]}, "its name is not the key of its units"),
        ({"statuses": {"ok": 1}}, "counts 1 statuses for 2 units"),
        ({"files": [{"nothing": 1}]}, "its body is no commits file's"),
        ({"files": [{"path": "../../etc/passwd", "size": 1, "sha256": "x"}]}, "is not a name this commit's"),
        ({"files": [{"path": "run.json", "size": 1, "sha256": "x"}]}, "is not a name this commit's"),
        ({"attempt": 2}, "is not a name this commit's"),
    ],
)
def test_a_commit_that_lies_is_found_and_moved(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    writer = made_writer(tmp_path)
    path = forged(writer, **changes)
    report = verify(writer.fs, repair=True)
    assert {problem.culprit for problem in report.problems} == {path}
    assert words in report.problems[0].what
    assert verify(writer.fs).ok


@pytest.mark.parametrize(
    ("units_written", "table", "words"),
    [
        ("ABC", "predictions", "holds rows of C, fold 0, modifiers"),
        ("A", "scores", "exactly one row"),
    ],
)
def test_rows_must_be_those_of_the_units(tmp_path: Path, units_written: str, table: str, words: str) -> None:
    writer = made_writer(tmp_path)
    units = units_of("AB", [0])
    writer.add_plan(units)
    tables = {table: made_tables(units_of(units_written, [0]))[table]}
    made_commit(writer, units, tables=tables)
    ((path, what),) = found(writer.fs)
    assert layout.table_of(path) == table
    assert words in what


def test_a_file_of_another_table_or_length_is_found(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    units = units_of("A", [0])
    writer.add_plan(units)
    key = made_commit(writer, units)
    (commit,) = StoreReader(writer.fs).commits()
    scores, predictions = commit.table_files("scores")[0], commit.table_files("predictions")[0]
    swapped = writer.fs.read(predictions.path)
    writer.fs.delete(scores.path)
    writer.fs.create(scores.path, swapped)
    from dataclasses import replace

    files = [replace(predictions, rows=1), replace(predictions, path=scores.path, table="scores")]
    writer.fs.delete(layout.commit_path(key))
    body = commit_body(key, 1, writer.run_digest, units, (), files, {})
    writer.fs.create(layout.commit_path(key), seal_json(body))
    assert [what for _, what in found(writer.fs)] == [
        "has 12 rows, expected 1",
        "does not have the columns of the table 'scores'",
    ]


def test_work_no_plan_wants_is_told_but_kept(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    key = made_commit(writer, units_of("A", [0]))
    report = verify(writer.fs, repair=True)
    assert [problem.path for problem in report.problems] == [layout.commit_path(key)]
    assert "no plan wants" in report.problems[0].what
    assert report.moved == ()


def test_a_success_that_is_out_of_date_is_found(tmp_path: Path) -> None:
    writer = made_store(tmp_path)
    extra = units_of("D", [0])
    sealed = writer.fs.read(layout.SUCCESS)
    writer.add_plan(extra)
    made_commit(writer, extra)
    writer.fs.create(layout.SUCCESS, sealed)
    assert found(writer.fs) == [(layout.SUCCESS, "does not list the commits that are here")]


def test_a_damaged_run_cannot_be_repaired(tmp_path: Path) -> None:
    writer = made_store(tmp_path)
    flip(tmp_path / "run.json", 90)
    report = verify(writer.fs, repair=True)
    assert [problem.path for problem in report.problems] == ["run.json"]
    assert (report.moved, report.left) == ((), report.problems)
    assert "restore it from a backup, or run again into a new store" in report.lines()[1]
    assert "--repair" not in " ".join(report.lines())
    with pytest.raises(DamagedFileError, match="restore it from a backup"):
        StoreReader(writer.fs)


def with_targets(path: Path) -> tuple[StoreWriter, Path]:
    facts = pa.table({"target": ["A"], "mean": [0.5]})
    writer = made_writer(path, {**BODY, "targets_sha256": targets_digest(facts)})
    writer.put_targets(facts)
    return writer, path / layout.targets_path(targets_digest(facts))


def test_a_missing_targets_file_is_left_for_resume(tmp_path: Path) -> None:
    writer, path = with_targets(tmp_path)
    path.unlink()
    assert verify(writer.fs).ok  # a run that has just begun writes it before its plan
    writer.add_plan(units_of("A", [0]))
    report = verify(writer.fs, repair=True)
    assert len(report.left) == 1
    assert "missing; `knockcast resume STORE` writes it again" in report.lines()[1]
    assert "--repair" not in " ".join(report.lines())


def test_a_damaged_targets_file_is_moved_so_that_resume_can_write_it(tmp_path: Path) -> None:
    writer, path = with_targets(tmp_path)
    flip(path, 90)
    assert "verify STORE --repair" in verify(writer.fs).lines()[-1]
    report = verify(writer.fs, repair=True)
    assert not path.exists()
    assert report.left == report.problems  # it is still missing
    assert report.lines()[-1] == "run `knockcast resume STORE`: it writes the targets file again"
    writer.put_targets(pa.table({"target": ["A"], "mean": [0.5]}))
    assert verify(writer.fs).ok


def test_what_repair_leaves_is_what_another_verify_finds(tmp_path: Path) -> None:
    writer = made_store(tmp_path)
    key = StoreReader(writer.fs).commits()[0].key
    flip(tmp_path / layout.attempt_path(key, 1), 90)
    flip(tmp_path / layout.commit_path(key), 90)
    assert verify(writer.fs, repair=True).left == ()
    assert verify(writer.fs).ok
    (plan,) = writer.fs.paths(layout.PLANS)
    flip(tmp_path / plan, 90)
    report = verify(writer.fs, repair=True)
    assert report.lines()[-1].startswith("repeat the original `knockcast run`")
    assert report.left
    assert "no plan wants" in verify(writer.fs).problems[0].what


def test_verify_needs_a_store(tmp_path: Path) -> None:
    made = made_writer(tmp_path / "x").fs
    made.delete("run.json")
    with pytest.raises(BadInputError, match="not a store"):
        verify(made)


def test_gc_takes_only_what_another_attempt_made_useless(tmp_path: Path) -> None:
    writer = made_writer(tmp_path)
    done, open_ = units_of("A", [0]), units_of("B", [0])
    writer.add_plan([*done, *open_])
    done_key, open_key = (shard_key(writer.run_digest, units) for units in (done, open_))
    useless = [layout.data_path("scores", done_key, 1), layout.file_path(done_key, 1, "ubj")]
    running = [layout.data_path("scores", open_key, 1), layout.file_path(open_key, 1, "ubj")]
    for path in [*useless, *running]:
        writer.fs.create(path, b"x")
    writer.begin_attempt(done_key, {})
    made_commit(writer, done, files={"ubj": b"y"})
    stale, fresh = tmp_path / "data/scores/.a.1.tmp", tmp_path / "data/scores/.a.2.tmp"
    stale.write_bytes(b"")
    fresh.write_bytes(b"")
    os.utime(stale, (1, 1))
    before = contents(writer.fs)
    assert sorted(gc(writer.fs)) == sorted([*useless, "data/scores/.a.1.tmp"])
    assert {path: before[path] for path in before if path not in useless} == contents(writer.fs)
    assert (stale.exists(), fresh.exists()) == (False, True)
    assert gc(writer.fs) == []


def test_gc_removes_nothing_while_a_commit_is_damaged(tmp_path: Path) -> None:
    writer = made_store(tmp_path)
    key = StoreReader(writer.fs).commits()[0].key
    writer.fs.create(layout.file_path(key, 9, "ubj"), b"x")
    flip(tmp_path / layout.commit_path(key), 90)
    before = contents(writer.fs)
    with pytest.raises(DamagedFileError):
        gc(writer.fs)
    assert contents(writer.fs) == before
