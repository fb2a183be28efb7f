"""Before anything is written: does a Ray head answer at an address, and does it take our token?"""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from cluster.errors import RefusedError
from cluster.ray_engine import addresses
from cluster.ray_engine.addresses import check_address
from tasks.errors import BadInputError
from tests.promises import Measured

TOKEN = "0123456789abcdef" * 2


@contextmanager
def head_that_wants(token: str) -> Iterator[str]:
    """A gRPC server that answers as Ray's head does (2.60), which wants a token in each call's metadata."""

    def is_alive(request: bytes, context: Any) -> bytes:
        del request
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {token}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "InvalidAuthToken")
        return b""

    service, name = addresses.IS_ALIVE.lstrip("/").split("/")
    server = grpc.server(ThreadPoolExecutor(1))
    handlers = {name: grpc.unary_unary_rpc_method_handler(is_alive)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@pytest.fixture(autouse=True)
def nobody_has_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_USE_TLS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_a_head_that_takes_our_token_is_joined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with head_that_wants(TOKEN) as address:
        monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
        check_address(address, insecure=False)
        monkeypatch.delenv("RAY_AUTH_TOKEN")
        monkeypatch.setenv("RAY_AUTH_MODE", "token")  # then Ray looks at home, too
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").write_text(f"{TOKEN}\n")
        check_address(address, insecure=False)


@pytest.mark.parametrize("token", ["", "another"])
def test_a_token_that_the_cluster_refuses_is_refused_at_once(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token:
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    with (
        head_that_wants(TOKEN) as address,
        pytest.raises(RefusedError, match=r"the cluster refused our token; give the cluster's token"),
    ):
        check_address(address, insecure=False)


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, r"cannot be read \(No such file"), (b"\n", "is empty: give"), (b"\xff", "it is no text")],
)
def test_a_token_file_that_gives_none_is_named(
    content: bytes | None, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.touch(0o600)
        file.write_bytes(content)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    with pytest.raises(RefusedError, match=f"without a token .* {file}.*{why}"):
        check_address("192.0.2.7:6379", insecure=False)
    with head_that_wants(TOKEN) as address, pytest.raises(RefusedError, match=f"refused our token; .*{why}"):
        check_address(address, insecure=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "another")  # the file is not looked at
    with head_that_wants(TOKEN) as address, pytest.raises(RefusedError, match="our token; give the cluster"):
        check_address(address, insecure=False)


@pytest.mark.parametrize(("mode", "lines"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_others_who_may_open_a_token_file_are_warned_of_once(
    mode: int, lines: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(mode)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    with head_that_wants(TOKEN) as address:
        check_address(address, insecure=False)
        check_address(address, insecure=False)
    assert addresses.token_of({"RAY_AUTH_TOKEN_PATH": str(file)}) == TOKEN
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", lines)
    assert said.err.count(f"WARNING: {file}: others can open this token's file (mode {mode:o})") == lines
    assert TOKEN not in said.err


def test_a_listener_that_never_answers_is_no_ray_head(
    monkeypatch: pytest.MonkeyPatch, measured: Measured
) -> None:
    monkeypatch.setattr(addresses, "CONNECT_SECONDS", 0.5)
    begun = time.monotonic()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(BadInputError, match="does not answer as a Ray head does"):
            check_address(f"127.0.0.1:{silent.getsockname()[1]}", insecure=False)
    assert time.monotonic() - begun < 30  # where Ray itself would try for minutes
    measured(seconds_until_it_was_left=time.monotonic() - begun)


def test_of_a_head_with_tls_ray_itself_asks_for_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        check_address(f"127.0.0.1:{silent.getsockname()[1]}", insecure=False)
