"""One job's story on a real cluster: a head and two workers, as processes, with a token and a bucket."""

import asyncio
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.errors import RefusedError
from cluster.ray_engine import submit
from cluster.ray_engine.jobs import Jobs
from cluster.ray_engine.runtime import environment_restored
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tests.cluster.ray_engine.ray_nodes import RayNodes, end_family, ray_head, works_on
from tests.commands import knockcast
from tests.object_storage.servers import serving_bucket
from tests.promises import Measured

ROOT = Path(__file__).parents[3]
STORE = "s3://bucket/store"
TARGETS = 40
PATIENCE = 240.0  # seconds, for one event on a busy machine


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayNodes]:
    """A head without work, a node of two CPUs and one of one; we have the token, and a bucket is served."""
    with (
        environment_restored(),
        serving_bucket("moto", tmp_path) as variables,
        ray_head(tmp_path, variables) as nodes,
    ):
        nodes.add_worker(cpus=2)
        nodes.add_worker(cpus=1)
        for name, value in {**variables, "RAY_AUTH_TOKEN": nodes.token}.items():
            monkeypatch.setenv(name, value)
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
            monkeypatch.delenv(name, raising=False)
        yield nodes


class Following(threading.Thread):
    """A user who has attached to a job: its output so far, and the exit status once it has ended."""

    def __init__(self, jobs: Jobs, job: str) -> None:
        super().__init__(daemon=True)
        self.out = io.StringIO()
        self.status: int | None = None
        self._jobs, self._job = jobs, job
        self.start()

    def run(self) -> None:
        self.status = self._jobs.follow(self._job, self.out)

    def ended(self) -> int | None:
        self.join(PATIENCE)
        return self.status


def until(question: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not question():
        assert time.monotonic() < end, what
        time.sleep(0.2)  # between two questions, until it is so


def commits() -> int:
    try:
        return len(StoreReader.open(STORE).committed_units())
    except Exception:  # it is not there yet
        return 0


def followed_within_a_loop(jobs: Jobs, job: str) -> tuple[int, str]:
    """As in a notebook, where no second event loop can run, so that no output can be received as it comes."""
    out = io.StringIO()

    async def follow() -> int:
        return jobs.follow(job, out)

    return asyncio.run(follow()), out.getvalue()


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_a_job_outlives_its_client_and_a_node_and_is_resumed_from_elsewhere(
    cluster: RayNodes,
    tmp_path: Path,
    small_dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
    measured: Measured,
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{cluster.url}/api/jobs/", timeout=5)  # noqa: S310 - our own loopback URL
    assert refused.value.code == 401
    targets = ",".join(Dataset.open(small_dataset).targets[:TARGETS])
    run = ["run", str(small_dataset), "--store", STORE, "--method", "ridge", "--targets", targets]
    run += ["--no-final", "--shard-size", "1"]

    client = subprocess.Popen(
        [sys.executable, "-m", "cluster", "submit", "--address", cluster.url, "--", *run],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert client.stderr is not None
    said = client.stderr.readline()
    until(lambda: commits() > 0, "nothing is committed")
    client.send_signal(signal.SIGKILL)
    client.wait()

    found = re.search(r"job: (\S+) \(run 1\): at work; (.*) --attach \1", knockcast("status", STORE).stdout)
    assert found is not None
    job = found[1]
    assert f"job {job}: {found[2]} --attach {job}" in said
    assert found[2] == f"knockcast submit --address {cluster.url}"
    jobs = Jobs(cluster.url)
    attached = Following(jobs, job)
    until(lambda: "units wanted" in attached.out.getvalue(), "the output does not come")

    victim = cluster.started[-1]
    until(lambda: works_on(victim, "ridge fold"), "the second node gets no shard")
    end_family(victim)
    before = commits()
    until(lambda: commits() > before + 3, "nothing is done without the node")
    assert knockcast("submit", "--address", cluster.url, "--stop", job).returncode == 0
    assert attached.ended() == 130
    assert commits() < TARGETS * 5

    resumed = knockcast("submit", "--address", cluster.url, "--", "resume", STORE)
    assert resumed.returncode == 0, resumed.stdout
    assert f"{STORE}: complete" in resumed.stdout
    counted = knockcast("query", STORE, "SELECT count(*) AS n FROM scores", "--format", "csv")
    assert counted.stdout.split() == ['"n"', str(TARGETS * 5)]
    nothing = submit.submit(jobs, ["status", str(tmp_path / "no store here")])
    out = io.StringIO()
    assert jobs.follow(nothing, out) == 2
    assert "not a store" in out.getvalue()
    assert followed_within_a_loop(jobs, nothing) == (2, out.getvalue())
    assert jobs.stop(nothing) is False
    listed = knockcast("submit", "--address", cluster.url, "--list").stdout.splitlines()
    assert [line.split("  ")[1] for line in listed] == ["failed (2)", "succeeded (0)", "stopped"]
    assert listed[-1].startswith(job)
    assert "has ended; knockcast submit" in knockcast("status", STORE).stdout
    for option, name in (("--attach", "nobody"), ("--logs", "../../x"), ("--stop", "a?b")):
        unknown = knockcast("submit", "--address", cluster.url, option, name)
        assert (unknown.returncode, f"no job {name} is known there" in unknown.stderr) == (2, True)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "wrong" * 8)
    with pytest.raises(RefusedError, match="refused our token"):
        Jobs(cluster.url)
    assert not (tmp_path / ".ray").exists()
    measured(clients_killed=1, nodes_killed=1, jobs_stopped=1, results_of_all_in_the_end=TARGETS * 5)
