"""Final models of `ridge` and `kernel` through a whole run: stored, predicted from, on real data too."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Store, run
from cluster.errors import DamagedFileError, ExitCode, StorageError
from cluster.execution.run import resume_store
from cluster.maintenance.maintain import verify
from cluster.maintenance.spare import gc
from cluster.results.prediction_files import predict_file
from cluster.store import layout
from cluster.store.filesystem import open_filesystem
from modeling.kernels.kernels import KERNELS
from tasks.dataset.dataset import Dataset, write_dataset
from tasks.errors import BadInputError
from tests.commands import knockcast
from tests.reference.kernel_ridge import fit_slow, kernel_slow, leave_one_out_slow, standardise_slow
from tests.stores import table_bytes

KINDS = ("ridge", "kernel")
NEW = 20


@pytest.fixture(scope="module")
def dataset(small_dataset: Path) -> Dataset:
    return Dataset.open(small_dataset)


@pytest.fixture(scope="module")
def targets(dataset: Dataset) -> list[str]:
    return dataset.targets[:12]


@pytest.fixture(scope="module")
def store(small_dataset: Path, targets: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All three methods, two folds."""
    path = tmp_path_factory.mktemp("kernels") / "store"
    run(small_dataset, path, workers=0, folds=2, methods=("modifiers", *KINDS), targets=targets)
    return path


@pytest.fixture
def copy(store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(store, tmp_path / "copy"))


@pytest.fixture(scope="module")
def samples(dataset: Dataset) -> pd.DataFrame:
    values = np.asarray(dataset.expression[:NEW])
    return pd.DataFrame(values, columns=dataset.genes, index=dataset.cell_lines[:NEW])


def training_file(store: Path) -> Path:
    (path,) = (store / "training").iterdir()
    return path


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.long
def test_workers_shards_and_order_of_methods_change_no_byte(
    small_dataset: Path, store: Path, targets: list[str], tmp_path: Path
):
    for method, size in (("kernel", 1), ("modifiers", 5), ("ridge", 5)):
        asked = {"methods": (method,), "targets": targets[::-1], "shard_size": size}
        run(small_dataset, tmp_path / "s", workers=0, folds=2, **asked)
    assert table_bytes(tmp_path / "s") == table_bytes(store)
    assert training_file(tmp_path / "s").name == training_file(store).name
    assert training_file(tmp_path / "s").read_bytes() == training_file(store).read_bytes()


def test_the_shared_file_is_there_only_where_a_model_needs_it(
    small_dataset: Path, targets: list[str], tmp_path: Path
):
    asked = {"workers": 0, "folds": 2, "targets": targets[:1]}
    run(small_dataset, tmp_path / "s", methods=("modifiers",), **asked)
    run(small_dataset, tmp_path / "s", methods=("ridge",), final=False, **asked)
    assert not (tmp_path / "s" / "training").exists()


def test_the_method_is_the_one_asked_or_all_that_are_stored(
    small_dataset: Path, store: Path, samples: pd.DataFrame, targets: list[str], tmp_path: Path
):
    for method in KINDS:
        made = Store(store).predict(samples, method)
        assert (made.method, made.methods) == (method, (method,))
        assert set(made.trust["kind"]) <= {method, "mean"}
        assert set(made.trust["method"]) == {method}
    run(small_dataset, tmp_path / "s", workers=0, folds=2, methods=("kernel",), targets=targets[:1])
    assert Store(tmp_path / "s").predict(samples).method == "kernel"
    with pytest.raises(
        BadInputError, match=r"no final models of method ridge \(stored are those of kernel\)"
    ):
        Store(tmp_path / "s").predict(samples, "ridge")


