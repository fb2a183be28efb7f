"""What `status` and `verify` say, and what they end with."""

from pathlib import Path
from typing import Any

import pytest

from cluster.cli.store import show_status, verify_store
from cluster.errors import ExitCode
from cluster.store import layout
from cluster.store.leases import Lease
from cluster.store.reader import StoreReader
from cluster.store.writer import StoreWriter
from tests.made_stores import BODY, made_commit, made_writer, units_of

RUN: dict[str, Any] = {**BODY, "preset": "quick", "measure": "effect"}


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    """A finished, sealed store."""
    writer = made_writer(tmp_path, RUN)
    writer.add_plan(units_of("AB", [0]))
    made_commit(writer, units_of("AB", [0]))
    writer.seal()
    return writer


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[90] ^= 1
    path.write_bytes(bytes(data))


def said(store: StoreWriter, capsys: pytest.CaptureFixture[str]) -> str:
    """The first line of `status`, without the store's name."""
    capsys.readouterr()
    show_status(store.fs.name)
    return capsys.readouterr().out.splitlines()[0].removeprefix(f"{store.fs.name}: ").split(";")[0]


def test_a_damaged_run_is_not_repaired_and_ends_with_4(writer: StoreWriter, tmp_path: Path) -> None:
    flip(tmp_path / layout.RUN)
    for repair in (False, True, True):
        assert verify_store(writer.fs.name, repair) == ExitCode.STORAGE


def test_a_repaired_commit_ends_with_0(
    writer: StoreWriter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(tmp_path / layout.commit_path(StoreReader(writer.fs).commits()[0].key))
    assert verify_store(writer.fs.name, repair=False) == ExitCode.STORAGE
    assert verify_store(writer.fs.name, repair=True) == ExitCode.DONE
    assert verify_store(writer.fs.name, repair=False) == ExitCode.DONE
    assert not writer.fs.exists(layout.SUCCESS)
    assert said(writer, capsys) == "2 units left"


def test_a_store_that_lost_its_plan_is_not_complete(
    writer: StoreWriter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(writer, capsys) == "complete"
    (plan,) = writer.fs.paths(layout.PLANS)
    flip(tmp_path / plan)
    assert verify_store(writer.fs.name, repair=True) == ExitCode.STORAGE  # only `run` can say what was wanted
    assert "repeat the original `knockcast run`" in capsys.readouterr().out
    assert not writer.fs.exists(layout.SUCCESS)
    writer.seal()
    assert said(writer, capsys) == "its plan is missing"
    writer.add_plan(units_of("B", [0]))  # another run's plan does not hide that A's is gone
    assert said(writer, capsys) == "its plan is missing"
    writer.add_plan(units_of("AB", [0]))
    assert said(writer, capsys) == "not sealed"
    assert verify_store(writer.fs.name, repair=False) == ExitCode.DONE


def test_success_beside_work_that_is_left_is_not_complete(
    writer: StoreWriter, capsys: pytest.CaptureFixture[str]
) -> None:
    writer.add_plan(units_of("AB", [0, 1]))
    writer.seal()
    assert said(writer, capsys) == "2 units left"


def test_what_to_do_about_units_left_is_said_where_nobody_is_at_work_on_them(
    writer: StoreWriter, capsys: pytest.CaptureFixture[str]
) -> None:
    writer.add_plan(units_of("AB", [0, 1]))

    def last_line() -> str:
        show_status(writer.fs.name)
        return capsys.readouterr().out.splitlines()[-1]

    assert last_line() == f"knockcast resume {writer.fs.name}"
    driver = Lease.take(writer.fs, ["best"])
    assert driver is not None
    assert "resume" not in last_line()
    driver.end()
    assert last_line() == f"knockcast resume {writer.fs.name}"
