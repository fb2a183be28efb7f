"""Addresses of Ray: whether one may be joined, and whether a Ray head answers there; tokens, which decide."""

import ipaddress
import os
import socket
import stat
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from cluster.errors import RefusedError
from tasks.errors import BadInputError

CONNECT_SECONDS = 10.0
IS_ALIVE = "/ray.rpc.NodeInfoGcsService/CheckAlive"
ADVICE = (
    "give the cluster's token in RAY_AUTH_TOKEN or a file in RAY_AUTH_TOKEN_PATH, or --insecure if only "
    "people you trust can reach that network"
)


def check_address(address: str, insecure: bool) -> None:
    """Raise, before anything is written, for an address that cannot be joined.

    BadInputError where its form is wrong or nothing listens there (Ray itself would try without end),
    RefusedError where it is open and there is no token. `local` and `auto` are checked on connecting.
    """
    if address in ("local", "auto"):
        return
    host = host_of(address)
    require_token(host, insecure)
    try:
        port = int(address.rpartition(":")[2])
        socket.create_connection((host.strip("[]"), port), CONNECT_SECONDS).close()
    except OSError as error:
        raise BadInputError(
            f"--address {address}: nothing listens there ({error}); give the address of a running Ray head"
        ) from None
    if os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true"):  # with it Ray itself asks for proof
        _ask_head(address)


def _ask_head(address: str) -> None:
    """Raise unless a Ray head answers there and takes our token; Ray itself would try for minutes."""
    import grpc  # noqa: PLC0415 - only for clusters

    token = _found_token(os.environ) if auth_mode(os.environ) == "token" else ""
    channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
    try:
        bearer = [("authorization", f"Bearer {token}")] if token else None
        channel.unary_unary(IS_ALIVE)(b"", timeout=CONNECT_SECONDS, metadata=bearer)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            raise RefusedError(f"{address}: the cluster refused our token; {advice()}") from None
        raise BadInputError(
            f"--address {address}: what listens there does not answer as a Ray head does "
            f"({error.details()}); give a head's HOST:PORT (usually port 6379; "
            "the dashboard's, 8265, is for `knockcast submit`)"
        ) from None
    finally:
        channel.close()


def require_token(host: str, insecure: bool) -> None:
    """Raise RefusedError for a host that others can reach, unless a token protects it or `insecure`.

    Mode `token` alone protects nothing: there must be one, in the environment or where Ray keeps the user's.
    """
    protected = auth_mode(os.environ) == "token" and _found_token(os.environ) != ""
    if not (is_loopback(host) or insecure or protected):
        raise RefusedError(
            f"{host}: refused, because without a token anyone who reaches this address can run code there; "
            + advice()
        )


def advice() -> str:
    """What gives a token; before it, why the file that RAY_AUTH_TOKEN_PATH names gives none."""
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    if not named or os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return ADVICE
    try:
        return ADVICE if _read_token(Path(named)) else f"RAY_AUTH_TOKEN_PATH {named} is empty: {ADVICE}"
    except (OSError, ValueError) as error:
        return f"{_unreadable(named, error)}: {ADVICE}"


def auth_mode(environment: Mapping[str, str]) -> str:
    """The RAY_AUTH_MODE to use: the one set, else `token` where a token is given, else `disabled`.

    RefusedError for any other word: Ray would take it for no authentication.
    """
    if "RAY_AUTH_MODE" in environment:
        mode = environment["RAY_AUTH_MODE"].lower()
        if mode not in ("token", "disabled"):
            raise RefusedError(
                f"RAY_AUTH_MODE={environment['RAY_AUTH_MODE']}: refused; expected token or disabled"
            )
        return mode
    path = environment.get("RAY_AUTH_TOKEN_PATH")
    given = bool(environment.get("RAY_AUTH_TOKEN")) or (path is not None and Path(path).is_file())
    return "token" if given else "disabled"


def _found_token(environment: Mapping[str, str]) -> str:
    """The token that Ray will find in the places where it looks; "" where there is none."""
    if given := environment.get("RAY_AUTH_TOKEN", "").strip():
        return given
    path = environment.get("RAY_AUTH_TOKEN_PATH")
    kept = Path(path) if path else Path.home() / ".ray" / "auth_token"
    try:
        return _read_token(kept)
    except (OSError, ValueError):
        return ""


def _read_token(file: Path) -> str:
    token = file.read_text(encoding="utf-8").strip()
    _warn_of_readers(file)
    return token


@cache
def _warn_of_readers(file: Path) -> None:
    """One line, once, where others than its user may open a token's file: no reason to do nothing."""
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        print(
            f"WARNING: {file}: others can open this token's file (mode {mode:o}), and run code on the "
            f"cluster with it: chmod 600 {file}",
            file=sys.stderr,
            flush=True,
        )


def _unreadable(named: str, error: Exception) -> str:
    why = getattr(error, "strerror", None) or "it is no text"
    return f"RAY_AUTH_TOKEN_PATH {named}: cannot be read ({why})"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's loopback (names other than localhost are not)."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def host_of(address: str) -> str:
    """The host of HOST:PORT; BadInputError for an address of another form."""
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdecimal()) or "/" in address:
        raise BadInputError(
            f"--address {address}: expected local, auto or HOST:PORT of a Ray head (usually port 6379); "
            "for the jobs address of a cluster use `knockcast submit`"
        )
    return host


def token_of(environment: Mapping[str, str]) -> str | None:
    """The cluster's token: RAY_AUTH_TOKEN, or the content of the file RAY_AUTH_TOKEN_PATH; None without one.

    BadInputError where that file cannot be read, or what is given is no token; it is never shown.
    """
    source, token = "RAY_AUTH_TOKEN", environment.get("RAY_AUTH_TOKEN", "").strip()
    path = environment.get("RAY_AUTH_TOKEN_PATH")
    if not token and path is not None:
        source = f"RAY_AUTH_TOKEN_PATH {path}"
        try:
            token = _read_token(Path(path))
        except (OSError, ValueError) as error:
            raise BadInputError(_unreadable(path, error)) from error
    if not (token.isascii() and token.isprintable()):
        raise BadInputError(f"{source}: expected one line of plain letters and digits (openssl rand -hex 32)")
    return token or None
