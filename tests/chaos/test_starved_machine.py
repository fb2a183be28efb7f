"""A machine too busy, or asleep, to answer Ray's health checks for a while is no reason to give a run up."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.processes import raylets
from tests.promises import Measured
from tests.stores import table_bytes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

SECONDS = 12.0  # with checks every second and three misses allowed, as on clusters, Ray gives up after 6


def test_a_run_on_this_machine_outlives_a_ray_node_that_stands_still(
    small_dataset: Path, tmp_path: Path, measured: Measured
):
    undisturbed, store, log = tmp_path / "undisturbed", tmp_path / "store", tmp_path / "log"
    asked = ["--method", "modifiers", "--preset", "ols"]
    command = [sys.executable, "-m", "cluster", "run", str(small_dataset), *asked]
    subprocess.run([*command, "--store", str(undisturbed), "--workers", "0"], capture_output=True, check=True)
    with log.open("wb") as output:
        arguments = [*command, "--store", str(store), "--workers", "1", "--shard-size", "1"]
        driver = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT)
    while not list((store / "commits").glob("*.json")):
        assert driver.poll() is None, log.read_text()
        threading.Event().wait(0.02)  # between looks at the store, whose commits are what is waited for
    (raylet,) = raylets(driver.pid)
    raylet.suspend()
    threading.Event().wait(SECONDS)  # the fault itself
    raylet.resume()
    assert driver.wait(200) == 0, log.read_text()
    assert table_bytes(store) == table_bytes(undisturbed)
    measured(seconds_that_it_stood_still=SECONDS, tables_equal=len(table_bytes(store)))
