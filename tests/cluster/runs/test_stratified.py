"""`--stratified` from the options to the store's tables, and what it cannot be had with."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster import Store, run
from cluster.errors import ExitCode
from cluster.execution.run import resume_store
from cluster.runs.fields import RunOptions
from cluster.runs.options import checked_options, folds_of, options_of, run_body
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tests.stores import table_bytes

FOREST: dict[str, Any] = {"methods": ("forest",), "workers": 0, "folds": 3}


@pytest.fixture(scope="module")
def names(small_dataset: Path) -> list[str]:
    """A few targets, one of them with missing lines."""
    dataset = Dataset.open(small_dataset)
    gaps = np.isnan(dataset.effect).sum(axis=0)
    return [*dataset.targets[:2], dataset.targets[int(np.flatnonzero((gaps > 0) & (gaps < 60))[0])]]


@pytest.fixture(scope="module")
def finished(small_dataset: Path, names: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("stratified") / "store"
    outcome = run(small_dataset, store, **FOREST, targets=names, stratified=True)
    assert outcome.exit_code == ExitCode.DONE
    assert outcome.done == 3 * len(names)  # no final fits
    return store


def test_every_measured_line_is_predicted_once_in_its_targets_own_fold(
    small_dataset: Path, finished: Path, names: list[str]
):
    dataset, store = Dataset.open(small_dataset), Store(finished)
    predictions = store.predictions()
    assert not predictions.duplicated(["method", "target", "cell_line"]).any()
    scores = store.scores().set_index(["target", "fold"])
    for name in names:
        effect = dataset.effect[:, dataset.targets.index(name)]
        known = np.flatnonzero(~np.isnan(effect))
        mine = predictions[predictions["target"] == name]
        assert sorted(mine["cell_line"]) == sorted(dataset.cell_lines[i] for i in known)
        sizes = mine.groupby("fold").size()
        assert np.ptp(sizes) <= 1
        assert scores.loc[name, "n_test"].tolist() == sizes.tolist()
        assert (scores.loc[name, "n_train"] == len(known) - sizes).all()
        # Stratified: neighbours in effect are tested in different folds.
        thirds = mine.sort_values("measured")["fold"].to_numpy()[: len(mine) // 3 * 3].reshape(-1, 3)
        assert (np.sort(thirds, axis=1) == [0, 1, 2]).mean() > 0.9
    assert predictions.groupby("cell_line")["fold"].nunique().max() > 1  # each target has its own
    assert store.genes()["pearson_pooled"].notna().all()


def test_shard_size_changes_no_byte(small_dataset: Path, finished: Path, names: list[str], tmp_path: Path):
    run(small_dataset, tmp_path / "s", **FOREST, targets=names[::-1], stratified=True, shard_size=1)
    assert table_bytes(tmp_path / "s") == table_bytes(finished)


def test_the_store_remembers_it(small_dataset: Path, finished: Path, names: list[str]):
    body = StoreReader.open(finished).run
    assert body["settings"]["stratified"] is True
    assert options_of(body).stratified
    assert resume_store(str(finished), workers=0).done == 0
    with pytest.raises(BadInputError, match=r"settings\.stratified: true here, nothing asked"):
        run(small_dataset, finished, **FOREST, targets=names)


def test_a_run_that_does_not_ask_for_it_is_written_as_before_it_was_built(small_dataset: Path):
    dataset = Dataset.open(small_dataset)
    body = run_body(RunOptions(), dataset, folds_of(RunOptions(), dataset), "0")
    assert "stratified" not in body["settings"]
    assert options_of(body) == RunOptions(device="cpu")


@pytest.mark.parametrize("methods", [("modifiers",), ("forest", "kernel"), ("forest", "modifiers")])
def test_other_methods_are_refused(methods: tuple[str, ...]):
    with pytest.raises(BadInputError, match="only with --method forest alone") as caught:
        checked_options(methods, stratified=True)
    assert "each target's own" in caught.value.text()


def test_other_schemes_are_refused():
    with pytest.raises(BadInputError, match="only with --scheme kfold, given split"):
        checked_options(("forest",), scheme="split", stratified=True)
    assert checked_options(("forest", "forest"), stratified=True).stratified
