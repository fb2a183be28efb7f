"""What is particular to local folders; `test_backends` has what every backend must hold."""

import errno
import multiprocessing
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.errors import StorageError
from cluster.store.filesystem import open_filesystem
from cluster.store.places.local import LocalFileSystem, MissingFileError
from tasks.errors import BadInputError
from tests.promises import Measured


@pytest.fixture
def fs(tmp_path: Path) -> LocalFileSystem:
    return LocalFileSystem(tmp_path / "store")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs is refused here: a full disk was not tested")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_unfinished_files_are_not_listed(fs: LocalFileSystem, tmp_path: Path) -> None:
    fs.create("data/t/1.x", b"")
    (tmp_path / "store/data/t/.1.x.abc.tmp").write_bytes(b"half")
    assert fs.paths("data/t/") == ["data/t/1.x"]


@pytest.mark.timeout(20)
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(
    fs: LocalFileSystem, measured: Measured
) -> None:
    fs.create("plans/a.json", b"{}")
    os.mkfifo(fs.location("plans/b.json"))
    for read in (fs.read, lambda path: fs.local_file(path, "")):
        with pytest.raises(StorageError, match=r"reading .*plans/b\.json: not a regular file"):
            read("plans/b.json")
        with pytest.raises(StorageError, match=r"reading .*plans: "):
            read("plans")
    measured(files_refused=2)


def test_a_missing_file_says_what_to_do(fs: LocalFileSystem) -> None:
    with pytest.raises(MissingFileError, match=r"reading .*nothing\.json: no such file; `knockcast verify`"):
        fs.read("nothing.json")


def test_a_file_where_a_folder_should_be(fs: LocalFileSystem) -> None:
    fs.create("a", b"")
    with pytest.raises(StorageError, match="a file, or a link to nothing, stands where a folder is expected"):
        fs.create("a/b", b"")


def test_a_link_where_a_folder_should_be(tmp_path: Path) -> None:
    itself, nothing = tmp_path / "itself", tmp_path / "nothing"
    itself.symlink_to(itself)
    nothing.symlink_to(tmp_path / "absent" / "folder")
    with pytest.raises(StorageError, match="a link leads to itself: choose another path"):
        LocalFileSystem(itself).paths("")
    with pytest.raises(StorageError, match="a link to nothing, stands where a folder is expected"):
        LocalFileSystem(nothing).create("a", b"")


def test_a_full_disk_leaves_nothing_half_written(tiny_disk: Path, measured: Measured) -> None:
    fs = LocalFileSystem(tiny_disk)
    assert fs.create("small", b"x" * 1000)
    with pytest.raises(StorageError, match=r"the disk is full: free some space.*Nothing committed is lost"):
        fs.create("large", b"x" * 1_000_000)
    assert fs.paths("") == ["small"]
    assert [path.name for path in tiny_disk.iterdir()] == ["small"]
    assert fs.create("fits", b"x" * 100_000)
    measured(disks_filled=1)


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.EIO, "check the disk"), (errno.EROFS, "read-only"), (errno.EACCES, "permission denied")],
)
def test_trouble_while_writing_says_what_to_do(
    fs: LocalFileSystem, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    fs.create("folder/before", b"")

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=advice):
        fs.create("folder/after", b"data")
    assert fs.paths("") == ["folder/before"]


def test_bytes_are_durable_before_the_name_is(fs: LocalFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    fs.create("folder/before", b"")
    events: list[str] = []
    fsync, link = os.fsync, os.link
    kind = {True: "sync folder", False: "sync file"}
    monkeypatch.setattr(
        os, "fsync", lambda fd: (events.append(kind[Path(f"/proc/self/fd/{fd}").is_dir()]), fsync(fd))
    )
    monkeypatch.setattr(os, "link", lambda a, b: (events.append("link"), link(a, b)))
    fs.create("folder/after", b"data")
    assert events == ["sync file", "link", "sync folder"]


def test_whoever_comes_second_knows_that_the_name_is_durable(
    fs: LocalFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = LocalFileSystem(tmp_path / "store")
    late.create("folder/before", b"")
    synced: list[str] = []
    fsync, link = os.fsync, os.link
    monkeypatch.setattr(
        os, "fsync", lambda fd: (synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())), fsync(fd))
    )
    monkeypatch.setattr(
        os, "link", lambda a, b: (link(a, b), synced.clear(), link(a, b))
    )  # another was first
    assert not late.create("folder/raced", b"data")
    assert synced == [str(tmp_path / "store/folder")]
    assert not late.create("folder/before", b"data")
    assert synced == [str(tmp_path / "store/folder")] * 2


def test_only_old_unfinished_files_are_stale(fs: LocalFileSystem, tmp_path: Path) -> None:
    fs.create("data/a", b"")
    old, new = tmp_path / "store/data/.a.1.tmp", tmp_path / "store/data/.a.2.tmp"
    old.write_bytes(b"")
    new.write_bytes(b"")
    os.utime(old, (1, 1))
    assert fs.stale(3600) == ["data/.a.1.tmp"]
    fs.discard("data/.a.1.tmp")
    assert not old.exists()
    with pytest.raises(ValueError, match="not an unfinished file"):
        fs.discard("data/a")


def _race(
    root: str, name: int, gate: "multiprocessing.synchronize.Barrier", won: "multiprocessing.Queue[list[int]]"
) -> None:
    fs = LocalFileSystem(Path(root))
    gate.wait()
    won.put([i for i in range(200) if fs.create(f"f{i}", f"{name}".encode() * 1000)])


def test_two_processes_creating_the_same_names_have_one_winner_each(
    tmp_path: Path, measured: Measured
) -> None:
    context = multiprocessing.get_context("spawn")
    gate, won = context.Barrier(2), context.Queue()
    racers = [context.Process(target=_race, args=(str(tmp_path), name, gate, won)) for name in range(2)]
    for racer in racers:
        racer.start()
    winners = [set(won.get(timeout=60)) for _ in racers]
    for racer in racers:
        racer.join()
    assert winners[0] | winners[1] == set(range(200))
    assert not winners[0] & winners[1]
    fs = LocalFileSystem(tmp_path)
    assert all(len(set(fs.read(f"f{i}"))) == 1 and fs.size(f"f{i}") == 1000 for i in range(200))
    measured(names_raced_for=200, names_with_two_winners=len(winners[0] & winners[1]))


@pytest.mark.parametrize(
    ("url", "words"),
    [("ftp://x", "expected the path"), ("s3://", "s3://BUCKET/PREFIX"), ("s3:///x", "s3://BUCKET/PREFIX")],
)
def test_other_addresses_are_refused(url: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        open_filesystem(url)


def test_a_relative_path_stays_the_same_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fs = open_filesystem("store")
    monkeypatch.chdir("/")
    fs.create("a", b"")
    assert (tmp_path / "store/a").exists()
