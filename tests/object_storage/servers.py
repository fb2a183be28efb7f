"""Real S3 servers on loopback, each a process of its own that ends with the block."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import botocore.config
import pytest

from tests.ports import free_ports

KEY, SECRET, BUCKET = "testing", "testing-secret", "bucket"
PATIENCE = 60  # seconds
BIN = Path(sys.executable).parent


MOTO = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
"""


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """moto's server, one request at a time: it looks for a name and takes it in two steps. Its address."""
    del folder
    port = free_ports(1)[0]
    command = [sys.executable, "-c", MOTO, port]
    with _serving(command, port) as address:
        yield address


@contextmanager
def seaweedfs(folder: Path) -> Iterator[str]:
    """SeaweedFS, which keeps what it is given on the disk; its address."""
    program = _program("weed")
    identity = {
        "name": "test",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    master, master_g, volume, volume_g, filer, filer_g, s3, s3_g = map(str, free_ports(8))
    options = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "master.port": master,
        "master.port.grpc": master_g,
        "master.volumeSizeLimitMB": "64",
        "volume.port": volume,
        "volume.port.grpc": volume_g,
        "volume.max": "20",
        "filer": "true",
        "filer.port": filer,
        "filer.port.grpc": filer_g,
        "filer.localSocket": folder / "filer.sock",
        "s3": "true",
        "s3.port": s3,
        "s3.port.grpc": s3_g,
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "s3.config": folder / "s3.json",
        "s3.iam": "false",
    }
    with _serving(
        [program, "server", *(f"-{name}={value}" for name, value in options.items())], int(s3)
    ) as at:
        yield at


@contextmanager
def rclone(folder: Path) -> Iterator[str]:
    """rclone's server over a folder: it takes no notice of `If-None-Match`."""
    (folder / BUCKET).mkdir()
    port = free_ports(1)[0]
    keys = ["--auth-key", f"{KEY},{SECRET}"]
    with _serving(
        [_program("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}", *keys, folder], port
    ) as at:
        yield at


SERVERS = {"moto": moto, "seaweedfs": seaweedfs, "rclone": rclone}


def credentials(address: str, cache: Path) -> dict[str, str]:
    """The environment in which `s3://bucket/...` is at that address."""
    return {
        "AWS_ENDPOINT_URL_S3": address,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "KNOCKCAST_CACHE": str(cache),
    }


@contextmanager
def serving_bucket(name: str, folder: Path) -> Iterator[dict[str, str]]:
    """A server of that name with an empty bucket `bucket`, and the environment to find it."""
    with SERVERS[name](folder) as address:
        client = boto3.client(
            "s3",
            endpoint_url=address,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=botocore.config.Config(retries={"total_max_attempts": 10, "mode": "standard"}),
        )
        if name != "rclone":  # its buckets are the folders it serves
            client.create_bucket(Bucket=BUCKET)
        yield credentials(address, folder / "cache")


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"no {name} on this machine: install the extra `servers`; this test did not run")
    return found


@contextmanager
def _serving(command: list[object], port: int) -> Iterator[str]:
    log = subprocess.DEVNULL
    process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _until_it_answers(address, process)
        yield address
    finally:
        process.kill()
        process.wait()


def _until_it_answers(address: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - our own server
        except urllib.error.HTTPError:
            return  # it refuses, so it is there
        except OSError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.05)  # between two questions, until it answers
        else:
            return
