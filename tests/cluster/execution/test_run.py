"""The whole way from a Dataset to a store's tables, in process: the truth the Ray runs are compared with."""

import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster import Store, run
from cluster.cli.plan import describe_plan
from cluster.errors import ExitCode, RefusedError
from cluster.execution.run import resume_store
from cluster.runs.request import request_of
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.errors import BadInputError
from tests.promises import Measured
from tests.stores import sorted_tables, table_bytes

MODIFIERS: dict[str, Any] = {"methods": ("modifiers",), "workers": 0}


@pytest.fixture(scope="module")
def finished(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("finished") / "store"
    outcome = run(small_dataset, store, **MODIFIERS)
    assert outcome.exit_code == ExitCode.DONE
    assert outcome.sealed
    return store


def test_every_target_has_a_row_or_a_stated_reason_in_every_fold(small_dataset: Path, finished: Path):
    scores = Store(finished).scores()
    dataset = Dataset.open(small_dataset)
    assert len(scores) == 5 * len(dataset.targets)
    assert set(scores["status"]) <= {
        "ok",
        "no_modifiers",
        "constant_target",
        "too_few_lines",
        "not_converged",
        "failed",
    }
    without = scores[scores["status"].isin(["constant_target", "too_few_lines", "failed"])]
    assert without["reason"].notna().all()
    assert (scores["status"] == "ok").sum() > 50


def test_every_measured_line_is_predicted_once(small_dataset: Path, finished: Path):
    dataset = Dataset.open(small_dataset)
    predictions = Store(finished).predictions()
    counts = predictions.groupby("target").size()
    measured = dict(zip(dataset.targets, np.count_nonzero(~np.isnan(dataset.effect), axis=0), strict=True))
    assert all(count == measured[target] for target, count in counts.items())
    assert not predictions.duplicated(["target", "cell_line"]).any()


@pytest.fixture(scope="module")
def uncut(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tables of the first 24 targets, in shards of the usual size: a fold is one."""
    store = tmp_path_factory.mktemp("uncut") / "store"
    run(small_dataset, store, **MODIFIERS, targets=Dataset.open(small_dataset).targets[:24])
    return table_bytes(store)


@pytest.mark.long
@pytest.mark.parametrize("size", [1, 7])
def test_shard_size_changes_no_byte(
    small_dataset: Path, uncut: dict[str, bytes], tmp_path: Path, size: int, measured: Measured
):
    targets = Dataset.open(small_dataset).targets[:24]
    run(small_dataset, tmp_path / "cut", **MODIFIERS, targets=targets, shard_size=size)
    assert table_bytes(tmp_path / "cut") == uncut
    measured(runs_of_other_shapes=1, tables_equal=len(uncut))


def test_a_target_run_alone_has_the_same_rows_as_among_all(
    small_dataset: Path, finished: Path, tmp_path: Path
):
    best = Store(finished).genes().nlargest(3, "pearson_pooled")["target"].tolist()
    run(small_dataset, tmp_path / "few", **MODIFIERS, targets=",".join(best))
    few, all_ = sorted_tables(tmp_path / "few"), sorted_tables(finished)
    for name, table in few.items():
        if "target" not in table.column_names:  # of methods that were not run
            assert not len(table)
            continue
        rows = all_[name].to_pandas()
        rows = rows[rows["target"].isin(best)].reset_index(drop=True)
        assert table.to_pandas().equals(rows), name


def test_a_second_run_and_a_resume_do_nothing_and_say_so(
    small_dataset: Path, finished: Path, capsys: pytest.CaptureFixture[str]
):
    before = sorted(path for path in finished.rglob("*") if path.is_file())
    assert run(small_dataset, finished, **MODIFIERS).done == 0
    assert resume_store(str(finished), workers=0).done == 0
    assert capsys.readouterr().err.count("nothing to do") == 2
    assert sorted(path for path in finished.rglob("*") if path.is_file()) == before


def test_a_later_run_may_add_targets_and_does_only_those(small_dataset: Path, tmp_path: Path):
    names = Dataset.open(small_dataset).targets
    assert run(small_dataset, tmp_path / "s", **MODIFIERS, targets=",".join(names[:2])).done == 2 * 6
    assert run(small_dataset, tmp_path / "s", **MODIFIERS, targets=",".join(names[1:4])).done == 2 * 6
    assert StoreReader.open(tmp_path / "s").is_sealed()


@pytest.mark.parametrize(
    ("option", "field"),
    [({"seed": 1}, "seed"), ({"top": 5}, "settings.top"), ({"folds": 3}, "n_folds: 5 here, 3 asked")],
)
def test_another_configuration_is_refused_by_name_and_writes_nothing(
    small_dataset: Path, finished: Path, option: dict[str, int], field: str
):
    before = sorted(finished.rglob("*"))
    with pytest.raises(BadInputError, match=field):
        run(small_dataset, finished, **MODIFIERS, **option)
    assert sorted(finished.rglob("*")) == before


def test_bad_options_are_all_named_and_nothing_is_written(small_dataset: Path, tmp_path: Path):
    with pytest.raises(BadInputError) as caught:
        run(small_dataset, tmp_path / "s", methods=("magic", "ridge"), fdr=2.0, workers=0)
    text = caught.value.text()
    assert "magic: unknown" in text
    assert "--fdr" in text
    assert not (tmp_path / "s").exists()


def test_unknown_targets_are_all_named(small_dataset: Path, tmp_path: Path):
    with pytest.raises(BadInputError) as caught:
        run(small_dataset, tmp_path / "s", targets="NOSUCH1,NOSUCH2", workers=0)
    assert len(caught.value.problems) == 2
    assert not (tmp_path / "s").exists()


def test_scheme_split_holds_a_quarter_out_once(small_dataset: Path, tmp_path: Path):
    targets = ",".join(Dataset.open(small_dataset).targets[:3])
    run(small_dataset, tmp_path / "s", **MODIFIERS, scheme="split", targets=targets)
    folds = StoreReader.open(tmp_path / "s").run["folds"]
    assert [f["number"] for f in folds] == [0, -1]
    assert resume_store(str(tmp_path / "s"), workers=0).done == 0


def test_final_models_give_the_coefficients_of_a_linear_forecast(small_dataset: Path, finished: Path):
    dataset = Dataset.open(small_dataset)
    models = Store(finished).table("models")
    linear = models[models["kind"].isin(["ols", "ridge", "lasso"])]
    assert len(linear) > 10
    assert (linear["modifiers"].map(len) == linear["coefficients"].map(len)).all()
    row = linear.iloc[0]
    x = dataset.expression[:, [dataset.genes.index(m) for m in row["modifiers"]]].astype(float)
    y = dataset.effect[:, dataset.targets.index(row["target"])].astype(float)
    forecast = row["intercept"] + x @ np.asarray(row["coefficients"])
    known = ~np.isnan(y)
    assert np.corrcoef(forecast[known], y[known])[0, 1] > 0.2


def test_plan_says_what_would_run_and_what_is_reused(small_dataset: Path, finished: Path, tmp_path: Path):
    fresh = describe_plan(request_of(small_dataset, tmp_path / "none", workers=2))
    assert "0 reused" in fresh
    assert "shards" in fresh
    assert not (tmp_path / "none").exists()
    again = describe_plan(request_of(small_dataset, finished, methods="modifiers", workers=2))
    assert "in all 0 shards" in again


def test_a_lost_dataset_is_asked_for(finished: Path, tmp_path: Path):
    with pytest.raises(BadInputError, match="--dataset"):
        resume_store(str(finished), dataset=tmp_path / "gone", workers=0)


def test_a_dataset_whose_matrices_changed_is_refused(small_dataset: Path, tmp_path: Path):
    changed = tmp_path / "dataset"
    shutil.copytree(small_dataset, changed)
    names = Dataset.open(changed).targets[:2]
    run(changed, tmp_path / "s", **MODIFIERS, targets=names[0])
    expression = np.load(changed / "expression.npy")
    (changed / "expression.npy").chmod(0o644)
    np.save(changed / "expression.npy", expression[::-1])
    for again in (
        lambda: run(changed, tmp_path / "s", **MODIFIERS, targets=names[1]),
        lambda: resume_store(str(tmp_path / "s"), workers=0),
    ):
        with pytest.raises(BadInputError, match="content hash"):
            again()


def test_too_few_cell_lines_are_refused_before_anything_is_written(tmp_path: Path):
    rng = np.random.default_rng(0)
    lines = [f"ACH-{i:06d}" for i in range(25)]
    write_dataset(
        tmp_path / "d",
        expression=rng.random((25, 4), dtype=np.float32),
        effect=rng.random((25, 3), dtype=np.float32),
        cell_lines=lines,
        genes=["A", "B", "C", "D"],
        targets=["A", "B", "C"],
    )
    with pytest.raises(BadInputError, match="25 cell lines; at least 30"):
        run(tmp_path / "d", tmp_path / "s", workers=0)
    assert not (tmp_path / "s").exists()


def test_more_folds_than_lines_are_refused(small_dataset: Path, tmp_path: Path):
    with pytest.raises(BadInputError, match="fewer than the 900 folds"):
        run(small_dataset, tmp_path / "s", workers=0, folds=900)
    assert not (tmp_path / "s").exists()


def test_a_store_without_a_plan_asks_for_the_original_run(
    small_dataset: Path, finished: Path, tmp_path: Path
):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    shutil.rmtree(copy / "plans")
    with pytest.raises(BadInputError, match="repeat the original"):
        resume_store(str(copy), dataset=small_dataset, workers=0)


def test_resume_writes_the_facts_of_the_targets_again(small_dataset: Path, finished: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    shutil.rmtree(copy / "targets")
    resume_store(str(copy), workers=0)
    assert Store(copy).genes().equals(Store(finished).genes())


def test_targets_may_be_a_list_of_names_in_python(small_dataset: Path, tmp_path: Path):
    names = Dataset.open(small_dataset).targets[:2]
    assert run(small_dataset, tmp_path / "s", **MODIFIERS, targets=names, final=False).done == 2 * 5


def test_an_address_where_nothing_listens_is_refused_before_anything_is_written(
    small_dataset: Path, tmp_path: Path
):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BadInputError, match="nothing listens there"):
        run(small_dataset, tmp_path / "s", address=f"127.0.0.1:{port}")
    with pytest.raises(RefusedError, match="without a token"):
        run(small_dataset, tmp_path / "s", address="192.0.2.1:6379")
    assert not (tmp_path / "s").exists()


@pytest.mark.long
def test_several_methods_run_on_the_same_folds_and_all_have_final_models(small_dataset: Path, tmp_path: Path):
    targets = ",".join(Dataset.open(small_dataset).targets[:16])
    methods = ("modifiers", "kernel", "ridge")
    outcome = run(small_dataset, tmp_path / "whole", methods=methods, workers=0, targets=targets)
    assert outcome.exit_code == ExitCode.DONE
    assert outcome.done == 16 * 3 * 6
    run(small_dataset, tmp_path / "cut", methods=methods[::-1], workers=0, targets=targets, shard_size=7)
    assert table_bytes(tmp_path / "cut") == table_bytes(tmp_path / "whole")
    store = Store(tmp_path / "whole")
    assert store.table("models")["method"].value_counts().to_dict() == dict.fromkeys(methods, 16)
    lines = (
        store.predictions()
        .groupby("method")[["target", "cell_line", "fold"]]
        .apply(lambda rows: sorted(map(tuple, rows.to_numpy())))
    )
    assert lines["modifiers"] == lines["kernel"] == lines["ridge"]
    genes = store.genes().pivot_table(index="target", columns="method", values="pearson_lineage")
    assert genes["kernel"].equals(genes["modifiers"])


@pytest.mark.long
def test_forest_runs_on_the_same_lines_and_shard_size_changes_no_byte(small_dataset: Path, tmp_path: Path):
    request = {
        "targets": ",".join(Dataset.open(small_dataset).targets[:4]),
        "folds": 2,
        "workers": 0,
    }
    assert run(small_dataset, tmp_path / "whole", methods=("forest",), **request).done == 8
    run(small_dataset, tmp_path / "cut", methods=("forest",), shard_size=1, **request)
    assert table_bytes(tmp_path / "cut") == table_bytes(tmp_path / "whole")
    assert run(small_dataset, tmp_path / "whole", methods=("forest", "ridge"), **request).done == 12
    predictions = Store(tmp_path / "whole").predictions()
    lines = predictions.pivot_table(
        index=["target", "cell_line", "fold"], columns="method", values="predicted"
    )
    assert lines.notna().all(axis=None)


def test_a_method_added_later_is_done_alone(small_dataset: Path, tmp_path: Path):
    names = ",".join(Dataset.open(small_dataset).targets[:3])
    assert run(small_dataset, tmp_path / "s", methods=("ridge",), workers=0, targets=names).done == 18
    assert (
        run(small_dataset, tmp_path / "s", methods=("ridge", "kernel"), workers=0, targets=names).done == 18
    )
    assert resume_store(str(tmp_path / "s"), workers=0).done == 0
