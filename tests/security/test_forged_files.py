"""Files of a store that carry the hash of what they say, and say what Knockcast never wrote.

Whoever may write a store can forge its files. Commands then end with a word, not with a traceback.
"""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.answers.status import status_of
from cluster.errors import EXIT_CODES, DamagedFileError
from cluster.maintenance.maintain import Report, verify
from cluster.maintenance.spare import gc
from cluster.store import layout
from cluster.store.body import SHAPES, read_json, seal_json
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from cluster.store.records import targets_of
from cluster.views.query import query
from tests.made_stores import made_store
from tests.promises import Measured

FORGED = (None, -1, 1e308, 10**30, "x", "../../../../etc/passwd", [], {}, [[]], [{}], True, 1.5, "9" * 5000)
EACH = 25  # forgeries of a kind of file
KINDS = ("run.json", "_SUCCESS", "plans", "commits", "attempts", "attempts.failed")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    writer = made_store(folder)
    writer.begin_attempt("c" * 64, {"units": 1})
    writer.record_failure("c" * 64, 1, {"kind": "error", "error": "no"})
    return folder


def kinds(folder: Path) -> dict[str, Path]:
    """One file of each kind that is JSON."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".json" or name == layout.SUCCESS:
            found.setdefault(name.split("/")[0] + (".failed" if ".failed." in name else ""), path)
    return found


def forgeries(body: dict[str, Any], rng: random.Random) -> Iterator[dict[str, Any]]:
    """The body with one thing in it replaced or left out, at any depth."""
    for _ in range(EACH):
        forged = json.loads(json.dumps(body))
        node: Any = forged
        while True:
            key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
            if not (isinstance(node[key], (dict, list)) and node[key] and rng.random() < 0.7):
                break
            node = node[key]
        if rng.random() < 0.25:
            del node[key]
        else:
            node[key] = rng.choice(FORGED)
        yield forged


def refusals(folder: Path) -> int:
    """How often what the commands ask is refused or found wrong; only errors of the contract may come."""
    fs, refused = open_filesystem(folder), 0
    for ask in (
        lambda: verify(fs),
        lambda: status_of(StoreReader(fs)),
        lambda: StoreReader(fs).quarantined(),
        lambda: query(StoreReader(fs), "SELECT count(*) FROM predictions"),
        lambda: query(StoreReader(fs), "SELECT * FROM shards"),
        lambda: gc(fs),
        lambda: verify(fs, repair=True),
    ):
        try:
            answer = ask()
            refused += isinstance(answer, Report) and not answer.ok
        except tuple(EXIT_CODES):
            refused += 1
    return refused


@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_file_never_ends_in_a_traceback(
    kind: str, whole: Path, tmp_path: Path, measured: Measured
) -> None:
    path = kinds(whole)[kind]
    name = path.relative_to(whole)
    body = json.loads(path.read_bytes())["body"]
    refused, rng = 0, random.Random(kind)  # noqa: S311 - no secret
    for number, forged in enumerate(forgeries(body, rng)):
        folder = tmp_path / str(number)
        shutil.copytree(whole, folder)
        (folder / name).unlink()
        (folder / name).write_bytes(seal_json(forged))
        refused += refusals(folder)
        shutil.rmtree(folder)
    assert refused > 0
    measured(forged_files=EACH, times_they_were_refused_or_found=refused)


@pytest.mark.parametrize(
    ("name", "body", "where"),
    [
        ("plans/x.json", {"run": "r", "units": -1}, "units"),
        ("plans/x.json", {"run": "r", "units": [["m", 0, ["A", 5]]]}, "units.0.2.1"),
        ("plans/x.json", {"run": "r", "units": [["m", True, ["A"]]]}, "units.0.1"),
        ("_SUCCESS", {}, "commits"),
        ("attempts/a/1.json", {"key": "k", "attempt": "1"}, "attempt"),
        ("estimates/1.json", {"factors": {"m": {"seconds": "x"}}, "seconds": []}, "factors.m.seconds"),
    ],
)
def test_the_place_that_does_not_fit_is_named(name: str, body: dict[str, Any], where: str) -> None:
    with pytest.raises(
        DamagedFileError, match=rf"{name}: its body is no \w+(\.json)? file's: {where} is not what"
    ):
        read_json(seal_json(body), name)


@pytest.mark.parametrize(
    ("kind", "value"), [("int64", "x"), ("nothing", 1), ("int32", 10**30), ("string", 1), ("double", [])]
)
def test_facts_that_are_no_table_are_damage(kind: str, value: Any) -> None:
    with pytest.raises(DamagedFileError, match="no table"):
        targets_of({"columns": [["a", kind, [value]]]})


def test_every_file_that_is_written_has_its_shape(whole: Path) -> None:
    seen = set()
    for path in sorted(whole.rglob("*.json")):
        name = path.relative_to(whole).as_posix()
        read_json(path.read_bytes(), name)
        seen |= {start for start in SHAPES if name.startswith(start)}
    assert seen >= {layout.RUN, layout.PLANS, layout.COMMITS, layout.ATTEMPTS}
