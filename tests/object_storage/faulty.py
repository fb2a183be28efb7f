"""A proxy before an S3 server that does to chosen requests what networks do."""

import http.client
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Chooses = Callable[[str, str], bool]  # takes method and path
LOST_ANSWER, REFUSED, CUT, SLOW = "lost answer", "503", "cut", "slow"


@dataclass
class Faults:
    """What goes wrong: `planned` are faults with their choice of requests, each used up by one request."""

    planned: list[tuple[str, Chooses]] = field(default_factory=list)
    met: list[str] = field(default_factory=list)
    asked: list[tuple[str, float]] = field(default_factory=list)  # path and second of those requests
    lock: Any = field(default_factory=threading.Lock)

    def plan(self, fault: str, times: int, chooses: Chooses) -> None:
        self.planned += [(fault, chooses)] * times

    def of(self, method: str, path: str) -> str | None:
        with self.lock:
            for at, (fault, chooses) in enumerate(self.planned):
                if chooses(method, path):
                    del self.planned[at]
                    self.met.append(fault)
                    self.asked.append((path, time.monotonic()))
                    return fault
        return None


class Proxy(ThreadingHTTPServer):
    """A server that says nothing of clients that were killed while they asked."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def faulty(address: str) -> Iterator[tuple[str, Faults]]:
    """The proxy's address, and its faults."""
    faults, upstream = Faults(), urlsplit(address)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Say nothing."""

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = faults.of(self.command, self.path)
            if fault == REFUSED:
                self.send_error(503, "Slow Down")
                return
            asked = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=60)
            asked.request(self.command, self.path, body, dict(self.headers))
            answer = asked.getresponse()
            data = answer.read()
            asked.close()
            if fault == LOST_ANSWER:
                self.close_connection = True
                self.connection.close()
                return
            if fault == SLOW:
                time.sleep(1)  # a second is long where others take milliseconds
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if fault == CUT else data)
            if fault == CUT:
                self.close_connection = True

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on  # noqa: N815 - http.server's names

    server = Proxy(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", faults
    finally:
        server.shutdown()
        server.server_close()
