"""What a Ray of our own has on this machine goes with its driver, however that ends."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
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
import subprocess, sys
from cluster.ray_engine.runtime import connected
subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
with connected("local", workers=2):
    import ray
    print(ray._private.worker.global_worker.node.get_session_dir_path(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.ray
@pytest.mark.timeout(180)
@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "ended"])
def test_no_process_is_left_of_a_driver_half_a_minute_later(is_killed: bool, measured: Measured) -> None:
    """Ray's own agents would stay a minute. The folder of one that was killed goes with a later run."""
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert driver.stdout is not None
    folder = Path(driver.stdout.readline().decode().strip()).parents[1]
    known = {pid for pid, _ in guardian.begun_by(driver.pid)}
    processes = psutil.Process(driver.pid).children(recursive=True)
    assert folder.name.startswith(folders.FOLDER)
    assert {"raylet", "gcs_server"} <= {each.name() for each in processes if each.pid in known}
    others = [each for each in processes if each.name() == "sleep"]
    assert len(others) == 1
    if is_killed:
        driver.kill()
    driver.communicate()
    _, alive = psutil.wait_procs([each for each in processes if each not in others], timeout=30)
    assert not alive
    assert others[0].is_running()  # what is not Ray's is nobody's business
    others[0].kill()
    assert is_killed or not [path for path in folder.rglob("*") if path.is_file()]
    measured(processes_that_went=len(processes) - 1)


def waiting() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)


def is_guardian(process: psutil.Process) -> bool:
    with suppress(psutil.Error):  # another test's child, which has ended
        return guardian.__file__ in process.cmdline()
    return False


def test_the_guardian_goes_with_a_driver_that_ends_and_ends_nothing() -> None:
    other = waiting()
    with guardian.guarded([]):
        (own,) = [each for each in psutil.Process().children() if is_guardian(each)]
        own.suspend()  # and is not waited for
    assert not own.is_running()
    assert other.poll() is None
    other.communicate()


def test_only_what_it_was_told_of_is_ended_and_no_other_process_of_that_number() -> None:
    told, reused, other = (waiting() for _ in range(3))
    begun = dict(guardian.begun_by(os.getpid()))
    line = json.dumps([[told.pid, begun[told.pid]], [reused.pid, "1"]]) + "\n"
    subprocess.run([sys.executable, guardian.__file__], input=line, text=True, check=True)
    assert told.wait() == -signal.SIGKILL
    for each in (reused, other):
        assert each.poll() is None
        each.communicate()


def test_a_process_may_have_any_bytes_for_a_name() -> None:
    code = "import ctypes, sys; ctypes.CDLL(None).prctl(15, bytes([71, 195, 41, 255]), 0, 0, 0); "
    code += "print(flush=True); sys.stdin.read()"
    named = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert named.stdout is not None
    named.stdout.readline()
    assert named.pid in dict(guardian.begun_by(os.getpid()))
    named.communicate()


def test_where_no_guardian_can_be_started_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guardian.sys, "executable", "/none/python")
    with guardian.guarded([]):
        assert True
