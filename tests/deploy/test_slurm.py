"""The Slurm script: what a linter says, and a job of three nodes that are processes of this machine."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from cluster.store.reader import StoreReader
from tests.deploy.rendering import DEPLOY
from tests.made_datasets import tiny_dataset

SCRIPT = DEPLOY / "slurm" / "knockcast.sbatch"
STANDIN = Path(__file__).with_name("standin")  # srun and scontrol
CHOSEN = ("--method", "modifiers", "--preset", "ols", "--folds", "2", "--no-final")
PATIENCE = 120.0  # seconds
JOB = os.getpid()  # its number, which differs between jobs of one time; ports follow from it
RAYS_FILES = Path(f"/tmp/ray-{JOB}")  # noqa: S108 - the script's own


def test_the_linter_finds_nothing() -> None:
    linter = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert linter is not None
    done = subprocess.run([linter, SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@contextmanager
def batch_job(
    installed: Path, folder: Path, nodes: Sequence[str], words: Sequence[str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """The script as sbatch starts it on the first of its nodes; what it leaves behind is ended with it."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "SLURM_"))
    }
    environment |= {
        "PATH": f"{STANDIN}:{os.environ['PATH']}",
        "HOME": str(folder),
        "KNOCKCAST_BIN": str(installed),
        "KNOCKCAST_HEAD_IP": "127.0.0.1",
        "SLURM_JOB_ID": str(JOB),
        "SLURM_JOB_NODELIST": ",".join(nodes),
        "SLURM_JOB_NUM_NODES": str(len(nodes)),
        "SLURM_CPUS_ON_NODE": "1",
        "SLURM_SUBMIT_DIR": str(folder),
    }
    with (folder / "job.log").open("wb") as log:
        job = subprocess.Popen(
            ["bash", SCRIPT, *words],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield job
    finally:
        for process in reversed(running(job.pid)):
            process.kill()
        job.wait(20)


def running(session: int) -> list[psutil.Process]:
    """What still runs of a job: the script, and those of Ray, which name its folder."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if process.pid == session or f"{RAYS_FILES}/" in words:
            found.append(process)
    return found


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.timeout(240)
def test_a_job_runs_on_its_nodes_and_leaves_nothing_but_the_store(installed: Path, tmp_path: Path) -> None:
    tiny_dataset(tmp_path / "dataset")
    words = ("run", str(tmp_path / "dataset"), "--store", str(tmp_path / "store"), *CHOSEN)
    with batch_job(installed, tmp_path, ("n1", "n2", "n3"), words) as job:
        code = job.wait(PATIENCE)
        log = (tmp_path / "job.log").read_text(encoding="utf-8")
        assert code == 0, log + (tmp_path / f"knockcast-{JOB}-ray.log").read_text(encoding="utf-8")
        assert running(job.pid) == []
    assert len(StoreReader.open(tmp_path / "store").committed_units()) == 12
    assert (tmp_path / "steps").read_text(encoding="utf-8") == "n1\nn2,n3\n"
    assert not RAYS_FILES.exists()
    assert not list(tmp_path.glob(".knockcast-*"))  # the token


@pytest.mark.ray
@pytest.mark.timeout(240)
def test_a_signal_before_the_time_limit_puts_the_job_back_into_the_queue(
    installed: Path, small_dataset: Path, tmp_path: Path
) -> None:
    words = ("run", str(small_dataset), "--store", str(tmp_path / "store"), "--preset", "published")
    with batch_job(installed, tmp_path, ("n1",), words) as job:
        end = time.monotonic() + PATIENCE
        while not list(tmp_path.glob("store/attempts/*")):
            assert job.poll() is None, (tmp_path / "job.log").read_text(encoding="utf-8")
            assert time.monotonic() < end, "the run did not begin"
            time.sleep(0.2)  # between two looks, until the first shard has begun
        job.send_signal(signal.SIGTERM)
        assert job.wait(PATIENCE) == 130, (tmp_path / "job.log").read_text(encoding="utf-8")
    assert (tmp_path / "requeued").read_text(encoding="utf-8") == str(JOB)
    assert "interrupted; resumable" in (tmp_path / "job.log").read_text(encoding="utf-8")


def refused(folder: Path, **variables: str) -> str:
    """What the script says that ends before it has started anything."""
    done = subprocess.run(
        ["bash", SCRIPT, "run"],
        env={"PATH": f"{STANDIN}:/usr/bin:/bin", **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert list(folder.iterdir()) == []
    return done.stderr


def test_outside_slurm_it_says_what_it_is_and_starts_nothing(tmp_path: Path) -> None:
    assert "give it to sbatch" in refused(tmp_path)


def test_a_head_whose_name_leads_nowhere_says_what_to_set(tmp_path: Path) -> None:
    nodes = {"SLURM_JOB_NODELIST": "no-such-node.invalid", "SLURM_JOB_NUM_NODES": "1"}
    said = refused(tmp_path, SLURM_JOB_ID="7", **nodes)
    assert "no-such-node.invalid leads to no address; set KNOCKCAST_HEAD_IP" in said