def test_auto_takes_the_best_on_average_or_a_better_one_in_a_real_run(store: Path, samples: pd.DataFrame):
    """Each target is predicted by the method that is best on average, or by one that is clearly better."""
    made = Store(store).predict(samples, "auto")
    assert (made.method, made.methods) == ("auto", ("modifiers", *KINDS))
    scores = Store(store).genes().pivot(index="target", columns="method", values="pearson_pooled")
    alone = {name: Store(store).predict(samples, name) for name in made.methods}
    for name, own in alone.items():
        scores.loc[~scores.index.isin(own.predicted.columns), name] = np.nan
    scores = scores[list(made.methods)]
    order = scores.dropna().mean().sort_values(ascending=False).index
    trust = made.trust.set_index("target")
    taken = trust["method"]
    assert taken.nunique() > 1
    for target, why in trust["why_method"].items():
        usual = scores.loc[target, order].first_valid_index()
        higher = scores.loc[target, taken[target]] > scores.loc[target, usual]
        assert taken[target] == usual or (higher and "clearly above" in why)
    for target, name in taken.items():
        pd.testing.assert_series_equal(made.predicted[target], alone[name].predicted[target])
        mine = alone[name].trust.set_index("target").loc[target]
        together = made.trust.set_index("target").loc[target, mine.index]
        assert mine.astype(str).to_dict() == together.astype(str).to_dict()


def test_trust_comes_from_the_methods_own_folds(store: Path, samples: pd.DataFrame, targets: list[str]):
    for method in KINDS:
        trust = Store(store).predict(samples, method).trust.set_index("target")
        genes = Store(store).genes().query("method == @method").set_index("target")
        rows = Store(store).predictions().query("method == @method and target == @targets[2]")
        errors = np.sort(np.abs(rows["measured"] - rows["predicted"]))
        place = int(np.ceil((len(errors) + 1) * 0.8))
        assert trust.loc[targets[2], "residual_80"] == errors[place - 1]
        assert trust.loc[targets[2], "gain"] == genes.loc[targets[2], "gain"]
        assert (trust["missing_genes"] == 0).all()
        assert (trust["n_modifiers"] == 0).all()


def test_missing_genes_and_poor_samples_are_told(store: Path, samples: pd.DataFrame, tmp_path: Path):
    lacking = samples.drop(columns=samples.columns[100:103])
    lacking.iloc[0, :30] = np.nan
    lacking.iloc[3, 1] = np.nan
    lacking.to_csv(tmp_path / "x.csv")
    said = predict_file(str(store), tmp_path / "x.csv", tmp_path / "out.csv", "kernel")
    names = list(samples.columns[100:103])
    assert f"3 genes the models need are missing: {', '.join(names)}" in said
    assert "1 samples know under 90% of the genes, no prediction: ACH-900001 (7" in said
    assert "19 samples lack some genes and are predicted from those they know (96." in said
    missing = pd.read_csv(tmp_path / "out.missing.csv").set_index("gene")["samples_without"]
    assert missing[names].tolist() == [NEW] * 3
    assert missing[samples.columns[1]] == 2
    predicted = pd.read_csv(tmp_path / "out.csv", index_col="sample")
    assert predicted.isna().any(axis=1).tolist() == [True] + [False] * (NEW - 1)
    trust = pd.read_csv(tmp_path / "out.targets.csv")
    assert set(trust["missing_genes"]) == {3}
    assert trust["missing_modifiers"].isna().all()
    whole = Store(store).predict(samples, "kernel").predicted
    correlation = np.corrcoef(predicted.iloc[5:].to_numpy().ravel(), whole.iloc[5:].to_numpy().ravel())
    assert correlation[0, 1] > 0.99
    predict_file(str(store), _csv(samples, tmp_path), tmp_path / "whole.out.csv", "kernel")
    assert pd.read_csv(tmp_path / "whole.out.missing.csv").empty


def _csv(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "whole.csv")
    return folder / "whole.csv"


