"""A machine too busy, or asleep, to answer Ray's health checks for a while is no reason to give a run up."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from cluster.store.reader import StoreReader
from tests.processes import raylets
from tests.promises import Measured
from tests.stores import table_bytes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

A_MINUTE = 60.0
SECONDS = 12.0  # with checks every second and three misses allowed, as on clusters, Ray gives up after 6


@pytest.fixture
def begun(small_dataset: Path, tmp_path: Path) -> Iterator["Begun"]:
    """A run that has committed something."""
    asked = ["--method", "modifiers", "--preset", "ols"]
    command = [sys.executable, "-m", "cluster", "run", str(small_dataset), *asked]
    undisturbed = [*command, "--store", str(tmp_path / "undisturbed"), "--workers", "0"]
    subprocess.run(undisturbed, capture_output=True, check=True)
    store, log = tmp_path / "store", tmp_path / "log"
    with log.open("wb") as output:
        arguments = [*command, "--store", str(store), "--workers", "2", "--shard-size", "1"]
        driver = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT)
    while not list((store / "commits").glob("*.json")):
        assert driver.poll() is None, log.read_text()
        threading.Event().wait(0.02)  # between looks at the store, whose commits are what is waited for
    yield Begun(driver, store, table_bytes(tmp_path / "undisturbed"), log)
    driver.kill()


class Begun(NamedTuple):
    """A run at work, its store, the tables of an undisturbed one, and what it says."""

    driver: "subprocess.Popen[bytes]"
    store: Path
    tables: dict[str, bytes]
    log: Path

    def after(self, stopped: psutil.Process, seconds: float) -> int:
        """Its exit code, once a process has stood still for so long."""
        stopped.suspend()
        threading.Event().wait(seconds)  # the fault itself
        stopped.resume()
        return self.driver.wait(200)


def test_a_run_on_this_machine_outlives_a_ray_node_that_stands_still(begun: Begun, measured: Measured):
    (raylet,) = raylets(begun.driver.pid)
    assert begun.after(raylet, SECONDS) == 0, begun.log.read_text()
    assert table_bytes(begun.store) == begun.tables
    measured(seconds_that_it_stood_still=SECONDS, tables_equal=len(begun.tables))


@pytest.mark.torture
def test_a_driver_that_stands_still_for_a_minute_goes_on_and_redoes_nothing(begun: Begun, measured: Measured):
    assert begun.after(psutil.Process(begun.driver.pid), A_MINUTE) == 0, begun.log.read_text()
    assert table_bytes(begun.store) == begun.tables
    reader = StoreReader.open(begun.store)
    assert len(reader.attempts()) == len(reader.commits())
    measured(
        seconds_that_it_stood_still=A_MINUTE, shards=len(reader.commits()), tables_equal=len(begun.tables)
    )
