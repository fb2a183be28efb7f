"""A second driver on one store waits, leaves or joins, and does nothing twice unless it joins."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import RefusedError
from cluster.execution import turns
from cluster.execution.run import run
from cluster.store.filesystem import open_filesystem
from cluster.store.leases import Lease
from cluster.store.reader import StoreReader
from tests.made_datasets import tiny_dataset
from tests.promises import Measured
from tests.stores import table_bytes

QUICK: dict[str, Any] = {"methods": ["ridge"], "folds": 3, "final": False, "workers": 0}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return tiny_dataset(tmp_path / "dataset")


@pytest.fixture
def begun(dataset: Path, tmp_path: Path) -> Path:
    """A store with work left, on which another driver's lease lies."""
    run(dataset, tmp_path / "store", **{**QUICK, "methods": ["kernel"]})
    return tmp_path / "store"


def taken(store: Path, *methods: str) -> Lease:
    lease = Lease.take(open_filesystem(store), methods)
    assert lease is not None
    return lease


def test_it_waits_and_looks_again_at_what_is_left(
    dataset: Path, begun: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    other = taken(begun, "ridge")

    def the_other_works_and_ends(seconds: float) -> None:
        assert seconds > 0
        run(dataset, begun, **QUICK, if_busy="join")
        other.end()

    monkeypatch.setattr(turns, "time", _Clock(the_other_works_and_ends))
    outcome = run(dataset, begun, **QUICK)
    said = capsys.readouterr().err
    assert (outcome.done, outcome.sealed, outcome.exit_code) == (0, True, 0)
    assert "waiting for process" in said
    assert "nothing to do" in said
    assert len(StoreReader.open(begun).attempts()) == len(StoreReader.open(begun).commits())


def test_it_leaves_where_asked_and_names_who_works(dataset: Path, begun: Path) -> None:
    other = taken(begun, "ridge")
    with pytest.raises(RefusedError, match=r"process \d+ on .*ridge\) works on it; --if-busy wait"):
        run(dataset, begun, **QUICK, if_busy="leave")
    other.end()
    assert run(dataset, begun, **QUICK, if_busy="leave").sealed


def test_with_other_methods_it_begins_at_once(dataset: Path, begun: Path, capsys: Any) -> None:
    other = taken(begun, "best")
    assert run(dataset, begun, **QUICK, if_busy="leave").done > 0
    other.end()
    assert "works on it" not in capsys.readouterr().err


def test_it_joins_where_asked(dataset: Path, begun: Path, tmp_path: Path, capsys: Any) -> None:
    other = taken(begun, "ridge")
    assert run(dataset, begun, **QUICK, if_busy="join").done > 0
    other.end()
    assert "works on it, too" in capsys.readouterr().err
    run(dataset, tmp_path / "alone", **{**QUICK, "methods": ["kernel", "ridge"]})
    assert table_bytes(begun) == table_bytes(tmp_path / "alone")


@pytest.mark.ray
def test_of_two_commands_that_start_one_store_at_once_both_succeed(
    dataset: Path, tmp_path: Path, measured: Measured
) -> None:
    words = ["run", dataset, "--store", tmp_path / "store", "--method", "ridge", "--workers", "0"]
    command = [sys.executable, "-m", "cluster", *map(str, words)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=100)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    reader = StoreReader.open(tmp_path / "store")
    assert reader.is_sealed()
    assert len(reader.attempts()) == len(reader.commits())
    measured(drivers_at_once=len(both), shards_begun_twice=len(reader.attempts()) - len(reader.commits()))


class _Clock:
    """The time, but for waiting: that is what it is told."""

    def __init__(self, sleep: Any) -> None:
        self.sleep = sleep

    time = staticmethod(time.time)
