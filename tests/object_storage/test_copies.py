"""What is fetched from a bucket is kept on this machine by its sha256, and believed only by it."""

import os
from pathlib import Path

import pytest

from cluster.errors import DamagedFileError, StorageError
from cluster.store.body import sha256
from cluster.store.filesystem import open_filesystem
from cluster.store.places.cache import ContentCache
from cluster.store.reader import StoreReader
from tests.made_stores import made_store
from tests.object_storage.faulty import Faults, faulty


def test_what_was_read_once_is_not_fetched_again(
    s3: str, served: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made_store(s3)  # type: ignore[arg-type]
    StoreReader.open(s3).table("scores")
    with faulty(served["AWS_ENDPOINT_URL_S3"]) as (address, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
        faults.plan("fetched", 100, lambda _, path: "/data/" in path)
        rows = StoreReader.open(s3).table("scores")
        assert rows.num_rows > 0
        assert faults.met == []
        StoreReader.open(s3).table("predictions")  # not read before
        assert "fetched" in faults.met


def test_a_damaged_copy_is_fetched_again(s3: str, tmp_path: Path) -> None:
    fs, data = open_filesystem(s3), b"whole" * 100
    fs.create("data/x", data)
    assert fs.read("data/x", sha256(data)) == data
    [copy] = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    copy.write_bytes(b"damaged")
    assert fs.read("data/x", sha256(data)) == data
    assert copy.read_bytes() == data


def test_damaged_objects_are_never_kept_nor_parsed(s3: str, tmp_path: Path) -> None:
    writer = made_store(s3)  # type: ignore[arg-type]
    files = [file for commit in StoreReader.open(s3).commits() for file in commit.table_files("scores")]
    path = files[0].path
    data = bytearray(writer.fs.read(path))
    data[len(data) // 2] ^= 1
    writer.fs.delete(path)
    writer.fs.create(path, bytes(data))
    with pytest.raises(DamagedFileError, match="damaged"):
        StoreReader.open(s3).table("scores")
    with pytest.raises(StorageError, match="damaged"):
        writer.fs.local_file(path, files[0].sha256)
    kept = [each for each in (tmp_path / "cache").rglob("*") if each.is_file()]
    assert all(sha256(each.read_bytes()) == each.name for each in kept)


def test_the_copies_used_longest_ago_make_room(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path, most=1000)
    pieces = [bytes([number]) * 300 for number in range(5)]
    for at, piece in enumerate(pieces):
        assert cache.put(sha256(piece), piece)
        os.utime(cache.place(sha256(piece)), (at, at)) if cache.place(sha256(piece)).exists() else None
    assert cache.read(sha256(pieces[4])) == pieces[4]
    assert cache.read(sha256(pieces[0])) is None
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 1000


def test_where_nothing_can_be_kept_reading_goes_on(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOCKCAST_CACHE", "/proc/nowhere")
    fs = open_filesystem(s3)
    fs.create("data/x", b"x")
    assert fs.read("data/x", sha256(b"x")) == b"x"
    with pytest.raises(StorageError, match="no room for a copy"):
        fs.local_file("data/x", sha256(b"x"))


def test_faults_are_used_up_by_the_requests_they_choose() -> None:
    faults = Faults()
    faults.plan("cut", 1, lambda method, _: method == "GET")
    assert [faults.of("PUT", "/a"), faults.of("GET", "/a"), faults.of("GET", "/a")] == [None, "cut", None]
