"""A disk full in mid-run: exit code 4 with path and remedy; with room, a resume ends with the same bytes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.maintenance.maintain import verify
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from tests.promises import Measured
from tests.stores import table_bytes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(200)]

ROOM = 1 << 20  # bytes: for some of the run's shards


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a tmpfs is refused here: a full disk was not tested")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "cluster", *words]
    return subprocess.run(line, capture_output=True, text=True, check=False, env=os.environ)


def test_a_run_on_a_full_disk_goes_on_when_there_is_room(
    disk: Path, small_dataset: Path, tmp_path: Path, measured: Measured
) -> None:
    store, whole = disk / "store", tmp_path / "whole"
    asked = ("--method", "ridge", "--workers", "0", "--shard-size", "5")
    assert command("run", str(small_dataset), "--store", str(whole), *asked).returncode == 0
    stopped = command("run", str(small_dataset), "--store", str(store), *asked)
    assert stopped.returncode == 4, stopped.stderr
    said = next(line for line in stopped.stderr.splitlines() if line.startswith("error: "))
    assert str(store) in said
    assert "the disk is full: free some space" in said
    assert "Traceback" not in stopped.stderr
    before = {commit.key: commit.sha256 for commit in StoreReader(open_filesystem(store)).commits()}
    subprocess.run(["mount", "-o", f"remount,size={64 * ROOM}", str(disk)], check=True)
    assert verify(open_filesystem(store)).ok
    assert command("resume", str(store), "--workers", "0").returncode == 0
    after = {commit.key: commit.sha256 for commit in StoreReader(open_filesystem(store)).commits()}
    assert before.items() <= after.items()
    assert table_bytes(store) == table_bytes(whole)
    assert verify(open_filesystem(store)).ok
    measured(shards_committed_when_it_was_full=len(before), shards_in_the_end=len(after))
