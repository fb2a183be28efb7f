"""`plan` promises what `run` does: the same units, the same shards; and it only reads."""

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from cluster import run
from cluster.cli.plan import describe_plan, plan_as_json
from cluster.errors import ExitCode
from cluster.execution.run import resume_store
from cluster.maintenance.maintain import verify
from cluster.runs.planning import Shard
from cluster.runs.remaining import dry_run
from cluster.runs.request import request_of
from cluster.store.body import read_json
from cluster.store.filesystem import open_filesystem
from cluster.store.layout import SUCCESS, commit_path
from cluster.store.reader import StoreReader
from cluster.store.units import SEARCH, Unit
from cluster.store.writer import StoreWriter
from modeling import numba_cache
from tasks.errors import BadInputError
from tests.made_datasets import TARGETS, tiny_dataset

OPTIONS: dict[str, Any] = {"methods": ["ridge", "modifiers"], "folds": 2, "shard_size": 2, "workers": 0}


class SeenShardsError(Exception):
    """Raised in place of the work."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_dataset(tmp_path_factory.mktemp("remaining") / "dataset")


@pytest.fixture(scope="module")
def finished(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("remaining") / "store"
    assert run(dataset, store, **OPTIONS).sealed
    return store


@pytest.fixture
def half_done(finished: Path, tmp_path: Path) -> Path:
    """The finished store less every third commit; two of the units that are left are quarantined."""
    store = tmp_path / "half"
    shutil.copytree(finished, store)
    lost = StoreReader.open(store).commits()[::3]
    for commit in lost:
        (store / commit_path(commit.key)).unlink()
    (store / SUCCESS).unlink()
    writer = StoreWriter(open_filesystem(store))
    for commit in lost[:2]:
        writer.quarantine(commit.units[0], ["error: planted"])
    return store


def keys(store: Path) -> set[str]:
    return {commit.key for commit in StoreReader.open(store).commits()}


def files(store: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in store.rglob("*")}


@pytest.mark.parametrize("shard_size", [None, 1, 4])
def test_a_run_makes_the_shards_and_units_that_were_promised(
    dataset: Path, half_done: Path, shard_size: int | None
):
    options = OPTIONS | {"shard_size": shard_size}
    promised = dry_run(request_of(dataset, half_done, **options))
    assert len(promised.remaining.quarantined) == 2
    assert promised.summary.reused == len(promised.remaining.committed) > 0
    before = keys(half_done)
    outcome = run(dataset, half_done, **options)
    assert outcome.exit_code == ExitCode.QUARANTINED
    assert (
        outcome.done == len(promised.remaining.left) == promised.summary.wanted - promised.summary.reused - 2
    )
    assert keys(half_done) - before == {shard.key for shard in promised.shards}
    assert promised.summary.shards == len(promised.shards) > 0
    again = dry_run(request_of(dataset, half_done, **options))
    assert (again.summary.shards, len(again.remaining.quarantined)) == (0, 2)


def test_quarantine_is_shown_and_not_among_the_work(dataset: Path, half_done: Path):
    request = request_of(dataset, half_done, **OPTIONS)
    words, made = describe_plan(request), json.loads(json.dumps(plan_as_json(request)))
    assert words.count("1 quarantined (resume --retry-failed tries them again)") == 2
    assert made["quarantined"] == sum(line["quarantined"] for line in made["lines"]) == 2
    assert made["wanted"] == len(TARGETS) * 2 * 3 == sum(line["wanted"] for line in made["lines"])
    assert made["shards"] == sum(line["shards"] for line in made["lines"])
    assert made["core_seconds"] == pytest.approx(sum(line["core_seconds"] for line in made["lines"]))
    assert made["methods"] == OPTIONS["methods"]
    assert made["seconds"] > 0
    assert made["slots"] == 1
    assert made["memory_bytes"] > 0
    assert {(line["fold"], line["name"]) for line in made["lines"]} == {
        (0, "fold 0"),
        (1, "fold 1"),
        (-1, "all lines (final models)"),
    }


@pytest.mark.parametrize("search", [{}, {"search_architecture": True}, {"nested_search": True}])
def test_networks_and_their_search_are_among_the_promised(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, search: dict[str, bool]
):
    options = {"methods": ["plain", "ridge"], "folds": 2, "workers": 0, **search}
    promised = dry_run(request_of(dataset, tmp_path / "s", **options))
    seen: list[Shard] = []

    def drive(writer: StoreWriter, shards: list[Shard], *rest: object, **more: object) -> None:
        seen.extend(shards)
        raise SeenShardsError

    monkeypatch.setattr("cluster.execution.run.drive", drive)
    with pytest.raises(SeenShardsError):
        run(dataset, tmp_path / "s", **options)
    assert tuple(seen) == promised.shards
    networks = [shard for shard in seen if shard.is_fold_level]
    searches = [shard for shard in networks if shard.units[0].work == SEARCH]
    assert len(searches) == (0 if not search else 3 if "nested_search" in search else 1)
    assert len(networks) - len(searches) == 3
    assert any(shard.dependencies for shard in promised.shards)


def test_a_plan_only_reads(dataset: Path, half_done: Path, tmp_path: Path):
    before = files(half_done)
    folders = [half_done, *(path for path in half_done.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        describe_plan(request_of(dataset, half_done, **OPTIONS))
    finally:
        for folder in folders:
            folder.chmod(stat.S_IRWXU)
    assert files(half_done) == before
    describe_plan(request_of(dataset, tmp_path / "new", **OPTIONS))
    assert not (tmp_path / "new").exists()


def test_what_run_refuses_plan_refuses_in_the_same_words(dataset: Path, finished: Path, tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("")
    for store, options in (
        (finished, OPTIONS | {"seed": 4, "top": 3}),
        (tmp_path / "folder", OPTIONS),
        (tmp_path / "none", OPTIONS | {"targets": "NOSUCH"}),
    ):
        problems = []
        for ask in (lambda s, o: dry_run(request_of(dataset, s, **o)), lambda s, o: run(dataset, s, **o)):
            with pytest.raises(BadInputError) as caught:
                ask(store, options)
            problems.append(caught.value.problems)
        assert problems[0] == problems[1]


def test_a_resume_remembers_the_shard_size_unless_given_another(
    dataset: Path, finished: Path, tmp_path: Path
):
    for given, size in (({}, 2), ({"shard_size": 5}, 5)):
        store = tmp_path / str(size)
        shutil.copytree(finished, store)
        shutil.rmtree(store / "commits")
        (store / SUCCESS).unlink()
        assert resume_store(str(store), workers=0, **given).done == len(TARGETS) * 2 * 3
        largest = max(len(commit.units) for commit in StoreReader.open(store).commits())
        assert largest == min(size, 3 if size == 5 else 2)  # even blocks: six targets, at most five a shard


def test_only_a_shard_size_that_was_given_is_written_down(dataset: Path, finished: Path, tmp_path: Path):
    run(dataset, tmp_path / "s", **OPTIONS | {"shard_size": None, "targets": list(TARGETS[:1])})
    stored = {}
    for store in (finished, tmp_path / "s"):
        (path,) = (store / "plans").iterdir()
        stored[store] = read_json(path.read_bytes(), path.name)
    assert stored[finished]["shard_size"] == 2
    assert "shard_size" not in stored[tmp_path / "s"]
    assert StoreReader.open(tmp_path / "s").shard_size() is None
    writer = StoreWriter(open_filesystem(tmp_path / "s"), StoreReader.open(tmp_path / "s").run_digest)
    for size in (3, 1, 2):
        writer.add_plan([Unit("ridge", TARGETS[0], 0)], shard_size=size)
    assert StoreReader.open(tmp_path / "s").shard_size() == 1
    assert not verify(open_filesystem(tmp_path / "s")).problems


@pytest.mark.parametrize("option", ["methods", "seed", "shard_sise"])
def test_a_resume_takes_no_option_that_decides_results(finished: Path, option: str):
    with pytest.raises(BadInputError, match=option):
        resume_store(str(finished), **{option: 1})


def test_a_first_run_says_that_it_compiles(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    options = {"methods": "ridge", "targets": TARGETS[0], "folds": 2, "workers": 0}
    monkeypatch.setattr(numba_cache, "folder", lambda: tmp_path / "cold")
    run(dataset, tmp_path / "first", **options)
    assert capsys.readouterr().err.count("preparing: the first run compiles numerical code") == 1
    (tmp_path / "cold" / "package").mkdir(parents=True)
    (tmp_path / "cold" / "package" / "function.nbi").write_bytes(b"")
    run(dataset, tmp_path / "second", **options)
    assert "preparing" not in capsys.readouterr().err
