"""Scheme `lineage` from a Dataset to a store's tables, in process."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Store, run
from cluster.cli.plan import describe_plan
from cluster.errors import ExitCode
from cluster.execution.run import resume_store
from cluster.runs.options import options_of
from cluster.runs.request import request_of
from cluster.store.layout import commit_path
from cluster.store.reader import StoreReader
from cluster.store.units import FINAL_FOLD
from cluster.views.folds import control_folds, held_out_lineages
from cluster.views.models import residuals_table
from modeling.statistics.pooling import pooled
from tasks.analyses.lineage import OVERALL
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.errors import BadInputError
from tests.reference import lineage as slow
from tests.reference.store import residual_quantile
from tests.stores import table_bytes

pytestmark = pytest.mark.long

SIZES = {"Skin": 45, "Lung": 50, "Bone": 35, "": 20}
HELD_OUT = [("Lung", 0, 2, 50), ("Skin", 1, 3, 45)]
METHODS = ("modifiers", "ridge")


def relabelled(source: Path, out: Path, sizes: dict[str, int]) -> Path:
    """The Dataset with other lineages, dealt at random."""
    given = Dataset.open(source)
    names = [name for name, size in sizes.items() for _ in range(size)]
    write_dataset(
        out,
        expression=given.expression,
        effect=given.effect,
        cell_lines=given.cell_lines,
        genes=given.genes,
        targets=given.targets,
        lineages=list(np.random.default_rng(0).permutation(names)),
    )
    return out


@pytest.fixture(scope="module")
def dataset(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return relabelled(small_dataset, tmp_path_factory.mktemp("lineages") / "dataset", SIZES)


@pytest.fixture(scope="module")
def targets(dataset: Path) -> list[str]:
    return Dataset.open(dataset).targets[:30]


@pytest.fixture(scope="module")
def finished(dataset: Path, targets: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finished") / "store"
    outcome = run(dataset, path, workers=0, scheme="lineage", targets=targets, methods=METHODS)
    assert outcome.exit_code == ExitCode.DONE
    assert outcome.done == 30 * (5 + 5)
    return path


def test_run_json_names_the_folds_and_their_twins(finished: Path):
    body = StoreReader.open(finished).run
    assert [(f["number"], f["name"], f["n_test"], f.get("control")) for f in body["folds"]] == [
        (0, "Lung", 50, None),
        (1, "Skin", 45, None),
        (2, "random twin of Lung", 50, True),
        (3, "random twin of Skin", 45, True),
        (FINAL_FOLD, "all lines", 0, None),
    ]
    assert body["n_folds"] == 2
    assert options_of(body).scheme == "lineage"
    assert control_folds(body) == {2, 3}
    assert [(h.lineage, h.fold, h.twin, h.n_lines) for h in held_out_lineages(body)] == HELD_OUT


def test_each_fold_predicts_its_lines_and_a_line_may_be_predicted_more_than_once(
    dataset: Path, finished: Path
):
    given, predictions = Dataset.open(dataset), Store(finished).predictions()
    lineage = dict(zip(given.cell_lines, given.lineages, strict=True))
    for name, fold, twin, size in HELD_OUT:
        tested = set(predictions[predictions["fold"] == fold]["cell_line"])
        assert tested == {line for line, its in lineage.items() if its == name}
        assert predictions[predictions["fold"] == twin]["cell_line"].nunique() == size
    assert predictions.duplicated(["method", "target", "cell_line"]).any()
    assert not predictions.duplicated(["method", "target", "cell_line", "fold"]).any()
    keys = predictions[["method", "target", "cell_line", "fold"]]
    pd.testing.assert_frame_equal(keys, keys.sort_values(list(keys.columns)).reset_index(drop=True))


@pytest.mark.parametrize("size", [1, 11])
def test_shard_size_changes_no_byte(dataset: Path, targets: list[str], finished: Path, tmp_path: Path, size):
    again = {"targets": targets[::-1], "methods": METHODS[::-1]}
    run(dataset, tmp_path / "cut", workers=0, scheme="lineage", shard_size=size, **again)
    assert table_bytes(tmp_path / "cut") == table_bytes(finished)


def test_resume_does_what_is_left_and_nothing_twice(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    reader = StoreReader.open(copy)
    lost = [
        c
        for c in reader.commits()
        if {(u.method, u.fold) for u in c.units} & {("ridge", 3), ("modifiers", 1)}
    ]
    for commit in lost:
        (copy / commit_path(commit.key)).unlink()
    (copy / "_SUCCESS").unlink()
    outcome = resume_store(str(copy), workers=0)
    assert outcome.done == sum(len(commit.units) for commit in lost) == 60
    assert "FROM lineages" in capsys.readouterr().err
    assert table_bytes(copy) == table_bytes(finished)
    assert resume_store(str(copy), workers=0).done == 0


def test_genes_leave_the_random_twins_out(finished: Path, targets: list[str]):
    store = Store(finished)
    genes = store.genes().set_index(["method", "target"])
    scores, predictions = store.scores(), store.predictions()
    modifiers = store.modifiers()
    for (method, target), row in genes.iterrows():
        mine = scores[(scores["method"] == method) & (scores["target"] == target) & (scores["fold"] < 2)]
        rows = predictions[(predictions["method"] == method) & (predictions["target"] == target)]
        rows = rows[rows["fold"] < 2]
        assert row["folds"] == 2
        assert row["n"] == len(rows)
        np.testing.assert_allclose(row["pearson"], mine["pearson"].mean())
        mean = rows["fold"].map(mine.set_index("fold")["train_mean"]).to_numpy()
        expected = pooled(rows["measured"].to_numpy(), rows["predicted"].to_numpy(), mean)
        np.testing.assert_allclose(row["pearson_pooled"], expected.r, rtol=1e-10, atol=1e-12)
        chosen = modifiers[(modifiers["method"] == method) & (modifiers["target"] == target)]
        one, two = (set(chosen[chosen["fold"] == fold]["modifier"]) for fold in (0, 1))
        shares = len(one & two) / len(one | two) if one | two else np.nan
        np.testing.assert_allclose(row["stability"], shares)
    assert len(genes) == 2 * len(targets)


def test_the_lineage_alone_knows_nothing_of_a_lineage_held_out(finished: Path):
    store = Store(finished)
    scores, predictions = store.scores(), store.predictions()
    held_out = predictions[predictions["fold"] < 2]
    assert (held_out.groupby(["method", "target", "fold"])["predicted_lineage"].nunique() == 1).all()
    assert (scores[scores["fold"] < 2]["pearson_lineage"].dropna() == 0).all()
    assert (scores[scores["fold"] >= 2]["pearson_lineage"].dropna() != 0).any()
    genes = store.genes()
    assert (genes["pearson_lineage"].dropna() == 0).all()
    assert genes["pearson_lineage"].notna().any()


def test_residual_quantiles_are_of_lineages_never_seen(finished: Path):
    predictions = Store(finished).predictions()
    predictions = predictions[predictions["fold"] < 2]
    for row in residuals_table(StoreReader.open(finished)).to_pylist():
        mine = predictions[
            (predictions["method"] == row["method"]) & (predictions["target"] == row["target"])
        ]
        expected = residual_quantile(mine["measured"], mine["predicted"], 0.8)
        assert row["residual_80"] == expected or np.isnan(expected)


def test_the_views_equal_their_slow_twins(finished: Path):
    store = Store(finished)
    scores = store.scores()
    for made, expected in (
        (store.lineages(), slow.lineages(scores, HELD_OUT)),
        (store.lineage_targets(), slow.lineage_targets(scores, HELD_OUT)),
    ):
        pd.testing.assert_frame_equal(
            made, expected[list(made.columns)], check_dtype=False, rtol=1e-9, atol=1e-13
        )
    assert store.lineages()["lineage"].tolist() == ["Lung", "Skin", OVERALL] * 2
    asked = store.query("SELECT * FROM lineages JOIN lineage_targets USING (method) WHERE fold = 1")
    assert len(asked) == 2 * 30


def test_a_gene_page_says_what_each_fold_held_out_and_counts_modifiers_without_twins(
    finished: Path, targets: list[str]
):
    store = Store(finished)
    modifiers = store.modifiers()
    target = modifiers[modifiers["fold"] < 2]["target"].value_counts().index[0]
    page = store.gene(target)
    assert page.scores["held_out"].tolist()[:4] == [
        "Lung",
        "Skin",
        "random twin of Lung",
        "random twin of Skin",
    ]
    mine = modifiers[(modifiers["target"] == target) & (modifiers["fold"] < 2)]
    assert dict(zip(page.modifiers["modifier"], page.modifiers["folds"], strict=True)) == dict(
        mine["modifier"].value_counts()
    )
    pd.testing.assert_frame_equal(
        page.summary.drop(columns=["q_value", "q_permuted"]),
        store.genes()
        .query("target == @target")
        .drop(columns=["q_value", "q_permuted"])
        .reset_index(drop=True),
    )


def test_a_target_done_in_twins_alone_is_not_yet_among_genes(dataset: Path, finished: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    for commit in StoreReader.open(copy).commits():
        if {unit.fold for unit in commit.units} <= {0, 1, FINAL_FOLD}:
            (copy / commit_path(commit.key)).unlink()
    (copy / "_SUCCESS").unlink()
    store = Store(copy)
    assert len(store.scores()) == 2 * 2 * 30
    assert store.genes().empty
    assert (store.lineages()["targets"] == 0).all()
    assert (store.lineage_targets()["lineages"] == 0).all()


def test_plan_names_the_lineages(dataset: Path):
    said = describe_plan(request_of(dataset, None, scheme="lineage", workers=0))
    assert "fold 0 (Lung)" in said
    assert "fold 3 (random twin of Skin)" in said
    assert "all lines (final models)" in said
    assert "fold 0:" in describe_plan(request_of(dataset, None, workers=0))


def test_without_a_large_lineage_the_largest_are_named_and_nothing_is_written(
    small_dataset: Path, tmp_path: Path
):
    small = relabelled(small_dataset, tmp_path / "small", {"Skin": 39, "Lung": 30, "": 81})
    with pytest.raises(BadInputError, match="the largest are Skin 39, Lung 30"):
        run(small, tmp_path / "s", workers=0, scheme="lineage")
    assert not (tmp_path / "s").exists()


def test_another_scheme_is_refused_by_name(dataset: Path, finished: Path):
    with pytest.raises(BadInputError, match='scheme: "lineage" here, "kfold" asked'):
        run(dataset, finished, workers=0, methods=METHODS)


def test_runs_of_other_schemes_have_no_controls_and_empty_views(
    dataset: Path, targets: list[str], finished: Path, tmp_path: Path
):
    """So that stores made before this scheme was built are joined and read as ever."""
    run(dataset, tmp_path / "s", workers=0, methods=METHODS[:1], targets=targets[:2], final=False)
    assert "control" not in json.dumps(StoreReader.open(tmp_path / "s").run)
    assert control_folds({"seed": 0}) == frozenset()
    assert held_out_lineages({"scheme": "kfold", "folds": [{"number": 0, "n_test": 9}]}) == ()
    store = Store(tmp_path / "s")
    for name in ("lineages", "lineage_targets"):
        assert store.table(name).empty
        assert list(store.table(name).columns) == list(Store(finished).table(name).columns)


def test_a_constant_target_says_nothing_of_lineages(dataset: Path, targets: list[str], tmp_path: Path):
    given = Dataset.open(dataset)
    effect = np.array(given.effect)
    effect[:, 0] = 0.5
    write_dataset(
        tmp_path / "d",
        expression=given.expression,
        effect=effect,
        cell_lines=given.cell_lines,
        genes=given.genes,
        targets=given.targets,
        lineages=given.lineages,
    )
    options = {"scheme": "lineage", "targets": targets[:3], "methods": ("ridge",), "final": False}
    run(tmp_path / "d", tmp_path / "s", workers=0, **options)
    store = Store(tmp_path / "s")
    assert "constant_target" in set(store.scores()["status"])
    assert store.lineage_targets()["target"].tolist() == targets[1:3]
    assert set(store.lineages()["targets"]) == {2}
