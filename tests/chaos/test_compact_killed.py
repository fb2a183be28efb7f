"""SIGKILL before each step of `gc --compact`: a store has its rows, whole, at every moment."""

import itertools
import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.maintenance.compact import compact, remove_replaced
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store import layout
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from tests.chaos.every_step import PROCESSES, met_at
from tests.chaos.places import in_memory
from tests.made_stores import made_commit, made_tables, made_writer, units_of
from tests.promises import Measured
from tests.stores import table_bytes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with in_memory(tmp_path) as folder:
        yield folder


def compact_wholly(place: str) -> None:
    fs = open_filesystem(place)
    compact(fs)
    remove_replaced(fs, 0)


def compact_killed(place: str, at: int, seen: Any) -> None:
    """In a process of its own: killed before the call of that number, whose name `seen` gets."""

    def die(step: str) -> None:
        seen.send(step)
        os.kill(os.getpid(), signal.SIGKILL)

    with met_at(at, die):
        compact_wholly(place)
    seen.send("")


def killed_at(place: Path, number: int) -> str:
    hear, tell = multiprocessing.Pipe(duplex=False)
    process = PROCESSES.Process(target=compact_killed, args=(str(place), number, tell))
    process.start()
    tell.close()
    process.join()
    step: str = hear.recv()
    assert process.exitcode == (-signal.SIGKILL if step else 0), (step, process.exitcode)
    return step


def test_compaction_killed_at_any_step_harms_nothing(place: Path, measured: Measured) -> None:
    writer = made_writer(place / "whole")
    units = units_of("AB", [0])
    writer.add_plan(units)
    for unit in units:
        made_commit(writer, [unit], tables={"scores": made_tables([unit])["scores"]})
    writer.seal()
    rows = table_bytes(place / "whole")
    attempts = StoreReader(writer.fs).attempts()
    steps, store = [], place / "killed"
    for number in itertools.count(1):
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(place / "whole", store)
        step = killed_at(store, number)
        fs = open_filesystem(store)
        assert table_bytes(store) == rows, step
        assert [str(problem) for problem in verify(fs).problems] == [], step
        compact_wholly(str(store))
        gc(fs, stale_seconds=0)
        assert table_bytes(store) == rows, step
        assert StoreReader(fs).attempts() == attempts, step
        assert [str(problem) for problem in verify(fs).problems] == [], step
        assert StoreReader(fs).is_sealed(), step
        assert fs.paths(layout.COMMITS) == [layout.SIGNPOST], step
        assert fs.paths(layout.DATA) == fs.paths(layout.ATTEMPTS) == [], step
        if not step:
            break
        steps.append(step)
    made = ("create packs: write", "create packs: link", "create packs: unlink", "create commits: link")
    assert {*made, "delete packs: unlink"} <= set(steps)
    assert steps.count("unlink") == 6  # what packs replace
    measured(steps_killed_at=len(steps))
