"""The explorer's web server: on this machine alone, and until Ctrl-C."""

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from multiprocessing import active_children
from pathlib import Path
from typing import NoReturn

from werkzeug.serving import WSGIRequestHandler, make_server

from cluster.explorer.data import StoreData
from cluster.explorer.forecast import forecast_with_groups
from cluster.explorer.web.app import make_app
from cluster.explorer.web.guard import guard, new_token
from tasks.errors import BadInputError

HOST = "127.0.0.1"
PORT = 8050  # the first that is tried where none is given
TRIED = 20


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing of requests; they would bury the address."""


def serve(
    store: str,
    port: int | None,
    report: Callable[[str], None],
    cache: Path | None = None,
    forecast: Path | None = None,
    groups: Path | None = None,
    by: str | None = None,
) -> NoReturn:
    """Open a store, tell its address (on a line of its own) as soon as it answers, and serve until Ctrl-C.

    Then this process has ended, with 0. Raises BadInputError where there is no store, or the port is taken.
    """
    data = StoreData(store, cache)
    scored = forecast_with_groups(forecast, groups, by)
    held = _bound(port)
    number, token = held.getsockname()[1], new_token()
    app = make_app(data, scored)
    guard(app.server, token, number, app.csp_hashes)
    server = make_server(HOST, number, app.server, threaded=True, request_handler=_Quiet, fd=held.fileno())
    data.prepare()
    asked_to_end = _signals(signal.SIGINT, signal.SIGTERM)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
    report(f"http://{HOST}:{number}/?token={token}")
    os.read(asked_to_end, 1)
    report("closed")
    _end()


def _signals(*numbers: signal.Signals) -> int:
    """A file descriptor that has a byte as soon as one of these signals came.

    Python may lose an exception that a handler raises, as in a callback of its garbage collector, and runs no
    handler while the main thread waits and another one got the signal. The byte comes in every case.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return reading


def _end() -> NoReturn:
    """End this process at once: requests may be running in libraries whose threads Python would wait for."""
    for child in active_children():
        child.kill()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _bound(port: int | None) -> socket.socket:
    """A socket that holds a port of this machine: the one given, else the first that is free."""
    problem = ""
    for number in [port] if port is not None else [*range(PORT, PORT + TRIED), 0]:
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((HOST, number))
            held.listen(128)
        except (OSError, OverflowError) as error:
            held.close()
            taken = getattr(error, "errno", None) == errno.EADDRINUSE
            why = "another program listens there" if taken else getattr(error, "strerror", None) or str(error)
            problem = (
                f"--port {number}: cannot be opened: {why}; leave the option out to take one that is free"
            )
            continue
        return held
    raise BadInputError(problem)
