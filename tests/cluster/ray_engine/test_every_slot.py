"""The same work on every slot of a real Ray."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.ray_engine.every_slot import RaySlots, every_slot
from cluster.runs import calibration
from cluster.runs.remaining import dry_run
from cluster.runs.request import request_of
from tests.cluster.ray_engine.ray_nodes import PATIENCE, ray_head

pytestmark = pytest.mark.ray

COUNT = """
import sys
from pathlib import Path
from cluster.ray_engine import every_slot
results = every_slot.RaySlots.results
def said(self, work, given):
    Path(sys.argv[2]).touch()
    return results(self, work, given)
every_slot.RaySlots.results = said
with every_slot.every_slot(sys.argv[1]) as there:
    print(there.slots, there.nodes)
"""


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


@pytest.mark.timeout(300)
def test_a_cluster_that_begins_without_a_worker_is_counted_once_one_is_there(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    with ray_head(tmp_path, {}) as nodes:
        counting = subprocess.Popen(
            [sys.executable, "-c", COUNT, nodes.address, str(asked)],
            env=os.environ | dict(nodes.environment),
            stdout=subprocess.PIPE,
            text=True,
        )
        end = time.monotonic() + PATIENCE
        while not asked.exists() and counting.poll() is None:
            assert time.monotonic() < end, "nothing was asked of the cluster"
            time.sleep(0.05)  # between two looks, until a task waits for a node
        nodes.add_worker(cpus=2)
        assert counting.communicate(timeout=PATIENCE)[0].split() == ["2", "1"]
