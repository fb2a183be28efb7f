"""The files of deploy/ as programs read them: YAML, a folder of kustomize, what compose fills in."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KNOWN = {"apiVersion", "kind", "namespace", "resources", "patches"}  # what this reads of a kustomization
VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})")


def documents(path: Path) -> list[Any]:
    """What is in a YAML file, comments aside."""
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each is not None]


def rendered(folder: Path) -> list[Any]:
    """What `kubectl kustomize` prints of a folder; as there, it names no files outside, but other folders."""
    (plan,) = documents(folder / "kustomization.yaml")
    assert plan["kind"] == "Kustomization"
    assert plan.keys() <= KNOWN, f"{folder.name}: {plan.keys() - KNOWN} are not rendered here"
    found: list[Any] = []
    for name in plan["resources"]:
        path = (folder / name).resolve()
        assert path.is_dir() or path.parent == folder.resolve(), f"{folder.name}: {name} is a file elsewhere"
        found += rendered(path) if path.is_dir() else documents(path)
    for patch in plan.get("patches", []):
        wanted = patch["target"]
        targets = [each for each in found if each["kind"] == wanted["kind"]]
        (target,) = [each for each in targets if each["metadata"]["name"] == wanted["name"]]
        assert target["apiVersion"] == f"{wanted['group']}/{wanted['version']}"
        for (operation,) in documents(folder / patch["path"]):
            _add(target, operation)
    for each in found:
        if each["kind"] != "Namespace":
            each["metadata"]["namespace"] = plan["namespace"]
    return found


def _add(target: Any, operation: Any) -> None:
    """One `add` of a JSON patch (RFC 6902)."""
    assert operation["op"] == "add"
    *parents, last = operation["path"].split("/")[1:]
    for name in parents:
        target = target[name]
    if isinstance(target, list):
        assert last == "-"
        target.append(operation["value"])
    else:
        target[last] = operation["value"]


def interpolated(value: Any, variables: dict[str, str]) -> Any:
    """A compose file's value with its variables filled in; KeyError where one is asked for and not given."""
    if isinstance(value, dict):
        return {name: interpolated(each, variables) for name, each in value.items()}
    if isinstance(value, list):
        return [interpolated(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def filled(found: "re.Match[str]") -> str:
        name, mark, words = found.groups()
        if name is None:
            return "$"
        return variables.get(name) or words if mark == "-" else variables[name]

    return VARIABLE.sub(filled, value)


def settings_of_ray(value: Any) -> Iterator[str]:
    """The names of Ray's internal settings (`RAY_` and lower case) anywhere in a file."""
    yield from re.findall(r"\bRAY_([a-z]\w+)", yaml.safe_dump(value) if not isinstance(value, str) else value)
