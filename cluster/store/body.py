"""JSON files that carry the sha256 of their own body, so that damage is noticed before anything is parsed.

A file is one line: `{"sha256":"<64 hex>","body":<canonical JSON>}`. The hash is of the body's bytes as they
are in the file; `format` inside the body is the version of the store's layout. Whoever can write the store
can forge a body with its hash, so what is read must also have the shape of such a file (`SHAPES`).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cluster.errors import DamagedFileError, NewerVersionError
from cluster.store.layout import (
    ATTEMPTS,
    CELL_LINES,
    COMMITS,
    ESTIMATES,
    PLANS,
    QUARANTINE,
    RUN,
    SIGNPOST,
    SUCCESS,
    TARGETS,
)

FORMAT = 1  # of all but what belongs to packs
PACKED = 2  # of packs, which came later
TEXT, WHOLE, NUMBER, ANY = (str,), (int,), (int, float), (object,)
UNITS = [(TEXT, WHOLE, [TEXT])]  # as `records.pack_units` packs them
FILE = {"path": TEXT, "size": WHOLE, "sha256": TEXT, "table?": TEXT, "rows?": WHOLE, "version?": WHOLE}
COMMIT = (
    {"key": TEXT, "run": TEXT, "attempt": WHOLE, "units": UNITS, "needs": [TEXT], "files": [FILE]}
    | {"seconds?": NUMBER, "host?": TEXT, "release?": TEXT, "memory?": WHOLE, "ended?": NUMBER}
    | {"statuses?": {"": WHOLE}}
)
COLUMNS = {"columns": [(TEXT, TEXT, [ANY])]}
# What each kind of file must say, by the start of its path. A list is one of such things, a tuple has these
# in this order, `"": shape` stands for any key, and a key with ? may be missing or null.
SHAPES: dict[str, Any] = {
    RUN: {"seed?": WHOLE, "preset?": (str, list), "scheme?": TEXT, "settings?": {"": ANY}},
    SUCCESS: {"commits": [(TEXT, TEXT)], "digest": TEXT, "run": TEXT},
    PLANS: {"run": TEXT, "units": UNITS, "dataset?": TEXT, "shard_size?": WHOLE},
    COMMITS: COMMIT,
    ATTEMPTS: {"key": TEXT, "attempt": WHOLE},
    QUARANTINE: {"unit": (TEXT, TEXT, WHOLE), "errors": [ANY]},
    TARGETS: COLUMNS,
    CELL_LINES: {"dataset_hash": TEXT, **COLUMNS},
    ESTIMATES: {"factors": {"": {"": NUMBER}}, "seconds": [(TEXT, (bool,), TEXT, NUMBER)]},
}
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
    """The body of a sealed file; `name` is the file's path in the store, for its shape and for errors.

    Raises DamagedFileError where the bytes are not the ones written or no such file says that,
    NewerVersionError where the file was written by a newer version of Knockcast.
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
    kind = next((start for start in SHAPES if name.startswith(start)), None)
    if kind is not None and name != SIGNPOST and (wrong := _misfit(body, SHAPES[kind])) is not None:
        raise _forged(name, f"is no {kind.rstrip('/')} file's: {wrong or 'it'} is not what such a file says")
    return body


def _misfit(value: object, shape: Any) -> str | None:
    """The first place within a value that has not this shape, "" the value itself; None where all has."""
    if isinstance(shape, dict):
        return _misfit_of_keys(value, shape) if isinstance(value, dict) else ""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return ""
        return _first((str(i), _misfit(each, shape[0])) for i, each in enumerate(value))
    if shape and not isinstance(shape[0], type):
        if not isinstance(value, list) or len(value) != len(shape):
            return ""
        return _first(
            (str(i), _misfit(each, of)) for i, (each, of) in enumerate(zip(value, shape, strict=True))
        )
    fits = isinstance(value, shape) and (not isinstance(value, bool) or bool in shape or object in shape)
    return None if fits else ""


def _misfit_of_keys(value: dict[str, Any], shape: dict[str, Any]) -> str | None:
    if "" in shape:
        return _first((key, _misfit(each, shape[""])) for key, each in value.items())
    for key, of in shape.items():
        name = key.removesuffix("?")
        if key != name and value.get(name) is None:
            continue
        if name not in value:
            return name
        if (inner := _misfit(value[name], of)) is not None:
            return f"{name}.{inner}".rstrip(".")
    return None


def _first(found: Iterable[tuple[str, str | None]]) -> str | None:
    return next((f"{name}.{inner}".rstrip(".") for name, inner in found if inner is not None), None)


def _forged(name: str, what: str) -> DamagedFileError:
    """What has the right checksum, and was never written by us."""
    return DamagedFileError(f"{name}: its body {what}; restore the file from a backup")
