"""Ray's head (GCS) is killed in mid-run: one line, exit code 4, and a resume ends with the same bytes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster import run
from tests.chaos.clusters import two_nodes
from tests.stores import table_bytes

QUICKER = """
from cluster.ray_engine import head
head.LOOK_SECONDS, head.GRACE_SECONDS = 0.5, 3.0
from cluster.cli import main
main()
"""


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_a_killed_head_costs_the_shards_that_were_running(small_dataset: Path, tmp_path: Path):
    undisturbed, store, log = tmp_path / "undisturbed", tmp_path / "store", tmp_path / "log"
    run(small_dataset, undisturbed, methods="modifiers", workers=0)
    arguments = ["run", str(small_dataset), "--store", str(store), "--method", "modifiers"]
    with two_nodes() as (nodes, _), log.open("wb") as output:
        address = nodes.address
        command = [sys.executable, "-c", QUICKER, *arguments, "--shard-size", "1", "--address", address]
        driver = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 120
        while not list((store / "commits").glob("*.json")):
            assert driver.poll() is None, f"the run ended before its head was killed:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"no commit in time:\n{log.read_text()}"
            time.sleep(0.02)  # between looks at the store, whose commits are what is waited for
        nodes.head_node.kill_gcs_server()
        assert driver.wait(60) == 4, log.read_text()
    said = log.read_text()
    assert said.splitlines()[-1].startswith(f"error: {address}: Ray's head has not answered for 3 s")
    assert "Traceback" not in said
    again = [sys.executable, "-m", "cluster", "resume", str(store), "--workers", "0"]
    assert subprocess.run(again, check=False).returncode == 0
    assert table_bytes(store) == table_bytes(undisturbed)
