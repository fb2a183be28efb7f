"""JSON files that carry the sha256 of their own body, so that damage is noticed before anything is parsed.

A file is one line: `{"sha256":"<64 hex>","body":<canonical JSON>}`. The hash is of the body's bytes as they
are in the file; `format` inside the body is the version of the store's layout.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from cluster.errors import DamagedFileError, NewerVersionError
from cluster.store.layout import RUN

FORMAT = 1  # of all but what belongs to packs
PACKED = 2  # of packs, which came later
_SEALED = re.compile(rb'\{"sha256":"([0-9a-f]{64})","body":(\{.*\})\}\n', re.DOTALL)


def sha256(data: bytes) -> str:
    """The sha256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def checked(data: bytes, path: str, digest: str, what: str) -> bytes:
    """The bytes, if they have this sha256, which is that of `what`; DamagedFileError otherwise."""
    if sha256(data) != digest:
        message = f"{path}: damaged (its sha256 is not {what})"
        raise DamagedFileError(
            f"{message}; run `knockcast verify STORE --repair`, then `knockcast resume STORE`"
        )
    return data


def canonical(body: Mapping[str, Any]) -> bytes:
    """A body's bytes: sorted keys, no spaces, ASCII, with its format. ValueError for NaN."""
    whole = {"format": FORMAT, **body}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest_of(body: Mapping[str, Any]) -> str:
    """sha256 of the canonical body: the run digest of a run's body, the name of a plan's."""
    return sha256(canonical(body))


def seal_json(body: Mapping[str, Any]) -> bytes:
    """The bytes of the file that holds `body`."""
    data = canonical(body)
    return b'{"sha256":"%s","body":%s}\n' % (sha256(data).encode(), data)


def read_json(data: bytes, name: str) -> dict[str, Any]:
    """The body of a sealed file; `name` is the file's, for errors.

    Raises DamagedFileError where the bytes are not the ones written, NewerVersionError where the file was
    written by a newer version of Knockcast.
    """
    match = _SEALED.fullmatch(data)
    if match is None or sha256(match[2]) != match[1].decode():
        message = f"{name}: damaged (its body does not have the sha256 it carries)"
        advice = "restore it from a backup, or run again into a new store"
        raise DamagedFileError(
            f"{message}; {advice if name == RUN else 'run `knockcast verify STORE --repair`'}"
        )
    try:
        body: dict[str, Any] = json.loads(match[2])
        written = body["format"]
    except (ValueError, KeyError, RecursionError) as error:
        raise _forged(name, "is not the JSON of any Knockcast") from error
    if not isinstance(written, int):
        raise _forged(name, f"has the format {str(written)[:40]!r}, expected a number")
    if written > PACKED:
        raise NewerVersionError(
            f"{name}: format {written}, written by a newer Knockcast; this one reads format {PACKED} "
            "and older: install the newer version to open this store"
        )
    return body


def _forged(name: str, what: str) -> DamagedFileError:
    """What has the right checksum, and was never written by us."""
    return DamagedFileError(f"{name}: its body {what}; restore the file from a backup")
