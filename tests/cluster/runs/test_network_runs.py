"""Runs of methods `latent` and `plain`: whole, cut, resumed, given up, and on Ray."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from cluster import Store, run
from cluster.execution.run import resume_store
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.store.layout import commit_path
from cluster.store.reader import StoreReader
from cluster.store.units import fold_level_unit
from tasks.errors import BadInputError
from tests.made_datasets import GENES, TARGETS, made_dataset, made_matrices, tiny_dataset
from tests.stores import table_bytes

# Several runs of some seconds, on machines that do other things, too.
pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

METHODS = ("latent", "plain")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_dataset(tmp_path_factory.mktemp("tiny") / "dataset")


@pytest.fixture(scope="module")
def whole(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("whole") / "store"
    outcome = run(dataset, store, methods=METHODS, workers=0, folds=2, shard_size=len(TARGETS))
    assert outcome.sealed
    return store


def networks(store: Path) -> dict[tuple[str, int, str], str]:
    rows = Store(store).networks()
    return {(r.method, r.fold, r.network): r.sha256 for r in rows.itertuples()}


def test_every_fold_has_its_networks_and_every_target_its_scores(whole: Path):
    table = Store(whole).networks()
    expected = {(m, f) for m in METHODS for f in (-1, 0, 1)}
    assert set(zip(table["method"], table["fold"], strict=True)) == expected
    assert len(table) == 3 * 3 + 3
    assert not (whole / "checkpoints").exists() or not list((whole / "checkpoints").rglob("*.safetensors"))
    for row in table.itertuples():
        assert (whole / row.file).is_file()
        assert len(load((whole / row.file).read_bytes())) > 8
    genes = Store(whole).genes()
    assert sorted(genes["target"]) == sorted(TARGETS * 2)
    assert (genes["folds"] == 2).all()
    assert verify(StoreReader.open(whole).fs).ok


@pytest.mark.torture
def test_shard_size_changes_no_byte(dataset: Path, whole: Path, tmp_path: Path):
    """Shards of two targets, on Ray, are tried below, and by `make test-long`."""
    run(dataset, tmp_path / "cut", methods=METHODS, workers=0, folds=2, shard_size=1)
    assert table_bytes(tmp_path / "cut") == table_bytes(whole)
    assert networks(tmp_path / "cut") == networks(whole)


def test_targets_added_later_use_the_networks_that_are_there(dataset: Path, whole: Path, tmp_path: Path):
    store = tmp_path / "store"
    run(dataset, store, methods=METHODS, targets=list(TARGETS[:2]), workers=0, folds=2)
    run(dataset, store, methods=METHODS, workers=0, folds=2)
    assert table_bytes(store) == table_bytes(whole)
    attempts = [body for body in StoreReader.open(store).attempts() if body["units"] == 1]
    assert max(body["attempt"] for body in attempts) == 1


def test_networks_lost_are_trained_again_and_are_the_same(dataset: Path, whole: Path, tmp_path: Path):
    store = tmp_path / "store"
    run(dataset, store, methods=["plain"], workers=0, folds=2, final=False)
    before = networks(store)
    reader = StoreReader.open(store)
    key = reader.committed_units()[fold_level_unit("plain", 0)]
    (file,) = reader.commit(key).other_files
    Path(reader.fs.location(file.path)).write_bytes(b"damaged")
    assert not verify(reader.fs, repair=True).ok
    assert not reader.fs.exists(commit_path(key))
    assert resume_store(str(store), workers=0).sealed
    assert networks(store) == before
    assert verify(reader.fs).ok


def test_a_target_that_hardly_varies_is_named_or_left_out(tmp_path: Path):
    expression, effect = made_matrices(48)
    effect[:, 2] = 0.01 * expression[:, 0]
    dataset = made_dataset(tmp_path / "dataset", expression, effect)
    with pytest.raises(
        BadInputError, match=f"--method plain: {GENES[2]}: it models targets with a sd above 0.1"
    ):
        run(dataset, tmp_path / "store", methods=["plain"], targets=[GENES[0], GENES[2]], workers=0)
    assert not (tmp_path / "store").exists()
    run(dataset, tmp_path / "store", methods=["plain"], workers=0, folds=2, final=False)
    assert GENES[2] not in set(Store(tmp_path / "store").scores()["target"])
    flat = made_dataset(tmp_path / "flat", expression, np.float32(0.01) * effect)
    with pytest.raises(BadInputError, match="no target"):
        run(flat, tmp_path / "other", methods=["latent"], workers=0)


def test_checkpoints_of_what_is_committed_are_garbage(whole: Path, dataset: Path, tmp_path: Path):
    run(dataset, tmp_path / "store", methods=["plain"], workers=0, folds=2, final=False)
    reader = StoreReader.open(tmp_path / "store")
    key = reader.committed_units()[fold_level_unit("plain", 0)]
    late = f"checkpoints/{key}/000010-0-plain.{'0' * 64}.safetensors"
    open_ = f"checkpoints/{'b' * 64}/000010-0-plain.{'0' * 64}.safetensors"
    for path in (late, open_):
        reader.fs.create(path, b"x")
    torn = [f"checkpoints/{of}/.000020-0-plain.tmp" for of in (key, "b" * 64)]  # their writers were killed
    for path in torn:
        Path(reader.fs.location(path)).write_bytes(b"x")
    assert gc(reader.fs) == [late, torn[0]]
    assert reader.fs.exists(open_)
    assert reader.fs.exists(torn[1])


def test_the_gene_page_and_predict_know_them(whole: Path):
    import pandas as pd

    page = Store(whole).gene(TARGETS[0])
    assert set(page.scores["method"]) == set(METHODS)
    with pytest.raises(BadInputError, match="not a target"):
        Store(whole).gene("*")
    expression, _ = made_matrices(48)
    samples = pd.DataFrame(expression, columns=list(GENES))
    for method in METHODS:
        made = Store(whole).predict(samples, method)
        assert made.predicted.shape == (48, len(TARGETS))
        assert made.predicted.notna().all().all()
        alone = Store(whole).predict(samples.iloc[:1], method).predicted
        assert np.allclose(alone, made.predicted.iloc[:1], atol=1e-5)
        poor = samples.copy()
        poor.iloc[1:, :2] = np.nan  # 8 of 10 genes are under 90 %
        lacking = Store(whole).predict(poor, method)
        assert lacking.predicted.notna().any(axis=1).tolist() == [True] + [False] * 47
        assert len(lacking.missing) == 2
        with pytest.raises(BadInputError, match=r"takes 90% of the genes: of 10 .* the best sample knows 8"):
            Store(whole).predict(samples.drop(columns=list(GENES[:2])), method)


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_trainers_on_ray_give_the_same_bytes(dataset: Path, whole: Path, tmp_path: Path):
    assert run(dataset, tmp_path / "ray", methods=METHODS, workers=2, folds=2, shard_size=2).sealed
    assert table_bytes(tmp_path / "ray") == table_bytes(whole)
    assert networks(tmp_path / "ray") == networks(whole)


def test_a_trainer_that_died_after_its_commit_answers_without_training_again(dataset: Path, tmp_path: Path):
    from cluster.scheduling.shards import Job, Shard
    from cluster.worker.work import run_and_commit

    run(dataset, tmp_path / "store", methods=["plain"], workers=0, folds=2, final=False)
    reader = StoreReader.open(tmp_path / "store")
    unit = fold_level_unit("plain", 0)
    key = reader.committed_units()[unit]
    job = Job(Shard(key, (unit,), checkpointed=True), 1, reader.fs.name, reader.run_digest)
    nothing: Any = None  # is read of what it gets
    receipt = run_and_commit(job, nothing, nothing, nothing)
    assert (receipt.key, receipt.won, receipt.statuses) == (key, True, {"ok": 1})
    assert not run_and_commit(replace(job, attempt=2), nothing, nothing, nothing).won


def test_a_search_on_one_fold_decides_for_all_and_a_nested_one_for_each(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for option, folds in (("search_architecture", {0}), ("nested_search", {0, 1})):
        store = tmp_path / option
        run(dataset, store, methods=["plain"], workers=0, folds=2, final=False, **{option: True})
        assert ("not nested" in capsys.readouterr().err) is (option == "search_architecture")
        searches = Store(store).searches()
        assert set(searches["fold"]) == folds
        assert (searches["nested"] == (option == "nested_search")).all()
        chosen = searches[searches["chosen"]].set_index("fold")
        for row in Store(store).networks().itertuples():
            winner = chosen.loc[row.fold if option == "nested_search" else 0]
            assert list(row.layers)[1:-1] == [winner["units"]] * winner["hidden_layers"]
        assert verify(StoreReader.open(store).fs).ok
        with pytest.raises(BadInputError, match=option):
            run(dataset, store, methods=["plain"], workers=0, folds=2)
    with pytest.raises(BadInputError, match="choose one"):
        run(dataset, tmp_path / "x", methods=["plain"], search_architecture=True, nested_search=True)


def test_networks_that_all_failed_are_told_by_predict(tmp_path: Path):
    import pandas as pd

    expression, effect = made_matrices(48)
    dataset = made_dataset(tmp_path / "dataset", np.zeros_like(expression), effect)
    run(dataset, tmp_path / "store", methods=["latent"], workers=0, folds=2)
    status = Store(tmp_path / "store").status()
    assert status.statuses["failed"] > 6
    with pytest.raises(BadInputError, match="method latent predicts anything: failed: 6 targets"):
        Store(tmp_path / "store").predict(pd.DataFrame(expression, columns=list(GENES)), "latent")