@pytest.mark.parametrize("harm", ["flip", "unlink"])
def test_a_damaged_or_missing_shared_file_is_told_and_resume_writes_it_again(
    copy: Path, samples: pd.DataFrame, harm: str
):
    path, intact = training_file(copy), training_file(copy).read_bytes()
    flip(path) if harm == "flip" else path.unlink()
    with pytest.raises(DamagedFileError if harm == "flip" else StorageError, match="verify"):
        Store(copy).predict(samples, "ridge")
    assert Store(copy).predict(samples, "modifiers").method == "modifiers"  # needs none of it
    words = "damaged (its sha256 is not its name)" if harm == "flip" else "missing"
    fs = open_filesystem(copy)
    (problem,) = verify(fs).problems
    assert words in problem.what
    report = verify(fs, repair=True)
    assert report.left
    if harm == "flip":
        assert report.lines()[-1].endswith("it writes the training expression again")
        assert (copy / layout.ASIDE / "training" / path.name).exists()
    assert resume_store(str(copy), workers=0).done == 0
    assert path.read_bytes() == intact
    assert verify(fs).ok


def test_a_damaged_shared_file_ends_the_command_with_4(copy: Path, samples: pd.DataFrame, tmp_path: Path):
    flip(training_file(copy))
    asked = ("--out", tmp_path / "o.csv", "--method", "kernel")
    ended = knockcast("predict", copy, _csv(samples, tmp_path), *asked)
    assert ended.returncode == ExitCode.STORAGE
    assert training_file(copy).name in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "o.csv").exists()


def test_gc_leaves_the_shared_file(copy: Path):
    assert gc(open_filesystem(copy)) == []
    assert training_file(copy).exists()


@pytest.fixture(scope="module")
def real(real_data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of 110 cell lines: expression of the 535 genes known on nearly all, and levels of 14 that vary."""
    expression = pd.read_parquet(real_data / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    levels = pd.read_parquet(real_data / "gene_dependency_level_22q1.parquet").astype("float64")
    lines = expression.index.intersection(levels.index)[:110]
    effect = levels.loc[lines]
    return expression.loc[lines], effect.loc[:, effect.iloc[:90].std() > 0.5].iloc[:, :14]


@pytest.mark.long
@pytest.mark.parametrize("method", KINDS)
def test_held_out_real_lines_are_predicted_as_by_the_slow_twin(
    real: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path, method: str
):
    """A store made from 90 lines, 20 others scored: all of it again with loops, refits and scikit-learn."""
    (train, new), effect = (real[0].iloc[:90], real[0].iloc[90:]), real[1].iloc[:90]
    write_dataset(
        tmp_path / "d",
        expression=train.to_numpy(np.float32),
        effect=effect.to_numpy(np.float32),
        cell_lines=list(train.index),
        genes=list(train.columns),
        targets=list(effect.columns),
        measure="level",
    )
    chosen = list(effect.columns[:3])
    run(tmp_path / "d", tmp_path / "s", workers=0, folds=2, methods=(method,), targets=chosen)
    made = Store(tmp_path / "s").predict(new.iloc[:, ::-1])
    said = Store(tmp_path / "s").table("models").set_index("target")["parameters"].map(json.loads)
    x, y = train.to_numpy(np.float32), effect[chosen].to_numpy(np.float32).astype(np.float64)
    given = {name: value for name, value in said.iloc[0].items() if name in ("c", "p")}
    z, z_new = standardise_slow(x, x), standardise_slow(x, new.to_numpy(np.float32))
    varying = int((np.ptp(x, axis=0) > 0).sum())
    within, between = (kernel_slow(method, a, z, varying, **given) for a in (z, z_new))
    penalties = KERNELS[method].penalties
    errors = np.array([np.mean(leave_one_out_slow(within, y, a) ** 2, axis=0) for a in penalties])
    for column, target in enumerate(chosen):
        penalty = penalties[errors[:, column].argmin()]
        assert said[target]["penalty"] == penalty
        slow = fit_slow(within, y[:, column], penalty, between)
        np.testing.assert_allclose(made.predicted[target], slow, rtol=1e-5, atol=1e-5)
