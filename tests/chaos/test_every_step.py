"""SIGKILL before each step of a run's writing: no commit is lost, changed, half seen or done again."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.every_step import Tried, small_run, try_every_step
from tests.chaos.places import in_memory
from tests.promises import Measured
from tests.stores import table_bytes

pytestmark = pytest.mark.timeout(300)

MADE = ("run.json", "plans", "leases", "attempts", "data", "commits", "quarantine", "aside", "_SUCCESS")
EACH = 7  # no divisor of the calls of a file, three and more


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with in_memory(tmp_path) as folder:
        yield folder


def tried_in(place: Path, each: int) -> Tried:
    small_run(str(place / "undisturbed"), place)
    folder = place / "killed"

    def new_place() -> tuple[str, Path]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return str(folder / "store"), folder

    return try_every_step(new_place, table_bytes(place / "undisturbed"), {}, each=each)


@pytest.mark.chaos
def test_a_writer_killed_at_some_steps_harms_nothing(place: Path, measured: Measured) -> None:
    tried = tried_in(place, EACH)
    assert tried.faults == []
    assert len(tried.steps) > 8
    assert tried.looks > tried.steps.total()
    measured(kills=tried.steps.total(), looks_of_a_reader=tried.looks, faults=len(tried.faults))


@pytest.mark.torture
def test_a_writer_killed_at_any_step_harms_nothing(place: Path, measured: Measured) -> None:
    tried = tried_in(place, 1)
    assert tried.faults == []
    assert tried.looks > len(tried.steps)
    calls = ("write", "link", "unlink")
    assert {f"create {name}: {call}" for name in MADE for call in calls} <= set(tried.steps)
    assert {"delete _SUCCESS: unlink", "delete quarantine: unlink"} <= set(tried.steps)
    measured(kills=tried.steps.total(), looks_of_a_reader=tried.looks, faults=len(tried.faults))
