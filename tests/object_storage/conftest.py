"""An S3 server for the tests of this folder, and the environment that leads to it."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.object_storage.servers import serving_bucket


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """moto with an empty bucket: its environment."""
    with serving_bucket("moto", tmp_path_factory.mktemp("moto")) as variables:
        yield variables


@pytest.fixture
def s3(served: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address in the bucket where nothing is yet; the machine has no copies of anything."""
    for name, value in {**served, "KNOCKCAST_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    return f"s3://bucket/{uuid.uuid4().hex}"
