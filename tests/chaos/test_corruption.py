"""Damage of every kind to every kind of file is found, and never read as numbers."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from cluster.execution.run import resume_store, run
from cluster.maintenance.maintain import verify
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tests.chaos.corruption import WAYS, compacted, damage_dataset, damage_store, kinds, mutants, with_records
from tests.made_datasets import made_dataset, made_matrices, tiny_dataset
from tests.promises import Measured
from tests.stores import table_bytes

ASKED: dict[str, Any] = {"methods": ["best"], "folds": 2, "workers": 0, "if_busy": "join"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store and a Dataset, and another of each."""
    folder = tmp_path_factory.mktemp("corruption")
    tiny_dataset(folder / "dataset")
    made_dataset(folder / "other-dataset", *made_matrices(50, seed=7))
    run(folder / "dataset", folder / "store", **ASKED)
    run(folder / "other-dataset", folder / "other", **ASKED)
    return folder


@pytest.mark.chaos
def test_all_damage_to_a_store_is_found_and_none_is_parsed(place: Path, measured: Measured) -> None:
    counts = damage_store(place / "store", place / "other", len(WAYS))
    assert {"run.json", "_SUCCESS", "commits", "attempts", "leases", "data/scores", "training"} <= set(counts)
    assert {kind: count.missed for kind, count in counts.items() if count.missed or count.wrong} == {}
    measured(mutants=sum(count.mutants for count in counts.values()))


@pytest.mark.chaos
def test_all_damage_to_a_compacted_store_is_found(place: Path, tmp_path: Path, measured: Measured) -> None:
    """What packs have replaced is looked at no more; here it is removed."""
    for name in ("store", "other"):
        compacted(place / name, tmp_path / name)
    counts = damage_store(tmp_path / "store", tmp_path / "other", len(WAYS))
    assert "packs" in counts
    assert {kind: count.missed for kind, count in counts.items() if count.missed or count.wrong} == {}
    measured(mutants=sum(count.mutants for count in counts.values()))


@pytest.mark.chaos
def test_all_damage_to_records_and_results_is_found(tmp_path: Path, measured: Measured) -> None:
    """Of failures, of targets set aside, of commands."""
    store, other = (with_records(tmp_path / target, target) for target in "AB")
    records = {"quarantine", "attempts, failed", "analyses"}
    counts = damage_store(store, other, 4 * len(WAYS), only=records)
    assert set(counts) == records
    assert {kind: count.missed for kind, count in counts.items() if count.missed or count.wrong} == {}
    measured(mutants=sum(count.mutants for count in counts.values()))


@pytest.mark.chaos
def test_all_damage_to_a_dataset_is_found(place: Path, tmp_path: Path, measured: Measured) -> None:
    counts = damage_dataset(place / "dataset", place / "other-dataset", 2 * len(WAYS), tmp_path / "work")
    assert set(counts) == {path.name for path in (place / "dataset").iterdir()}
    assert {name: count.missed for name, count in counts.items() if count.missed or count.wrong} == {}
    measured(mutants=sum(count.mutants for count in counts.values()))


@pytest.mark.chaos
def test_repair_and_resume_mend_what_was_damaged_and_no_more(
    place: Path, tmp_path: Path, measured: Measured
) -> None:
    whole = table_bytes(place / "store")
    for kind in ("commits", "data/scores", "data/models"):
        copy = tmp_path / kind.replace("/", "-")
        shutil.copytree(place / "store", copy)
        fs = open_filesystem(copy)
        paths = kinds(fs)[kind]
        [mutant] = mutants({path: fs.read(path) for path in paths}, [], 1, seed=3)
        for path, data in mutant.files.items():
            (copy / path).write_bytes(data)
        before = set(fs.paths("commits/"))
        assert verify(fs, repair=True).moved
        lost = before - set(fs.paths("commits/"))
        assert len(lost) == 1
        resume_store(str(copy), workers=0)
        assert table_bytes(copy) == whole
        assert verify(fs).ok
        measured(stores_repaired=1, commits_done_again=len(lost), tables_equal=len(whole))


@pytest.mark.chaos
def test_a_resume_does_again_what_a_sealed_store_has_lost(place: Path, tmp_path: Path, capsys: Any) -> None:
    copy = tmp_path / "store"
    shutil.copytree(place / "store", copy)
    whole, lost = table_bytes(copy), StoreReader.open(copy).commits()[-1]
    (copy / "commits" / f"{lost.key}.json").unlink()
    outcome = resume_store(str(copy), workers=0)
    assert (outcome.done, outcome.sealed) == (len(lost.units), True)
    assert "1 commit that _SUCCESS lists gone: the work is done again" in capsys.readouterr().err
    assert table_bytes(copy) == whole


def test_a_part_of_another_kind_is_refused_by_a_dataset(place: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(place / "dataset", tmp_path / "dataset"))
    (copy / "genes.parquet").write_bytes((copy / "cell_lines.parquet").read_bytes())
    with pytest.raises(BadInputError, match=r"genes.parquet: changed since it was written"):
        Dataset.open(copy)


def test_mutants_differ_from_what_they_stand_for() -> None:
    files = {f"data/{name}": bytes([name]) * 50 for name in range(3)}
    for mutant in mutants(files, [b"x" * 50], 50, seed=1):
        assert all(files[path] != data for path, data in mutant.files.items()), mutant.way
