"""Ports for servers that tests start."""

import contextlib
import secrets
import socket


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nothing listens on.

    They lie between those that Ray's workers take and those that the system gives to whoever asks for any:
    one of the latter may have gone to another test before it is used.
    """
    ports: set[int] = set()
    while len(ports) < count:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.add(port)
    return list(ports)
