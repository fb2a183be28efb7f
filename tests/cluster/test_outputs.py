"""What cannot be written is said before the work, with the reason; nothing that exists is touched."""

import os
from pathlib import Path

import pytest

from cluster.outputs import check_files, check_folder, replacing, write_file
from tasks.errors import BadInputError


def test_what_can_be_written_passes_and_is_left_as_it_was(tmp_path: Path):
    (tmp_path / "old.csv").write_text("old")
    before = (tmp_path / "old.csv").stat()
    check_files("--out", tmp_path / "old.csv", tmp_path / "new.csv", endings=(".csv",))
    check_folder("--out", tmp_path / "new" / "deep")
    assert list(tmp_path.iterdir()) == [tmp_path / "old.csv"]
    assert (tmp_path / "old.csv").stat().st_mtime_ns == before.st_mtime_ns
    write_file("--out", tmp_path / "new.csv", b"1")
    assert (tmp_path / "new.csv").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("folder.csv", "it is a folder; name a file"),
        ("none/x.csv", "there is no folder .*none; make it first"),
        ("file/x.csv", "file is no folder"),
        ("/proc/x.csv", "the folder /proc takes no new files"),
    ],
)
def test_every_reason_has_its_words(tmp_path: Path, path: str, why: str):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match=rf"--out .*{path}: cannot be written: .*{why}"):
        check_files("--out", tmp_path / path)
    with pytest.raises(BadInputError, match=rf"--figure .*{path}: cannot be written: "):
        write_file("--figure", tmp_path / path, b"")


@pytest.mark.parametrize("path", ["/proc/x", "file", "file/x"])
def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, path: str):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match=r"--out .*: cannot be written: "):
        check_folder("--out", tmp_path / path)


def test_all_problems_are_told_and_one_reason_once(tmp_path: Path):
    folder = tmp_path / "x.more.txt"
    folder.mkdir()
    with pytest.raises(BadInputError) as caught:
        check_files("--out", tmp_path / "x.txt", folder, endings=(".csv", ".json", ".parquet"))
    assert [problem.partition(": ")[2] for problem in caught.value.problems] == [
        "expected a name that ends with .csv, .json or .parquet",
        "cannot be written: it is a folder; name a file",
    ]
    with pytest.raises(BadInputError) as caught:
        check_files("--out", tmp_path / "none" / "a", tmp_path / "none" / "b")
    assert len(caught.value.problems) == 1
    assert str(tmp_path / "none" / "a") in caught.value.problems[0]


def test_a_pipe_is_not_opened_to_find_out(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    check_files("--out", tmp_path / "pipe")  # would hang if it were


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path):
    old, link = tmp_path / "old.csv", tmp_path / "link.csv"
    old.write_text("old")
    old.chmod(0o640)
    link.symlink_to(old)
    with pytest.raises(TypeError), replacing("--out", link) as sink:
        sink.write("no bytes")
    assert old.read_text() == "old"
    with replacing("--out", link) as sink:
        sink.write(b"new")
        assert old.read_text() == "old"
    assert (old.read_text(), link.is_symlink(), old.stat().st_mode & 0o777) == ("new", True, 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.csv", "old.csv"]


def test_a_device_is_written_to_as_it_is():
    with replacing("--out", Path(os.devnull)) as sink:
        sink.write(b"1")
    assert Path(os.devnull).is_char_device()
