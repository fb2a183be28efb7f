import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.errors import RefusedError
from cluster.ray_engine import addresses, identity, runtime
from cluster.scheduling.in_process import InProcessExecutor
from tasks.errors import BadInputError
from tests.chaos.work import commit, prepare

ROOT = Path(identity.__file__).parents[2]


def test_no_workers_means_no_ray() -> None:
    program = """
import sys
from cluster.ray_engine.runtime import open_executor
with open_executor(print, print, None, workers=0) as executor:
    assert executor.slots == 1
assert "ray" not in sys.modules
"""
    subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}
    )
    with runtime.open_executor(commit, prepare, None, workers=0) as executor:
        assert isinstance(executor, InProcessExecutor)


@pytest.mark.parametrize(
    ("environment", "mode"),
    [
        ({}, "disabled"),
        ({"RAY_AUTH_TOKEN": "t"}, "token"),
        ({"RAY_AUTH_TOKEN": ""}, "disabled"),
        ({"RAY_AUTH_TOKEN_PATH": "/no/such/file"}, "disabled"),
        ({"RAY_AUTH_TOKEN_PATH": __file__}, "token"),
        ({"RAY_AUTH_TOKEN": "t", "RAY_AUTH_MODE": "disabled"}, "disabled"),
        ({"RAY_AUTH_MODE": "TOKEN"}, "token"),
    ],
)
def test_the_mode_is_always_explicit(environment: dict[str, str], mode: str) -> None:
    assert addresses.auth_mode(environment) == mode


@pytest.mark.parametrize("mode", ["off", "tokn", "", "none", "0"])
def test_a_mode_that_is_none_is_refused_wherever_it_leads(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t")
    with pytest.raises(RefusedError, match=f"RAY_AUTH_MODE={mode}: refused; expected token or disabled"):
        addresses.require_token("192.0.2.7", insecure=False)


def test_mode_token_without_a_token_protects_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    for token, content in ((" ", None), ("", ""), ("", " \n")):
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
        if content is not None:
            (tmp_path / "token").write_text(content)
        with pytest.raises(RefusedError, match="without a token"):
            addresses.require_token("192.0.2.7", insecure=False)
    (tmp_path / "token").write_text("t\n")
    addresses.require_token("192.0.2.7", insecure=False)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),  # noqa: S104 - it is refused
        ("10.0.0.7", False),
        ("head.example.org", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
    ],
)
def test_loopback_is_told_from_what_others_can_reach(host: str, loopback: bool) -> None:
    assert addresses.is_loopback(host) is loopback


def test_an_open_address_without_a_token_is_refused_before_anything_is_contacted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RefusedError, match="RAY_AUTH_TOKEN"), runtime.connected("192.0.2.7:6379"):
        pass
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.7:6379")
    with pytest.raises(RefusedError, match=r"192\.0\.2\.7"), runtime.connected("auto"):
        pass
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # the token would not be asked for
    with pytest.raises(RefusedError), runtime.connected("192.0.2.7:6379"):
        pass
    addresses.require_token("192.0.2.7", insecure=True)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    addresses.require_token("192.0.2.7", insecure=False)


@pytest.mark.parametrize(
    "address", ["", "head", "head:", ":6379", "http://head:8265", "ray://head:10001", "head:x"]
)
def test_an_address_that_cannot_be_meant_is_bad_input(address: str) -> None:
    with pytest.raises(BadInputError, match="HOST:PORT"):
        addresses.host_of(address)


def test_a_checkout_travels_as_three_packages_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "is_installed", lambda: False)
    with runtime.runtime_environment({}) as settings:
        staged = Path(settings["working_dir"])
        assert sorted(path.name for path in staged.iterdir()) == ["cluster", "modeling", "tasks"]
        assert (staged / "cluster/ray_engine/identity.py").read_bytes() == Path(
            identity.__file__
        ).read_bytes()
        assert not list(staged.rglob("*.pyc"))
        assert set(settings) == {"working_dir", "env_vars"}
    assert not staged.exists()
    with runtime.runtime_environment({runtime.IN_A_JOB: "{}"}) as settings:
        assert settings == {"env_vars": runtime.ONE_THREAD}
    monkeypatch.setattr(identity, "is_installed", lambda: True)
    with runtime.runtime_environment({}) as settings:
        assert settings == {"env_vars": runtime.ONE_THREAD}


def test_slots_are_the_cores_unless_said_otherwise() -> None:
    assert runtime.slots_of(None) == len(os.sched_getaffinity(0))
    assert (runtime.slots_of(0), runtime.slots_of(7)) == (1, 7)


LOCAL = """
import os
from pathlib import Path
import grpc
from cluster.ray_engine.runtime import connected
from tests.processes import listened_on
with connected("local", workers=1):
    import ray
    address = ray.get_runtime_context().gcs_address
    host, port = address.rsplit(":", 1)
    assert host == "127.0.0.1", address
    folder = Path(ray._private.worker.global_worker.node.get_session_dir_path()).parents[1]
    assert folder.stat().st_mode & 0o777 == 0o700, oct(folder.stat().st_mode)
    heard = listened_on(os.getpid())
    assert {ip.removeprefix("::ffff:") for ip in heard} == {"127.0.0.1"}, heard

    @ray.remote(num_cpus=1)
    def look():
        return [os.environ.get(n) for n in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "RAY_task_oom_retries")]

    assert ray.get(look.remote()) == ["1", "1", "0"]
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

    nodes = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(grpc.insecure_channel(address))
    ask = gcs_service_pb2.GetAllNodeInfoRequest()
    try:
        nodes.GetAllNodeInfo(ask, timeout=20)
        raise AssertionError("answered without a token")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error
    token = (("authorization", "Bearer " + os.environ["RAY_AUTH_TOKEN"]),)
    assert len(nodes.GetAllNodeInfo(ask, timeout=20, metadata=token).node_info_list) == 1
assert not list(Path.home().iterdir()), list(Path.home().iterdir())
assert not list(folder.rglob("logs/*")), list(folder.rglob("*"))
"""


@pytest.mark.ray
def test_a_local_ray_listens_on_loopback_wants_its_token_and_leaves_no_file(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "OMP_"))}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", LOCAL], check=True, env=environment, cwd=ROOT, timeout=100)


@pytest.mark.ray
def test_a_second_ray_in_one_process_has_its_own_token_and_none_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    tokens = []
    for _ in range(2):
        with runtime.connected("local", workers=1):
            tokens.append(os.environ["RAY_AUTH_TOKEN"])
        assert "RAY_AUTH_TOKEN" not in os.environ
        assert runtime.auth_mode(os.environ) == "disabled"
    assert tokens[0] != tokens[1]
