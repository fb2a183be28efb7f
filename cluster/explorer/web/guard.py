"""Who may talk to the explorer: a browser on this machine that was given the session's token.

The address that `explore` prints carries the token; the first request turns it into a cookie, and every
later one needs that. A name other than this machine's own in `Host` is refused, so that a page elsewhere
cannot reach us by pointing its own name here.
"""

import hmac
import secrets
from collections.abc import Callable, Iterable
from urllib.parse import urlencode

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

_REFUSED = """<!doctype html><html lang="en">
<head><meta charset="utf-8"><title>Knockcast: not opened</title></head>
<body><main><h1>This explorer needs its token</h1>
<p>Open the address that <code>knockcast explore</code> printed, with the token in it. It is valid until that
command ends.</p></main></body></html>"""


def new_token() -> str:
    """A token nobody can guess, for one session."""
    return secrets.token_urlsafe(24)


def guard(server: Flask, token: str, port: int, script_hashes: Callable[[], Iterable[str]]) -> None:
    """Let only requests with the token's cookie through; tell browsers to load nothing from elsewhere."""
    name = f"knockcast_{port}"  # cookies know no ports
    hosts = {f"{host}:{port}" for host in LOOPBACK}

    @server.before_request
    def check() -> AnyResponse | None:
        if request.host not in hosts:
            return Response("unknown host", status=403, mimetype="text/plain")
        if "token" in request.args and request.method == "GET":
            return _enter(name, token)
        if not hmac.compare_digest(request.cookies.get(name, "").encode(), token.encode()):
            return Response(_REFUSED, status=403, mimetype="text/html")
        return None

    @server.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _policy(script_hashes())
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Frame-Options"] = "DENY"
        return response


def _enter(name: str, token: str) -> AnyResponse:
    """Set the cookie for the right token, and go on to the same address without it."""
    if not hmac.compare_digest(request.args["token"].encode(), token.encode()):
        return Response(_REFUSED, status=403, mimetype="text/html")
    rest = [(key, value) for key, value in request.args.items(multi=True) if key != "token"]
    path = "/" + request.full_path.split("?")[0].lstrip("/")  # never `//host`
    answer = redirect(path + (f"?{urlencode(rest)}" if rest else ""))
    # Lax: a link from a notebook at another port may open the page; no other site can post to it.
    answer.set_cookie(name, token, httponly=True, samesite="Lax")
    return answer


def _policy(script_hashes: Iterable[str]) -> str:
    scripts = " ".join(["'self'", *script_hashes])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
