"""The same commands with `s3://` for folders: import, run, resume, query, verify, gc."""

import sys
from pathlib import Path
from typing import Any

import pytest

from cluster.cli import main
from cluster.execution.run import run
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store.datasets import open_dataset
from cluster.store.filesystem import open_filesystem
from cluster.store.places.cache import cache_folder
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tests.made_datasets import tiny_dataset
from tests.made_stores import made_store
from tests.promises import Measured
from tests.stores import table_bytes

QUICK: dict[str, Any] = {"methods": ["modifiers"], "folds": 3, "workers": 0}


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["knockcast", *words])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def uploaded(folder: Path, place: str) -> str:
    """A Dataset's files in a bucket."""
    fs = open_filesystem(place)
    for path in sorted(folder.iterdir()):
        assert fs.create(path.name, path.read_bytes())
    return place


@pytest.mark.long
def test_a_run_in_a_bucket_gives_the_bytes_of_one_in_a_folder(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, measured: Measured
) -> None:
    local = tiny_dataset(tmp_path / "dataset")
    dataset, store = uploaded(local, f"{s3}/dataset"), f"{s3}/store"
    assert run(local, tmp_path / "store", **QUICK).exit_code == 0
    words = ("--method", "modifiers", "--folds", "3", "--workers", "0")
    assert command(monkeypatch, "run", dataset, "--store", store, *words) == 0
    assert table_bytes(store) == table_bytes(tmp_path / "store")
    assert StoreReader.open(store).datasets() == [dataset]
    before = open_filesystem(store).paths("")
    assert command(monkeypatch, "resume", store, "--workers", "0") == 0
    assert open_filesystem(store).paths("") == before
    capsys.readouterr()
    assert command(monkeypatch, "query", store, "SELECT count(*) AS n FROM scores", "--format", "csv") == 0
    assert capsys.readouterr().out.split() == ['"n"', str(StoreReader.open(store).table("scores").num_rows)]
    for asked in (("verify", store), ("gc", store), ("status", store)):
        assert command(monkeypatch, *asked) == 0
    assert command(monkeypatch, "plan", dataset, "--store", store, *words) == 0
    measured(runs_in_a_bucket=1, tables_equal=len(table_bytes(store)))


def test_a_dataset_is_imported_into_a_bucket_once(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from tasks.simulation.simulate import simulate_release

    simulate_release(tmp_path / "release", cell_lines=60, genes=60, layout="24Q4", seed=1)
    words = ("import", str(tmp_path / "release"), "--out")
    assert command(monkeypatch, *words, f"{s3}/dataset") == 0
    assert f"{s3}/dataset: 60 cell lines" in capsys.readouterr().out
    assert command(monkeypatch, *words, str(tmp_path / "dataset")) == 0
    assert open_dataset(f"{s3}/dataset").content_hash == Dataset.open(tmp_path / "dataset").content_hash
    capsys.readouterr()
    assert command(monkeypatch, *words, f"{s3}/dataset") == 2
    assert "exists already and is never overwritten" in capsys.readouterr().err
    assert command(monkeypatch, "describe", f"{s3}/dataset") == 0


def test_a_dataset_is_fetched_once_and_never_half(s3: str, tmp_path: Path) -> None:
    place = uploaded(tiny_dataset(tmp_path / "dataset"), f"{s3}/dataset")
    opened = open_dataset(place)
    assert opened.path.is_relative_to(cache_folder())
    fs = open_filesystem(place)
    for name in fs.paths(""):
        if name != "dataset.json":
            fs.delete(name)
    assert open_dataset(place).content_hash == opened.content_hash  # the body alone was asked for
    (opened.path / "dataset.json").unlink()
    (opened.path).rename(tmp_path / "elsewhere")
    with pytest.raises(BadInputError, match=r"missing|no such|cannot"):
        open_dataset(place)
    assert not opened.path.exists()


def test_a_place_without_a_dataset_says_how_to_make_one(s3: str) -> None:
    with pytest.raises(BadInputError, match=r"no Dataset \(no dataset.json\); make one by `knockcast import"):
        open_dataset(f"{s3}/nothing")


def test_damage_in_a_bucket_is_found_and_mended(s3: str) -> None:
    writer = made_store(s3)  # type: ignore[arg-type]
    path = writer.fs.paths("data/scores/")[0]
    data = bytearray(writer.fs.read(path))
    data[40] ^= 4
    writer.fs.delete(path)
    writer.fs.create(path, bytes(data))
    StoreReader.open(s3)
    found = verify(open_filesystem(s3))
    assert [problem.path for problem in found.problems] == [path]
    repaired = verify(open_filesystem(s3), repair=True)
    assert repaired.moved
    assert not repaired.left
    assert gc(open_filesystem(s3)) == []


def test_the_server_may_be_named_by_an_option(
    s3: str, served: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    made_store(s3)  # type: ignore[arg-type]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")  # where nothing listens
    assert command(monkeypatch, "--endpoint-url", served["AWS_ENDPOINT_URL_S3"], "verify", s3) == 0
    assert "all is well" in capsys.readouterr().out
    assert command(monkeypatch, "--endpoint-url", "127.0.0.1:9", "verify", s3) == 2
    assert "expected http://HOST:PORT" in capsys.readouterr().err


@pytest.mark.ray
def test_workers_commit_to_a_bucket(s3: str, tmp_path: Path, measured: Measured) -> None:
    local = tiny_dataset(tmp_path / "dataset")
    assert run(local, tmp_path / "store", **QUICK).exit_code == 0
    assert run(local, f"{s3}/store", **{**QUICK, "workers": 2}).exit_code == 0
    assert table_bytes(f"{s3}/store") == table_bytes(tmp_path / "store")
    measured(runs_in_a_bucket=1, tables_equal=len(table_bytes(tmp_path / "store")))
