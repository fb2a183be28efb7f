"""Ray jobs: refusals without a cluster, and one real head with a token."""

import contextlib
import io
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cluster.errors import RefusedError
from cluster.ray_engine import submit
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError


@pytest.fixture
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_token")
def test_an_open_address_is_refused_without_a_token() -> None:
    with pytest.raises(RefusedError, match="RAY_AUTH_TOKEN"):
        submit.submit_command("http://192.0.2.7:8265", ["run"], True, None, None, insecure=False)


@pytest.mark.parametrize("address", ["", "auto", "192.0.2.7:8265", "ray://192.0.2.7:10001", "http://"])
def test_an_address_that_is_no_url_is_bad_input(address: str) -> None:
    with pytest.raises(BadInputError, match="URL of a Ray dashboard"):
        submit.Jobs(address, insecure=True)


def test_words_are_quoted_and_the_job_uses_its_own_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "is_installed", lambda: True)
    assert submit.entrypoint(["run", "my data", "--store", "s; rm -rf /"]).endswith(
        " || echo knockcast; fi)\" run 'my data' --store 's; rm -rf /' --address auto"
    )
    assert submit.entrypoint(["status", "s"]).endswith(
        '/knockcast; else command -v knockcast || echo knockcast; fi)" status s'
    )
    assert submit.entrypoint(["resume", "s", "--address=local"]).endswith(" resume s --address=local")
    monkeypatch.setattr(submit, "is_installed", lambda: False)
    assert submit.entrypoint(["status", "s"]).endswith('" -m cluster status s')
    with pytest.raises(BadInputError, match="nothing to submit"):
        submit.entrypoint([])


def test_a_token_comes_from_the_environment_or_the_file_it_names(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from file\n")
    assert submit.token_of({}) is None
    assert submit.token_of({"RAY_AUTH_TOKEN": "direct", "RAY_AUTH_TOKEN_PATH": str(file)}) == "direct"
    assert submit.token_of({"RAY_AUTH_TOKEN_PATH": str(file)}) == "from file"
    with pytest.raises(BadInputError, match="cannot be read"):
        submit.token_of({"RAY_AUTH_TOKEN_PATH": str(tmp_path / "absent")})


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@pytest.fixture
def head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The dashboard's URL of a Ray head with token authentication, started and ended by us alone."""
    short = tempfile.mkdtemp(prefix="kc")  # Ray puts sockets there, whose paths may hold 107 bytes
    token, (port, dashboard, agent, client) = secrets.token_hex(16), free_ports(4)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    environment |= {
        "HOME": str(tmp_path),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    words = [
        "ray",
        "start",
        "--head",
        "--block",
        "--num-cpus=1",
        f"--port={port}",
        "--node-ip-address=127.0.0.1",
    ]
    words += ["--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
    words += [f"--dashboard-agent-listen-port={agent}", f"--ray-client-server-port={client}"]
    words += [f"--temp-dir={short}"]
    log = (tmp_path / "head.log").open("wb")
    started = subprocess.Popen(
        words, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    try:
        url = f"http://127.0.0.1:{dashboard}"
        patience = time.monotonic() + 60
        while not answers(url, token):
            assert started.poll() is None, (tmp_path / "head.log").read_text()
            assert time.monotonic() < patience, "the dashboard did not come up"
            time.sleep(0.2)
        yield url
    finally:
        end_family(started)
        log.close()
        shutil.rmtree(short, ignore_errors=True)


def end_family(started: subprocess.Popen[bytes]) -> None:
    """Kill a process we started and all it started, by their ids."""
    family = psutil.Process(started.pid).children(recursive=True) if started.poll() is None else []
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # gone with its parent
            process.send_signal(signal.SIGKILL)
    started.kill()
    started.wait(20)
    psutil.wait_procs(family, timeout=20)


def answers(url: str, token: str) -> bool:
    request = urllib.request.Request(f"{url}/api/jobs/", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:  # noqa: S310 - our own loopback URL
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.ray
@pytest.mark.timeout(200)
def test_a_real_job_is_sent_followed_and_its_exit_status_returned(
    head: str, tmp_path: Path, small_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{head}/api/jobs/", timeout=5)  # noqa: S310 - our own loopback URL
    assert refused.value.code == 401
    jobs = submit.Jobs(head)
    job = jobs.submit(["status", str(tmp_path / "no store here")])
    out = io.StringIO()
    assert jobs.follow(job, out) == 2
    assert "not a store" in out.getvalue()
    assert "not a store" in jobs.logs(job)
    assert jobs.stop(job) is False
    store = tmp_path / "store"
    targets = ",".join(Dataset.open(small_dataset).targets[:3])
    chosen = ["--method", "modifiers", "--targets", targets, "--no-final"]
    job = jobs.submit(["run", str(small_dataset), "--store", str(store), *chosen])
    out = io.StringIO()
    assert jobs.follow(job, out) == 0, out.getvalue()
    assert len(StoreReader.open(store).committed_units()) == 3 * 5
    monkeypatch.setenv("RAY_AUTH_TOKEN", "wrong" * 8)
    with pytest.raises(RefusedError, match="refused our token"):
        submit.Jobs(head)
    assert not (tmp_path / ".ray").exists()


def test_the_jobs_python_is_found_where_no_environment_is_active(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(submit, "is_installed", lambda: False)
    fake = tmp_path / "my env" / "python"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho here $@\n")
    fake.chmod(0o755)
    monkeypatch.setattr(submit.sys, "executable", str(fake))

    def output() -> str:
        line = submit.entrypoint(["status", "s"])
        command, path = ["/bin/sh", "-c", line], {"PATH": str(tmp_path)}
        done = subprocess.run(command, env=path, capture_output=True, text=True, check=False)
        return done.stdout or done.stderr

    assert output() == "here -m cluster status s\n"
    fake.rename(tmp_path / "python3")  # the head has it elsewhere
    assert output() == "here -m cluster status s\n"
    (tmp_path / "python3").unlink()
    assert "python" in output()
    assert "not found" in output()
