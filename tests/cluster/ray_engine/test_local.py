"""What a Ray of our own has on this machine goes with its driver, however that ends."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cluster.ray_engine.local import folders, guardian
from tests.promises import Measured


def test_what_a_killed_driver_left_goes_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(folders, "LONGEST_FOLDER", 1000)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    alone = [folders.own_folder() for _ in range(5)]
    killed, young, living, nameless, empty = map(Path, alone)
    for folder in (killed, young):
        (folder / folders.OWNER).write_text(str(ended.pid))
    for folder in (nameless, empty):  # as a worker that started late makes one, and as something else
        (folder / folders.OWNER).unlink()
        (folder / "r" / "session").mkdir(parents=True)
    (nameless / "r" / "notes").write_text("somebody's")
    (killed / "session" / "logs").mkdir(parents=True)
    (link := tmp_path / f"{folders.FOLDER}link").symlink_to(living)
    for folder in (killed, living, nameless, empty):
        os.utime(folder, (0, 0))
    fresh = Path(folders.own_folder())
    assert sorted(tmp_path.iterdir()) == sorted((young, living, nameless, link, fresh))


DRIVER = """
import os, sys
from cluster.ray_engine.runtime import connected
with connected("local", workers=2):
    import ray
    print(ray._private.worker.global_worker.node.get_session_dir_path(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.ray
@pytest.mark.timeout(180)
@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "ended"])
def test_nothing_is_left_of_a_driver_half_a_minute_later(is_killed: bool, measured: Measured) -> None:
    """Ray's own agents would stay a minute."""
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert driver.stdout is not None
    folder = Path(driver.stdout.readline().decode().strip()).parents[1]
    known = {pid for pid, _ in guardian.begun_by(driver.pid)}
    processes = psutil.Process(driver.pid).children(recursive=True)
    assert folder.name.startswith(folders.FOLDER)
    assert {"raylet", "gcs_server"} <= {each.name() for each in processes if each.pid in known}
    if is_killed:
        driver.kill()
    driver.communicate()
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive
    assert not folder.exists()
    measured(processes_that_went=len(processes))


def test_a_driver_that_says_goodbye_keeps_what_is_there(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    with guardian.guarded(str(tmp_path)):
        assert other.poll() is None
    assert tmp_path.exists()
    assert other.poll() is None
    other.communicate()


def test_a_process_that_has_a_dead_ones_number_is_let_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    line = f'{{"processes": [[{other.pid}, "1"]], "folder": "{tmp_path}/none"}}\n'
    subprocess.run([sys.executable, guardian.__file__], input=line, text=True, check=True)
    assert other.poll() is None
    other.communicate()
