"""Slices of `make torture`: two minutes of it, and one of kills alone."""

import time
from pathlib import Path

import pytest

from cluster.store.filesystem import open_filesystem
from tests.chaos.torture.__main__ import prepared
from tests.chaos.torture.driver import left_over
from tests.chaos.torture.kept import Kept
from tests.chaos.torture.places import every_kind
from tests.made_stores import made_store
from tests.promises import Measured

SECONDS = 120.0
KILLS = 20


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_two_minutes_of_everything_lose_and_redo_nothing(tmp_path: Path, measured: Measured) -> None:
    torture = prepared(tmp_path, kills=3)
    until, number = time.monotonic() + SECONDS, 0
    with every_kind(tmp_path) as places:  # nodes that come and go: `make torture`, test_nodes_come_and_go.py
        torture.places = places
        while time.monotonic() < until:
            torture.round(number, seed=0)
            number += 1
    assert left_over(torture.family) == []
    measured(rounds=number, **torture.done)


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_a_driver_killed_at_twenty_random_moments_loses_and_redoes_nothing(
    tmp_path: Path, measured: Measured
) -> None:
    torture, number = prepared(tmp_path, kills=KILLS, workers=(0,)), 0
    while torture.done["driver killed"] < KILLS:
        torture.round(number, seed=2)
        number += 1
    assert left_over(torture.family) == []
    measured(rounds=number, **torture.done)


def test_what_was_lost_changed_or_begun_again_is_seen(tmp_path: Path) -> None:
    store = tmp_path / "store"
    made_store(store)
    (store / "_SUCCESS").unlink()  # with it, a reader refuses a store that has lost a commit
    fs = open_filesystem(store)
    kept = Kept.of(fs)
    lost, changed, again = sorted(kept.files)[:3]
    assert kept.changed(fs) == []
    (store / "commits" / f"{lost}.json").unlink()
    scores = next(path for path in kept.files[changed] if path.startswith("data/scores/"))
    (store / scores).write_bytes(b"other")
    (store / "attempts" / again / "2.json").write_text("{}")
    assert [line.split(": ")[0] for line in kept.changed(fs)] == [lost, changed, again]
