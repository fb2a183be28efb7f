"""The same work on every slot of a real Ray."""

import os
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.ray_engine.every_slot import RaySlots, every_slot
from cluster.runs import calibration
from cluster.runs.remaining import dry_run
from cluster.runs.request import request_of

pytestmark = pytest.mark.ray


def number_and_process(given: str, slot: int) -> tuple[str, int, int]:
    return given, slot, os.getpid()


def fail_on_the_second(given: str, slot: int) -> int:
    if slot == 1:
        raise ValueError(f"{given} cannot be done")
    return slot


def test_each_slot_does_it_in_a_process_of_its_own() -> None:
    with every_slot(workers=2) as there:
        assert isinstance(there, RaySlots)
        assert (there.slots, there.nodes) == (2, 1)
        done = there.results(number_and_process, "it")
        assert sorted((given, slot) for given, slot, _ in done) == [("it", 0), ("it", 1)]
        assert os.getpid() not in {process for _, _, process in done}
        with pytest.raises(ClusterError, match=r"could not do its part: ValueError.*it cannot be"):
            there.results(fail_on_the_second, "it")


def test_plan_measures_on_ray(small_dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "SECONDS", 2.0)
    made = dry_run(request_of(small_dataset, None, methods=("ridge", "kernel"), workers=2), calibrate=True)
    assert made.prepared.factors.keys() == {"ridge", "kernel"}
    assert made.summary.slots == 2
