"""What differs between the run a store holds and the run that is asked for, field by field."""

import json
from collections.abc import Mapping
from typing import Any

from cluster.store import layout
from cluster.store.body import read_json, seal_json
from cluster.store.filesystem import FileSystem
from tasks.errors import BadInputError

LONGEST = 60
_ABSENT = object()


def refuse_foreign_folder(fs: FileSystem) -> None:
    """Raise BadInputError where something lies that is no store; only reads."""
    is_there = fs.exists(layout.RUN) or fs.is_empty() or fs.exists(layout.RUN)  # another may begin it now
    if not is_there:
        raise BadInputError(f"{fs.name}: not empty and not a store (no {layout.RUN}); give a new folder")


def refuse_other_run(fs: FileSystem, body: Mapping[str, Any]) -> None:
    """Raise BadInputError unless the store holds this very run: each field that differs is named."""
    stored = read_json(fs.read(layout.RUN), layout.RUN)
    hint = "a store holds one run configuration: give another --store, or the stored settings"
    if lines := differences(stored, read_json(seal_json(body), "this run")):
        raise BadInputError([f"{fs.name}: {line}; {hint}" for line in lines])


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """One line for each field that differs: `settings.top: 20 here, 15 asked`. Fields are sorted by name.

    Of lists of different lengths (folds), the lengths are told and not every item.
    """
    here, there = _flat("", _counted(stored, asked)), _flat("", _counted(asked, stored))
    return [
        f"{name}: {_shown(here.get(name, _ABSENT))} here, {_shown(there.get(name, _ABSENT))} asked"
        for name in sorted({*here, *there})
        if not _same(here.get(name, _ABSENT), there.get(name, _ABSENT))
    ]


def _counted(body: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The body, with a list replaced by its length where the other's is of another length."""
    return {
        name: len(item) if _longer_or_shorter(item, other.get(name)) else item for name, item in body.items()
    }


def _longer_or_shorter(item: Any, other: Any) -> bool:
    return isinstance(item, list) and isinstance(other, list) and len(item) != len(other)


def _flat(name: str, value: Any) -> dict[str, Any]:
    """Nested fields under dotted names; the items of a list under their numbers."""
    if isinstance(value, Mapping) and value:
        parts = {f"{name}.{key}" if name else str(key): item for key, item in value.items()}
    elif isinstance(value, list) and value:
        parts = {f"{name}[{index}]": item for index, item in enumerate(value)}
    else:
        return {name: value}
    return {path: leaf for part, item in parts.items() for path, leaf in _flat(part, item).items()}


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    text = json.dumps(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
