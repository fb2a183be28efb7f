"""`gc --compact`: many commits become packs, and nobody who reads the store sees a difference."""

from pathlib import Path

import pytest

from cluster.errors import DamagedFileError
from cluster.maintenance.compact import compact, remove_replaced
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store import layout
from cluster.store.body import read_json, seal_json
from cluster.store.filesystem import FileSystem, open_filesystem
from cluster.store.packs import is_committed
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD, shard_key
from cluster.store.writer import StoreWriter
from cluster.views.query import query
from cluster.views.registry import view
from tasks.tables.schemas import TABLES
from tests.made_stores import made_commit, made_tables, made_writer, units_of

TARGETS = ("A", "B", "none", "flat", "E")
FOLDS = (0, 1, 2, FINAL_FOLD)


def small_commits(path: Path) -> StoreWriter:
    """A finished store of one commit for each unit, and a few that overlap with those."""
    writer = made_writer(path)
    writer.add_plan(units_of(TARGETS, FOLDS))
    for unit in units_of(TARGETS, FOLDS):
        made_commit(writer, [unit])
    made_commit(writer, units_of("AB", [0]))
    key = shard_key(writer.run_digest, units_of("E", [0]))
    writer.record_failure(key, writer.begin_attempt(key, {}), {"kind": "error", "error": "late"})
    writer.seal()
    return writer


def seen(fs: FileSystem) -> dict[str, list[dict[str, object]]]:
    """All that readers can ask a store for."""
    found = {name: view(StoreReader(fs), name).to_pylist() for name in TABLES}
    found["by query"] = query(StoreReader(fs), "FROM predictions ORDER BY ALL").to_pylist()
    found["of a target"] = StoreReader(fs).table("scores", targets=["A"]).to_pylist()
    found["commits"] = [
        {**vars(commit), "files": None, "place": None, "size": commit.size}
        for commit in StoreReader(fs).commits()
    ]
    found["by commit"] = sorted(
        ({"key": c.key, "rows": rows.to_pylist()} for c, rows in StoreReader(fs).parts("modifiers")),
        key=lambda part: str(part["key"]),
    )
    return found


def files(path: Path, folder: str) -> list[Path]:
    return sorted(each for each in (path / folder).rglob("*") if each.is_file())


def test_readers_see_the_same_before_during_and_after(tmp_path: Path) -> None:
    fs = small_commits(tmp_path).fs
    before, began_before = seen(fs), StoreReader(fs)
    began_before.commits()
    assert len(compact(fs)) == 2  # final models by themselves
    assert str(seen(fs)) == str(before)
    assert remove_replaced(fs, 3600) == []
    gc(fs)
    assert began_before.table("scores").num_rows == len(before["scores"])
    assert verify(fs).ok
    assert len(remove_replaced(fs, 0)) > 80
    assert str(seen(fs)) == str(before)
    report = verify(fs)
    assert report.ok
    assert StoreReader(fs).is_sealed()
    assert report.commits == len(before["commits"])
    assert [path.name for path in files(tmp_path, "commits")] == [Path(layout.SIGNPOST).name]
    assert files(tmp_path, "data") == files(tmp_path, "attempts") == []
    assert compact(fs) == remove_replaced(fs, 0) == gc(fs) == []


def test_a_reader_that_began_before_finds_the_pack_when_it_asks_again(tmp_path: Path) -> None:
    fs = small_commits(tmp_path).fs
    reader = StoreReader(fs)
    rows = reader.table("scores")
    compact(fs)
    remove_replaced(fs, 0)
    reader.refresh()
    assert reader.table("scores").equals(rows)


def test_work_in_a_pack_is_not_committed_again(tmp_path: Path) -> None:
    writer = small_commits(tmp_path)
    units = units_of("A", [0])
    key = shard_key(writer.run_digest, units)
    before = seen(writer.fs)
    compact(writer.fs)
    remove_replaced(writer.fs, 0)
    assert is_committed(writer.fs, key)
    assert not writer.commit(key, 2, units, made_tables(units, shift=9.0), {})
    assert writer.commit(key, 1, units, made_tables(units, shift=9.0), {})  # who is told late that it won
    assert files(tmp_path, "data") == []
    assert str(seen(writer.fs)["scores"]) == str(before["scores"])


def test_a_commit_that_comes_late_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its writer looked before the first commit, and creates after the pack replaced that one's file."""
    writer = made_writer(tmp_path)
    units, other = units_of("A", [0]), units_of("B", [0])
    writer.add_plan([*units, *other])
    late = StoreWriter(open_filesystem(tmp_path), writer.run_digest)
    create, key = late.fs.create, shard_key(writer.run_digest, units)

    def another_is_first(path: str, data: bytes) -> bool:
        if path == layout.commit_path(key):
            made_commit(writer, units)
            made_commit(writer, other)
            compact(writer.fs)
            remove_replaced(writer.fs, 0)
        return create(path, data)

    monkeypatch.setattr(late.fs, "create", another_is_first)
    assert not late.commit(key, 7, units, made_tables(units, shift=9.0), {})
    assert StoreReader(writer.fs).table("scores").equals(made_tables([*units, *other])["scores"])
    assert verify(writer.fs).ok
    assert layout.commit_path(key) in remove_replaced(writer.fs, 0)


