"""Two methods of a store, or of two, compared target by target on the same folds."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cluster import Store, run
from cluster.compare import compare
from cluster.compare_actions import compare_in_words
from tasks.dataset import Dataset
from tasks.problems import BadInputError


@pytest.fixture(scope="module")
def targets(small_dataset: Path) -> list[str]:
    return Dataset.open(small_dataset).targets[:24]


@pytest.fixture(scope="module")
def store(small_dataset: Path, targets: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compared") / "store"
    methods = ("one_modifier", "all_modifiers", "ridge")
    run(small_dataset, path, methods=methods, targets=targets, scheme="split", final=False, workers=0)
    return path


def test_the_comparison_is_that_of_the_scores(store: Path):
    made = compare(str(store), "one_modifier", "ridge")
    scores = Store(store).scores().pivot_table(index="target", columns="method", values="pearson")
    known = scores[["one_modifier", "ridge"]].dropna()
    assert len(known) > 15
    table = made.table.set_index("target").loc[known.index]
    np.testing.assert_array_equal(table["pearson_first"], known["one_modifier"])
    np.testing.assert_array_equal(table["pearson_second"], known["ridge"])
    assert made.paired.n == len(known)
    assert made.paired.first_better == (known["one_modifier"] > known["ridge"]).sum()
    assert made.paired.t_p == pytest.approx(stats.ttest_rel(*known.to_numpy().T).pvalue, rel=1e-10)
    pooled = Store(store).genes().set_index(["method", "target"])["pearson_pooled"]
    np.testing.assert_array_equal(table["pooled_second"], pooled["ridge"].loc[known.index])
    turned = compare(str(store), "ridge", "one_modifier")
    assert turned.paired.mean == pytest.approx(-made.paired.mean, rel=1e-12)


def test_one_modifier_is_the_best_of_all(store: Path):
    modifiers = Store(store).modifiers()
    one, every = (modifiers[modifiers["method"] == m] for m in ("one_modifier", "all_modifiers"))
    assert len(every) > 2 * len(one) > 10
    best = every[every["rank"] == 1]
    columns = ["target", "fold", "modifier", "pearson", "chi2_q", "rank"]
    pd.testing.assert_frame_equal(
        one[columns].reset_index(drop=True), best[columns].reset_index(drop=True), check_exact=True
    )
    assert set(Store(store).candidates()["candidate"]) == {"xgboost", "ridge"}


def test_a_list_of_targets_and_another_store(
    small_dataset: Path, targets: list[str], store: Path, tmp_path: Path
):
    other = tmp_path / "other"
    run(
        small_dataset,
        other,
        methods=("modifiers",),
        preset="knn",
        targets=targets[:6],
        scheme="split",
        final=False,
        workers=0,
    )
    made = compare(str(store), "ridge", f"{other}:modifiers")
    assert set(made.table["target"]) <= set(targets[:6])
    some = made.table["target"].tolist()[:2]
    assert set(compare(str(store), "ridge", f"{other}:modifiers", some).table["target"]) == set(some)
    with pytest.raises(BadInputError, match="NOSUCH: not scored by both"):
        compare(str(store), "ridge", "one_modifier", ["NOSUCH"])


def test_what_cannot_be_compared_is_refused(
    small_dataset: Path, targets: list[str], store: Path, tmp_path: Path
):
    run(
        small_dataset,
        tmp_path / "s",
        methods=("ridge",),
        targets=targets[:3],
        folds=3,
        seed=1,
        final=False,
        workers=0,
    )
    with pytest.raises(BadInputError) as caught:
        compare(str(store), "ridge", f"{tmp_path / 's'}:ridge")
    asked = [problem.partition(" differ in ")[2] for problem in caught.value.problems]
    assert [field.partition(":")[0] for field in asked] == ["scheme", "seed", "folds"]
    own = {"methods": ("forest",), "targets": targets[:2], "folds": 2, "final": False, "workers": 0}
    run(small_dataset, tmp_path / "shared", **own)
    run(small_dataset, tmp_path / "own", stratified=True, **own)
    with pytest.raises(BadInputError, match="differ in stratified"):
        compare(str(tmp_path / "own"), "forest", f"{tmp_path / 'shared'}:forest")
    with pytest.raises(BadInputError, match="no results of method kernel; it holds all_modifiers, "):
        compare(str(store), "ridge", "kernel")
    with pytest.raises(BadInputError, match=r"--out .*\.xlsx"):
        compare_in_words(str(store), "ridge", "one_modifier", None, tmp_path / "c.xlsx")


def test_the_command_prints_the_counts_and_writes_the_table(store: Path, tmp_path: Path):
    out = tmp_path / "c.csv"
    command = [sys.executable, "-m", "cluster", "compare", str(store), "ridge", "one_modifier"]
    ended = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, check=True)
    made = compare(str(store), "ridge", "one_modifier")
    assert f"{len(made.table)} targets scored by both" in ended.stdout
    assert f"ridge is better for {made.paired.first_better} targets" in ended.stdout
    assert pd.read_csv(out)["target"].tolist() == made.table["target"].tolist()
