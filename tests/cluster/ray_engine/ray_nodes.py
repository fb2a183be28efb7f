"""A Ray cluster as people start one: `ray start` on a head and on workers, each with processes of its own."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.chaos.clusters import HEALTH_CHECKS
from tests.cluster.ray_engine.process_nodes import NODE_ID, autoscaling, node_id
from tests.ports import free_ports

PATIENCE = 120.0  # seconds


@dataclass
class RayNodes:
    """The nodes of one cluster: the head's `url` and GCS `address`, and the token that both ask for."""

    url: str
    address: str
    token: str
    environment: Mapping[str, str]
    folder: Path
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def add_worker(self, cpus: int) -> "subprocess.Popen[bytes]":
        """Start one more node, and wait until it is one: two that start at once on a machine may lose one."""
        words = [f"--address={self.address}", f"--num-cpus={cpus}", *_own_ports(1)]
        log = self.folder / f"node-{len(self.started)}.log"
        process = self.start(words)
        end = time.monotonic() + PATIENCE
        while "Ray runtime started" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, "the node did not come up"
            time.sleep(0.2)  # between two looks, until it is there
        return process

    def start(self, words: Sequence[str]) -> "subprocess.Popen[bytes]":
        """Start a node that ends with us."""
        line = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--disable-usage-stats"]
        with (self.folder / f"node-{len(self.started)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*line, "--node-ip-address=127.0.0.1", *words],
                env=dict(self.environment),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process


@contextmanager
def ray_head(
    folder: Path, variables: Mapping[str, str], cpus: int = 0, at_most: int = 0
) -> Iterator[RayNodes]:
    """A head with token authentication on loopback, whose processes have these environment variables.

    With `at_most`, Ray's autoscaler starts up to so many workers of one CPU where they are needed.
    """
    temporary = tempfile.mkdtemp(prefix="kc")  # Ray puts sockets there, whose paths may hold 107 bytes
    token, (port, dashboard, client) = secrets.token_hex(16), free_ports(3)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {
        "HOME": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **variables,
    }
    head = ["--head", f"--num-cpus={cpus}", f"--port={port}", f"--ray-client-server-port={client}"]
    head += ["--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
    head += [f"--temp-dir={temporary}", f"--system-config={json.dumps(HEALTH_CHECKS)}"]
    address = f"127.0.0.1:{port}"
    if at_most:
        config = folder / "autoscaling.json"
        config.write_text(json.dumps(autoscaling(at_most, 1, address)), encoding="utf-8")
        head += [f"--autoscaling-config={config}"]
        environment |= {NODE_ID: node_id(0), "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
    nodes = RayNodes(f"http://127.0.0.1:{dashboard}", address, token, environment, folder)
    try:
        process = nodes.start([*head, *_own_ports(1)])
        patience = time.monotonic() + PATIENCE
        while not answers(nodes.url, token):
            assert process.poll() is None, (folder / "node-0.log").read_text()
            assert time.monotonic() < patience, "the dashboard did not come up"
            time.sleep(0.2)  # between two questions, until it answers
        yield nodes
    finally:
        for process in reversed(nodes.started):
            end_family(process)
        shutil.rmtree(temporary, ignore_errors=True)


def end_family(started: "subprocess.Popen[bytes]") -> None:
    """Kill a process we started and all it started, by their ids."""
    family = psutil.Process(started.pid).children(recursive=True) if started.poll() is None else []
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # gone with its parent
            process.send_signal(signal.SIGKILL)
    started.kill()
    started.wait(20)
    psutil.wait_procs(family, timeout=20)


def works_on(started: "subprocess.Popen[bytes]", name: str) -> bool:
    """Whether a process of a node we started runs a Ray task whose name contains this."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(started.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if name in " ".join(process.cmdline()):
                    return True
    return False


def answers(url: str, token: str) -> bool:
    """Whether the jobs of a cluster can be asked for."""
    request = urllib.request.Request(f"{url}/api/jobs/", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:  # noqa: S310 - our own loopback URL
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _own_ports(count: int) -> list[str]:
    """What nodes of one machine would otherwise both ask for."""
    return [f"--dashboard-agent-listen-port={port}" for port in free_ports(count)]
