"""`verify` and `gc` while something else changes the store."""

import threading
from pathlib import Path

import pytest

from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store import layout
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.units import shard_key
from cluster.store.writer import move_aside
from tests.made_stores import made_commit, made_writer, units_of
from tests.promises import Measured


def test_verify_raises_no_alarm_while_a_run_goes_on(tmp_path: Path, measured: Measured) -> None:
    writer = made_writer(tmp_path)
    writer.add_plan(units_of("A", [0]))
    made_commit(writer, units_of("A", [0]))
    writer.seal()
    done, wrong = threading.Event(), []

    def work() -> None:
        try:
            for number in range(25):
                units = units_of([f"T{number}"], [0])
                writer.add_plan(units)
                made_commit(writer, units)
                writer.seal()
        finally:
            done.set()

    thread = threading.Thread(target=work)
    thread.start()
    looks = 0
    while not done.is_set() or looks == 0:
        wrong += [(p.path, p.what) for p in verify(open_filesystem(tmp_path)).problems]
        looks += 1
    thread.join()
    assert wrong == []
    assert verify(writer.fs).commits == 26
    measured(times_verify_ran_beside_it=looks, false_alarms=len(wrong))


def test_a_success_that_changes_while_commits_are_listed_is_no_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = made_writer(tmp_path)
    writer.add_plan(units_of("ABC", [0]))
    made_commit(writer, units_of("A", [0]))
    writer.seal()
    fs, left = open_filesystem(tmp_path), ["B", "C"]
    paths = fs.paths

    def more_is_committed(prefix: str) -> list[str]:
        found = paths(prefix)
        if prefix == layout.COMMITS and left:
            made_commit(writer, units_of(left.pop(), [0]))
            writer.seal()
        return found

    monkeypatch.setattr(fs, "paths", more_is_committed)
    assert verify(fs).ok
    assert left == ["B"]  # one look was enough


def test_gc_keeps_files_that_a_new_commit_of_the_key_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gc reads commits; one is moved aside and its shard done again; then gc deletes."""
    writer = made_writer(tmp_path)
    units = units_of("A", [0])
    writer.add_plan(units)
    key = shard_key(writer.run_digest, units)
    made_commit(writer, units)
    fs = open_filesystem(tmp_path)
    paths = fs.paths

    def done_again(prefix: str) -> list[str]:
        if prefix == layout.DATA:
            monkeypatch.setattr(fs, "paths", paths)
            move_aside(writer.fs, layout.commit_path(key))
            made_commit(writer, units)
        return paths(prefix)

    monkeypatch.setattr(fs, "paths", done_again)
    gc(fs)
    assert StoreReader(fs).table("scores").num_rows == 1
    assert verify(fs).ok


def test_gc_leaves_what_is_spare_only_beside_a_commit_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = made_writer(tmp_path)
    units = units_of("A", [0])
    writer.add_plan(units)
    key = shard_key(writer.run_digest, units)
    begun = layout.data_path("scores", key, writer.begin_attempt(key, {}))
    writer.fs.create(begun, b"x")
    made_commit(writer, units)
    fs = open_filesystem(tmp_path)
    paths = fs.paths

    def moved_aside(prefix: str) -> list[str]:
        if prefix == layout.DATA:
            move_aside(writer.fs, layout.commit_path(key))
        return paths(prefix)

    monkeypatch.setattr(fs, "paths", moved_aside)
    assert gc(fs) == []
    assert fs.exists(begun)


def test_a_temp_file_that_vanishes_is_not_gcs_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = made_writer(tmp_path)
    monkeypatch.setattr(writer.fs, "_walk", lambda folder: iter([".gone.1.tmp"]))
    assert writer.fs.stale(0) == []  # type: ignore[attr-defined]
