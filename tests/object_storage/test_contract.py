"""Each S3 server keeps the contract of a storage backend, or is refused."""

import os
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster.errors import RefusedError, StorageError
from cluster.ray_engine.runtime import where_buckets_are
from cluster.store.filesystem import open_filesystem
from cluster.store.places.endpoints import ENDPOINTS, checked_endpoint
from cluster.store.reader import StoreReader
from tasks.errors import BadInputError
from tests.contracts.storage import STORAGE_CONTRACT
from tests.object_storage.servers import serving_bucket
from tests.promises import Measured


@pytest.fixture(scope="module", params=["moto", "seaweedfs"])
def bucket(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        pytest.MonkeyPatch.context() as patch,
        serving_bucket(request.param, tmp_path_factory.mktemp(request.param)) as variables,
    ):
        for name, value in variables.items():
            patch.setenv(name, value)
        yield "s3://bucket"


@pytest.mark.parametrize("check", STORAGE_CONTRACT, ids=lambda check: check.__name__)
def test_a_bucket_keeps_the_contract(check, bucket: str) -> None:  # type: ignore[no-untyped-def]
    place = f"{bucket}/{uuid.uuid4().hex}"
    check(lambda: open_filesystem(place))


def test_of_64_writers_at_once_one_wins(bucket: str, measured: Measured) -> None:
    place = f"{bucket}/{uuid.uuid4().hex}"
    data = [str(number).encode() * 1000 for number in range(64)]
    with ThreadPoolExecutor(64) as pool:
        won = list(pool.map(lambda one: open_filesystem(place).create("commits/x.json", one), data))
    assert sum(won) == 1
    assert open_filesystem(place).read("commits/x.json") == data[won.index(True)]
    measured(conditional_PUTs_at_once=len(won), winners=sum(won))


def test_many_files_are_listed_and_read_in_order(bucket: str) -> None:
    fs = open_filesystem(f"{bucket}/{uuid.uuid4().hex}")
    names = [f"commits/{number:04d}.json" for number in range(120)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: fs.create(name, name.encode()), names))
    assert fs.paths("commits/") == names
    assert list(fs.read_all(names)) == [name.encode() for name in names]


def test_a_server_with_conditional_writes_is_taken_and_left_as_it_was(bucket: str) -> None:
    fs = open_filesystem(f"{bucket}/{uuid.uuid4().hex}")
    fs.require_exclusive()
    assert fs.is_empty()


def test_a_bucket_that_is_not_there_is_named(s3: str) -> None:
    del s3  # but its server answers
    with pytest.raises(StorageError, match="there is no bucket 'nowhere'"):
        open_filesystem("s3://nowhere/x").create("a", b"")
    with pytest.raises(StorageError, match="there is no bucket 'nowhere'"):
        StoreReader.open("s3://nowhere/x")


def test_where_nothing_is_yet_that_is_said(bucket: str) -> None:
    place = f"{bucket}/{uuid.uuid4().hex}"
    with pytest.raises(BadInputError, match=r"not a store \(no run\.json\), nothing is there;"):
        StoreReader.open(place)
    open_filesystem(place).create("other", b"")
    with pytest.raises(BadInputError, match=r"not a store \(no run\.json\); expected"):
        StoreReader.open(place)


def test_a_server_without_conditional_writes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: Measured
) -> None:
    with serving_bucket("rclone", tmp_path) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(RefusedError, match="ignores `If-None-Match`"):
            open_filesystem("s3://bucket/x").require_exclusive()
        assert open_filesystem("s3://bucket/x").is_empty()
    measured(servers_refused=1)


def test_without_credentials_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StorageError, match="no credentials; set AWS_ACCESS_KEY_ID"):
        open_filesystem("s3://bucket/x").exists("run.json")


def test_a_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "nolab")
    with pytest.raises(StorageError, match=r"profile \(nolab\) could not be found; set AWS_ACCESS_KEY_ID"):
        open_filesystem("s3://bucket/x").exists("run.json")


@pytest.mark.parametrize("variable", ENDPOINTS)
@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:9000", "minio.lab:9000", "http://", "http:/host", "htps://host", "http://a b", "http://h:x"],
)
def test_an_endpoint_that_is_no_address_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    said = f"^{variable} {re.escape(url)}: expected http://HOST:PORT or https://HOST$"
    with pytest.raises(BadInputError, match=said):
        open_filesystem("s3://bucket/x").exists("run.json")
    with pytest.raises(BadInputError, match=said):  # before anything is sent to a cluster
        where_buckets_are(os.environ)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "https://minio.lab", "http://[::1]:9000/"])
def test_an_endpoint_that_is_an_address_is_taken(url: str) -> None:
    assert checked_endpoint("AWS_ENDPOINT_URL", url) == url
