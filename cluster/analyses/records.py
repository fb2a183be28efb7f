"""What a record of a command's result says, and how the result is named.

A result's key is the sha256 of the run, the command and its inputs. Records of one key are numbered; the
highest counts, so a repeated command replaces its result without overwriting a file.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from cluster.store import layout
from cluster.store.body import canonical, digest_of, sha256
from cluster.store.records import Commit, StoredFile

SHORT = 12  # digits of a key that name a result in tables

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What a command added to a store. `made_from` is the digest of the commits it was computed from.

    `inputs`: options, and of each file its name and the sha256 of its content. `release` is the version of
    the Knockcast that wrote it.
    """

    key: str
    number: int
    run: str
    command: str
    inputs: Inputs
    made_from: str
    files: tuple[StoredFile, ...]
    release: str | None = None

    @property
    def name(self) -> str:
        """What its rows are marked with."""
        return self.key[:SHORT]

    @property
    def path(self) -> str:
        """Where its record is."""
        return layout.result_path(self.key, self.number)

    @property
    def inputs_text(self) -> str:
        """Its inputs as JSON, sorted."""
        return canonical_text(self.inputs)

    def body(self) -> dict[str, Any]:
        """The JSON body of its record."""
        return {
            **({} if self.release is None else {"release": self.release}),
            "key": self.key,
            "number": self.number,
            "run": self.run,
            "command": self.command,
            "inputs": dict(self.inputs),
            "made_from": self.made_from,
            "files": [asdict(file) for file in self.files],
        }

    def says_the_same(self, other: "Result") -> bool:
        """Whether another result of this key holds the same rows, computed from the same commits."""
        return (self.made_from, _contents(self)) == (other.made_from, _contents(other))


def result_of(body: Mapping[str, Any]) -> Result:
    """The result that a record's JSON body describes; keys that only newer releases know are passed over.

    Raises KeyError or TypeError where it describes none.
    """
    known = [field.name for field in fields(StoredFile)]
    files = ({name: value for name, value in file.items() if name in known} for file in body["files"])
    return Result(
        key=body["key"],
        number=body["number"],
        run=body["run"],
        command=body["command"],
        inputs=body["inputs"],
        made_from=body["made_from"],
        files=tuple(StoredFile(**file) for file in files),
        release=body.get("release"),
    )


def result_key(run: str, command: str, inputs: Inputs) -> str:
    """The name of a result: sha256 (hex) of the run's digest, the command and its inputs.

    Of a file, what it holds counts, and not its name.
    """
    contents = {
        name: {"sha256": value["sha256"]} if isinstance(value, Mapping) and "sha256" in value else value
        for name, value in inputs.items()
    }
    return digest_of({"run": run, "command": command, "inputs": contents})


def file_input(name: str, digest: str) -> dict[str, str]:
    """How `inputs` names a file, or a Dataset: by its name, and the sha256 of its content."""
    return {"name": name, "sha256": digest}


def commits_digest(commits: Sequence[Commit]) -> str:
    """The digest of a list of commits, as `_SUCCESS` has it."""
    listed = [[commit.key, commit.sha256] for commit in sorted(commits, key=lambda commit: commit.key)]
    return sha256(canonical({"commits": listed}))


def canonical_text(inputs: Inputs) -> str:
    """Inputs as JSON with sorted keys."""
    return json.dumps(dict(inputs), sort_keys=True, ensure_ascii=False, allow_nan=False)


def _contents(result: Result) -> list[tuple[str | None, str, int]]:
    return sorted((file.table, file.sha256, file.version) for file in result.files)
