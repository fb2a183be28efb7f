"""The explorer listens on this machine's loopback alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.made_stores import made_store
from tests.processes import listened_on
from tests.promises import Measured


@pytest.mark.timeout(100)
def test_it_listens_on_loopback_alone(tmp_path: Path, measured: Measured) -> None:
    made_store(tmp_path / "store")
    command = [sys.executable, "-m", "cluster", "explore", str(tmp_path / "store")]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        said = next(line for line in server.stdout if "http://" in line)
        assert "http://127.0.0.1:" in said
        found = listened_on(server.pid)
        assert found == {"127.0.0.1"}
    finally:
        server.terminate()
        server.wait(30)
    measured(addresses_listened_on=len(found))
