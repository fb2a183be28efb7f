"""What the errors of a bucket tell people to do, whichever command they gave."""

from pathlib import Path
from typing import Any

import obstore.exceptions
import pytest

from cluster.cli import main
from cluster.errors import StorageError
from cluster.store.datasets import new_dataset
from cluster.store.filesystem import open_filesystem
from cluster.store.places import s3 as backend
from cluster.store.places.endpoints import AMAZON_ASKED, ENDPOINTS
from tasks.dataset import format as files
from tests.object_storage.faulty import REFUSED, faulty

NOWHERE = "http://127.0.0.1:1"  # where nothing listens


def said_by(command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> str:
    """What a command that must end with 4 says."""
    monkeypatch.setattr("sys.argv", ["knockcast", *command])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 4
    return str(capsys.readouterr().err)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backend.RETRIES, "max_retries", 0)
    monkeypatch.setattr(backend, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(backend, "LONGEST_WAIT", 0.02)


@pytest.fixture
def amazons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and no endpoint; Amazon itself is out of reach."""
    for name in (*ENDPOINTS, "AWS_PROFILE", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere/config")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("HTTPS_PROXY", NOWHERE)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("command", [["status"], ["import", "RELEASE", "--out"]])
def test_commands_that_are_no_run_are_not_sent_to_resume(
    command: list[str], s3: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", NOWHERE)
    said = said_by([*command, s3], monkeypatch, capsys)
    assert "then repeat the command" in said
    assert "resume" not in said
    assert AMAZON_ASKED not in said


@pytest.mark.usefixtures("impatient")
def test_half_a_dataset_is_said_to_be_in_the_way(
    s3: str, served: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def second_file(method: str, path: str) -> bool:
        return method == "PUT" and path.endswith("second")

    with faulty(served["AWS_ENDPOINT_URL_S3"]) as (address, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
        faults.plan(REFUSED, backend.ATTEMPTS, second_file)
        with (
            pytest.raises(StorageError, match=f"part of the Dataset is at {s3}: delete that first, or name"),
            new_dataset(s3) as folder,
        ):
            write_files(folder, "first", "second", files.BODY)
        assert open_filesystem(s3).paths("") == ["first"]


def write_files(folder: Path, *names: str) -> None:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"x")


@pytest.mark.usefixtures("impatient", "amazons")
def test_who_reaches_no_amazon_hears_that_no_endpoint_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    said = said_by(["status", "s3://bucket/store"], monkeypatch, capsys)
    assert AMAZON_ASKED in said
    assert all(name in AMAZON_ASKED for name in ENDPOINTS)


@pytest.mark.usefixtures("amazons")
def test_whose_keys_amazon_refuses_hears_that_no_endpoint_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise obstore.exceptions.PermissionDeniedError("InvalidAccessKeyId")

    monkeypatch.setattr(backend.obstore, "head", refuse)
    with pytest.raises(StorageError, match="not allowed") as refused:
        open_filesystem("s3://bucket/store").exists("run.json")
    assert AMAZON_ASKED in str(refused.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    with pytest.raises(StorageError, match="not allowed") as refused:
        open_filesystem("s3://bucket/store").exists("run.json")
    assert AMAZON_ASKED not in str(refused.value)
