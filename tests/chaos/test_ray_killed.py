"""Ray's own processes are killed in mid-run: one line, exit code 4, and a resume ends with the same bytes."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster import run
from tasks.dataset.dataset import Dataset
from tests.chaos.clusters import two_nodes
from tests.processes import raylets
from tests.promises import Measured
from tests.stores import table_bytes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

QUICKER = """
from cluster.ray_engine import watch
watch.LOOK_SECONDS, watch.GRACE_SECONDS = 0.5, 3.0
from cluster.cli import main
main()
"""


TARGETS, SMALL = 20, ("--shard-size", "1")


@pytest.fixture(scope="module")
def undisturbed(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    run(small_dataset, store, methods="modifiers", targets=some_of(small_dataset), workers=0)
    return table_bytes(store)


def test_a_killed_head_costs_the_shards_that_were_running(
    small_dataset: Path, undisturbed: dict[str, bytes], tmp_path: Path, measured: Measured
):
    with two_nodes() as (nodes, _):
        address = nodes.address
        driver = started(small_dataset, tmp_path, "--address", address)
        nodes.head_node.kill_gcs_server()
        said = end_of(driver, tmp_path)
    assert said.splitlines()[-1].startswith(f"error: {address}: Ray's head has not answered for 3 s")
    with two_nodes() as (again, _):  # another head, as its keeper starts it
        resumed_to(undisturbed, tmp_path, "--address", again.address)
    measured(heads_killed=1, tables_equal=len(undisturbed))


def test_a_killed_raylet_of_our_own_ends_the_run_and_nobody_is_blamed(
    small_dataset: Path, undisturbed: dict[str, bytes], tmp_path: Path, measured: Measured
):
    driver = started(small_dataset, tmp_path, "--workers", "1")
    (raylet,) = raylets(driver.pid)
    raylet.kill()
    said = end_of(driver, tmp_path)
    assert re.search(r"^error: .*Ray's raylet on this machine has (died|not answered)", said, re.MULTILINE)
    assert not list((tmp_path / "store").rglob("quarantine/*.json"))
    resumed_to(undisturbed, tmp_path, "--workers", "0")
    measured(raylets_killed=1, tables_equal=len(undisturbed))


def some_of(dataset: Path) -> list[str]:
    return Dataset.open(dataset).targets[:TARGETS]


def started(dataset: Path, folder: Path, *where: str) -> subprocess.Popen[bytes]:
    """A run that has committed something."""
    store, log = folder / "store", folder / "log"
    command = [sys.executable, "-c", QUICKER, "run", str(dataset), "--store", str(store)]
    with log.open("wb") as output:
        driver = subprocess.Popen(
            [*command, "--method", "modifiers", "--targets", ",".join(some_of(dataset)), *SMALL, *where],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 120
    while not list((store / "commits").glob("*.json")):
        assert driver.poll() is None, f"the run ended before Ray was killed:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"no commit in time:\n{log.read_text()}"
        time.sleep(0.02)  # between looks at the store, whose commits are what is waited for
    return driver


def end_of(driver: subprocess.Popen[bytes], folder: Path) -> str:
    """What it said, once it has ended with 4."""
    code = driver.wait(90)
    said = (folder / "log").read_text()
    assert code == 4, said
    assert "Traceback" not in said
    return said


def resumed_to(expected: dict[str, bytes], folder: Path, *where: str) -> None:
    again = [sys.executable, "-m", "cluster", "resume", str(folder / "store"), *where]
    assert subprocess.run(again, check=False).returncode == 0
    assert table_bytes(folder / "store") == expected
