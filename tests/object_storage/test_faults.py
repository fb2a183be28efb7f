"""What networks and servers do to requests costs time, and no result."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.cli import main
from cluster.errors import MissingFileError, StorageError
from cluster.maintenance.maintain import verify
from cluster.store.filesystem import open_filesystem
from cluster.store.places import s3 as backend
from tests.made_stores import made_store, made_writer
from tests.object_storage.faulty import CUT, LOST_ANSWER, REFUSED, SLOW, Faults, faulty
from tests.promises import Measured
from tests.stores import table_bytes


@pytest.fixture
def network(s3: str, served: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Faults]]:
    """An address in the bucket, reached through a network whose faults are planned; waits are short."""
    monkeypatch.setattr(backend, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(backend, "LONGEST_WAIT", 0.05)
    with faulty(served["AWS_ENDPOINT_URL_S3"]) as (address, faults):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
        yield s3, faults


def put(method: str, path: str) -> bool:
    del path
    return method == "PUT"


def listed(method: str, path: str) -> bool:
    return method == "GET" and "list-type" in path


def get(method: str, path: str) -> bool:
    return method == "GET" and "list-type" not in path


def deleted(method: str, path: str) -> bool:
    del path
    return method in ("POST", "DELETE")


def anything(method: str, path: str) -> bool:
    return bool(method and path)


def test_a_lost_acknowledgement_is_a_win(network: tuple[str, Faults], measured: Measured) -> None:
    place, faults = network
    faults.plan(LOST_ANSWER, 1, put)
    assert open_filesystem(place).create("commits/x.json", b"mine")
    assert faults.met == [LOST_ANSWER]
    assert open_filesystem(place).read("commits/x.json") == b"mine"
    measured(answers_lost=faults.met.count(LOST_ANSWER))


def test_a_lost_refusal_is_a_loss(network: tuple[str, Faults], measured: Measured) -> None:
    place, faults = network
    assert open_filesystem(place).create("commits/x.json", b"theirs")
    faults.plan(LOST_ANSWER, 1, put)
    assert not open_filesystem(place).create("commits/x.json", b"mine")
    assert open_filesystem(place).read("commits/x.json") == b"theirs"
    measured(answers_lost=faults.met.count(LOST_ANSWER))


def test_of_many_whose_answers_are_lost_one_wins(network: tuple[str, Faults], measured: Measured) -> None:
    place, faults = network
    faults.plan(LOST_ANSWER, 20, put)
    data = [bytes([65 + i]) * 500 for i in range(16)]
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda one: open_filesystem(place).create("commits/x.json", one), data))
    assert sum(won) == 1
    assert open_filesystem(place).read("commits/x.json") == data[won.index(True)]
    assert faults.met.count(LOST_ANSWER) == 20
    measured(answers_lost=faults.met.count(LOST_ANSWER))


@pytest.mark.parametrize("fault", [REFUSED, LOST_ANSWER, CUT, SLOW])
def test_reading_goes_on_after(fault: str, network: tuple[str, Faults], measured: Measured) -> None:
    place, faults = network
    fs = open_filesystem(place)
    data = bytes(range(256)) * 1000
    assert fs.create("data/x", data)
    faults.plan(fault, 2, get)
    assert fs.read("data/x") == data
    assert faults.met[0] == fault
    measured(faulty_answers=len(faults.met))


@pytest.mark.parametrize("fault", [REFUSED, LOST_ANSWER, CUT, SLOW])
def test_listing_goes_on_after(fault: str, network: tuple[str, Faults], measured: Measured) -> None:
    place, faults = network
    fs = open_filesystem(place)
    names = [f"data/{number:04d}" for number in range(20)]
    assert all(fs.create(name, b"x") for name in names)
    faults.plan(fault, 3, listed)
    assert fs.paths("data/") == names
    assert faults.met == [fault] * (1 if fault == SLOW else 3)
    measured(faulty_answers=len(faults.met))


@pytest.mark.parametrize("fault", [REFUSED, LOST_ANSWER, CUT, SLOW])
def test_deleting_goes_on_after(fault: str, network: tuple[str, Faults], measured: Measured) -> None:
    place, faults = network
    fs = open_filesystem(place)
    assert fs.create("data/x", b"x")
    faults.plan(fault, 3, deleted)
    fs.delete("data/x")
    assert not fs.exists("data/x")
    assert faults.met == [fault] * (1 if fault == SLOW else 3)
    measured(faulty_answers=len(faults.met))


def test_a_list_that_always_breaks_off_ends_with_a_word(network: tuple[str, Faults]) -> None:
    place, faults = network
    fs = open_filesystem(place)
    assert fs.create("data/x", b"x")
    faults.plan(CUT, backend.ATTEMPTS, listed)
    with pytest.raises(StorageError, match=r"listing .*tried 8 times"):
        fs.paths("data/")
    assert faults.planned == []


def test_a_store_written_through_faults_is_the_same(
    network: tuple[str, Faults], tmp_path: Path, measured: Measured
) -> None:
    place, faults = network
    for folder in ("run.json", "plans/", "attempts/", "data/", "commits/", "_SUCCESS"):
        for fault in (REFUSED, LOST_ANSWER, REFUSED):
            faults.plan(fault, 1, lambda method, path, folder=folder: put(method, path) and folder in path)
    made_store(place)  # type: ignore[arg-type]
    made_store(tmp_path / "local")
    assert len(faults.met) >= 15
    assert table_bytes(place) == table_bytes(tmp_path / "local")
    assert verify(open_filesystem(place)).ok
    measured(faulty_answers=len(faults.met))


def test_a_server_that_only_refuses_ends_the_command_with_4(
    network: tuple[str, Faults], monkeypatch: pytest.MonkeyPatch, capsys: Any, measured: Measured
) -> None:
    place, faults = network
    made_writer(place)  # type: ignore[arg-type]
    faults.plan(REFUSED, 1000, anything)
    monkeypatch.setattr("sys.argv", ["knockcast", "status", place])
    monkeypatch.setitem(backend.RETRIES, "max_retries", 2)
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr().err
    assert end.value.code == 4
    assert place in said
    assert "503" in said
    assert "Traceback" not in said
    measured(faulty_answers=len(faults.met))


def test_writing_gives_up_after_a_number_of_tries(network: tuple[str, Faults]) -> None:
    place, faults = network
    faults.plan(REFUSED, 1000, put)
    with pytest.raises(
        StorageError, match=r"commits/x.json: .*503.*tried 8 times. Nothing committed is lost"
    ):
        open_filesystem(place).create("commits/x.json", b"mine")
    assert len(faults.met) == backend.ATTEMPTS
    assert not open_filesystem(place).exists("commits/x.json")


def test_a_file_that_goes_missing_is_named(network: tuple[str, Faults]) -> None:
    place, _ = network
    with pytest.raises(MissingFileError, match="data/gone: no such object"):
        open_filesystem(place).read("data/gone")


def test_writers_that_were_refused_ask_again_at_times_of_their_own(
    network: tuple[str, Faults], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, faults = network
    slept: list[float] = []
    monkeypatch.setattr(backend, "time", SimpleNamespace(sleep=slept.append))
    random.seed(0)
    for name in ("commits/x.json", "commits/y.json"):
        faults.plan(REFUSED, backend.ATTEMPTS - 1, put)
        assert open_filesystem(place).create(name, b"mine")
    longest = [min(backend.LONGEST_WAIT, backend.FIRST_WAIT * 2**n) for n in range(1, backend.ATTEMPTS)] * 2
    shares = [wait / most for wait, most in zip(slept, longest, strict=True)]
    assert len(set(slept)) == len(slept)
    assert 0 <= min(shares) < 0.3
    assert 0.7 < max(shares) <= 1


def test_readers_that_were_refused_ask_again_at_times_of_their_own(
    network: tuple[str, Faults], measured: Measured
) -> None:
    place, faults = network
    names, times = [f"data/{number}" for number in range(8)], 4
    for name in names:
        assert open_filesystem(place).create(name, b"x")
        faults.plan(REFUSED, times, lambda method, path, name=name: get(method, path) and path.endswith(name))
    with ThreadPoolExecutor(len(names)) as pool:
        assert set(pool.map(open_filesystem(place).read, names)) == {b"x"}
    first, last = (
        [[second for path, second in faults.asked if path.endswith(name)][at] for name in names]
        for at in (0, -1)
    )
    waited = [end - start for start, end in zip(first, last, strict=True)]
    assert max(waited) > 1.1 * min(waited)  # without jitter all wait alike
    measured(readers=len(names), milliseconds_apart=round(1000 * (max(last) - min(last))))