def test_a_run_goes_on_in_a_compacted_store(tmp_path: Path) -> None:
    writer = small_commits(tmp_path)
    compact(writer.fs)
    remove_replaced(writer.fs, 0)
    more = units_of(("F", "G"), [0])
    writer.add_plan(more)
    for unit in more:
        made_commit(writer, [unit])
    writer.seal()
    assert verify(writer.fs).ok
    assert len(compact(writer.fs)) == 1
    assert verify(writer.fs).ok
    assert StoreReader(writer.fs).table("scores", targets=["F", "G"]).num_rows == 2


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("which", ["scores", "attempts", "json"])
def test_damage_is_mended_from_the_files_that_are_left(tmp_path: Path, which: str) -> None:
    fs = small_commits(tmp_path).fs
    before = seen(fs)
    made = compact(fs)
    damaged = next(p for p in files(tmp_path, "packs") if which in p.name.split(".")[1])
    flip(damaged)
    assert not verify(fs).ok
    with pytest.raises(DamagedFileError):
        remove_replaced(fs, 0)
    moved = [source for source, _ in verify(fs, repair=True).moved if source != layout.SUCCESS]
    assert moved == [path for path in made if damaged.name.partition(".")[0] in path]
    assert str(seen(fs)) == str(before)
    assert verify(fs).ok
    assert StoreReader(fs).is_sealed() == (which != "json")  # what a damaged one listed is not known
    compact(fs)  # makes it again
    assert verify(fs).ok


def test_damage_is_mended_by_doing_the_work_in_it_again_and_no_other(tmp_path: Path) -> None:
    writer = small_commits(tmp_path)
    compact(writer.fs)
    remove_replaced(writer.fs, 0)
    (damaged,) = [p for p in files(tmp_path, "packs") if ".models." in p.name]
    flip(damaged)
    with pytest.raises(DamagedFileError, match="models"):
        StoreReader(writer.fs).table("models")
    report = verify(writer.fs, repair=True)
    assert {problem.culprit for problem in report.problems} == {layout.pack_path(damaged.name[:64])}
    reader = StoreReader(writer.fs)
    left = reader.wanted_units() - reader.committed_units().keys()
    assert left == set(units_of(TARGETS, [FINAL_FOLD]))
    assert not reader.is_sealed()
    for unit in left:
        made_commit(writer, [unit])
    writer.seal()
    assert verify(writer.fs).ok


def test_a_forged_pack_is_found(tmp_path: Path) -> None:

    fs = small_commits(tmp_path).fs
    path = compact(fs)[0]
    body = read_json(fs.read(path), path)
    body["run"] = "f" * 64
    fs.delete(path)
    fs.create(path, seal_json(body))
    assert [problem.path for problem in verify(fs).problems] == [path]
    with pytest.raises(DamagedFileError, match="does not belong under this name"):
        StoreReader(fs).commits()


def test_big_commits_and_lone_ones_stay(tmp_path: Path) -> None:
    fs = small_commits(tmp_path).fs
    assert compact(fs, most_bytes=1) == []
    sizes = [commit.size for commit in StoreReader(fs).commits()]
    assert len(compact(fs, most_bytes=2 * max(sizes))) > 3
    assert verify(fs).ok


def test_two_at_once_make_one_pack(tmp_path: Path) -> None:
    fs = small_commits(tmp_path).fs
    reader = StoreReader(fs)
    reader.commits()
    one = compact(fs)
    for path in one:
        fs.delete(path)
    assert compact(open_filesystem(tmp_path)) == one
    assert verify(fs).ok


def test_packs_that_overlap_count_once(tmp_path: Path) -> None:
    """One `gc --compact` saw more commits than another that ran beside it."""
    writer = made_writer(tmp_path)
    writer.add_plan(units_of("ABC", [0]))
    for name in "AB":
        made_commit(writer, units_of(name, [0]))
    (first,) = compact(writer.fs)
    data = writer.fs.read(first)
    made_commit(writer, units_of("C", [0]))
    writer.fs.delete(first)
    (second,) = compact(writer.fs)
    writer.fs.create(first, data)
    assert first != second
    assert query(StoreReader(writer.fs), "SELECT count(*) n FROM scores").to_pylist() == [{"n": 3}]
    remove_replaced(writer.fs, 0)
    assert StoreReader(writer.fs).table("scores").equals(made_tables(units_of("ABC", [0]))["scores"])
    assert verify(writer.fs).ok


def test_what_nobody_finished_goes_after_a_day(tmp_path: Path) -> None:
    fs = small_commits(tmp_path).fs
    (path, _) = compact(fs)
    name = layout.pack_of(path) or ""
    fs.delete(path)

    fs.create(layout.pack_begun_path(name), seal_json({"format": 2, "time": 0.0}))
    gc(fs)
    assert [p for p in files(tmp_path, "packs") if p.name.startswith(name)] == []
    assert verify(fs).ok
