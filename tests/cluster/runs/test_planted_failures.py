"""A target whose fit fails is a row with its reason, costs its neighbours nothing: through a real store."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster import Store, run
from cluster.errors import ExitCode
from modeling.candidates import boosting
from modeling.candidates.gp import likelihood as gaussian_process
from modeling.candidates.mlp import deep
from tests.made_datasets import TARGETS, made_dataset, made_matrices
from tests.promises import Measured
from tests.stores import sorted_tables, table_bytes

PLANTED, NEIGHBOURS = "G2", ["G1", "G3"]
LINES = 60
ASKED: dict[str, Any] = {"methods": ("modifiers",), "folds": 2}
TABLES = ("scores", "modifiers", "candidates", "predictions", "models", "failures")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing asked here hangs on how long networks and boosters train."""
    for module, limit in ((deep, "EPOCHS"), (boosting, "ROUNDS")):
        monkeypatch.setattr(module, limit, 12)
        monkeypatch.setattr(module, "PATIENCE", 4)


def overflowing(folder: Path) -> Path:
    """An effect near float32's end: a batch's sum of slopes is beyond it, so that `deep` has no loss."""
    expression, effect = made_matrices(LINES)
    column = TARGETS.index(PLANTED)
    effect[:, column] = np.where(expression[:, column] > 3, 3.3e38, 2.7e38)
    return made_dataset(folder / "dataset", expression, effect)


def below_minus_one(folder: Path) -> Path:
    """Effects below -1 of one target alone: what a squared logarithmic error cannot take."""
    expression, effect = made_matrices(LINES)
    effect = np.abs(effect)
    effect[:, TARGETS.index(PLANTED)] *= -1
    return made_dataset(folder / "dataset", expression, effect)


def twins(folder: Path) -> Path:
    """Twelve pairs of twin lines; but for the planted target, only one of each is measured.

    All genes follow one another and are modifiers: in one dimension no line would be far from all others.
    """
    expression, noise = made_matrices(LINES)
    expression += np.random.default_rng(2).normal(0, 3, (LINES, 1)).astype(np.float32)
    effect = noise + expression.mean(axis=1, keepdims=True)
    expression[1:24:2], effect[1:24:2] = expression[:24:2], effect[:24:2] + 0.1
    others = np.array([name != PLANTED for name in TARGETS])
    effect[np.ix_(np.arange(1, 24, 2), others)] = np.nan
    return made_dataset(folder / "dataset", expression, effect)


def of_neighbours(store: Path) -> dict[str, pd.DataFrame]:
    frames = {name: sorted_tables(store)[name].to_pandas() for name in TABLES}
    return {name: rows[rows["target"] != PLANTED].reset_index(drop=True) for name, rows in frames.items()}


def assert_fails_alone(dataset: Path, folder: Path, preset: str, reason: str) -> None:
    """The planted target has failed everywhere, with the reason; the others are as without it."""
    done = {**ASKED, "preset": preset, "workers": 0}
    outcome = run(dataset, folder / "all", **done, targets=[PLANTED, *NEIGHBOURS])
    assert outcome.exit_code == ExitCode.DONE
    assert outcome.sealed
    store = Store(folder / "all")
    scores, failures = store.scores(), store.failures()
    rows = scores[scores["target"] == PLANTED]
    assert set(rows["status"]) == {"failed"}
    assert rows["reason"].str.contains(reason, regex=False).all()
    assert rows["model"].isna().all()
    assert sorted(zip(failures["target"], failures["fold"], strict=True)) == [
        (PLANTED, f) for f in (-1, 0, 1)
    ]
    assert failures["error"].str.contains(reason, regex=False).all()
    assert PLANTED not in set(store.predictions()["target"])
    assert set(scores[scores["target"] != PLANTED]["status"]) <= {"ok", "not_converged"}
    run(dataset, folder / "without", **done, targets=NEIGHBOURS)
    others = of_neighbours(folder / "without")
    for name, table in of_neighbours(folder / "all").items():
        pd.testing.assert_frame_equal(table, others[name], check_exact=True)


@pytest.mark.long
@pytest.mark.usefixtures("impatient")
def test_a_loss_that_is_not_finite(tmp_path: Path):
    assert_fails_alone(overflowing(tmp_path), tmp_path, "deep", "the loss is not finite in epoch 1")


@pytest.mark.usefixtures("impatient")
def test_a_mean_of_candidates_fails_with_its_part(tmp_path: Path):
    assert_fails_alone(overflowing(tmp_path), tmp_path, "xgboost+deep", "deep: the loss is not finite")


def test_a_singular_covariance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # What scikit-learn adds to the diagonal keeps even twins apart; without it LAPACK finds no factor.
    monkeypatch.setattr(gaussian_process, "JITTER", 0.0)
    assert_fails_alone(twins(tmp_path), tmp_path, "gp_noiseless", "singular: lines are too alike")


@pytest.mark.usefixtures("impatient")
def test_what_xgboost_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # No finite effect makes it refuse a squared error; a squared logarithmic one wants more than -1.
    settings = boosting._settings
    monkeypatch.setattr(
        boosting, "_settings", lambda rate: settings(rate) | {"objective": "reg:squaredlogerror"}
    )
    assert_fails_alone(below_minus_one(tmp_path), tmp_path, "xgboost", "XGBoostError")


@pytest.mark.usefixtures("impatient")
def test_under_published_another_candidate_wins(tmp_path: Path):
    dataset = overflowing(tmp_path)
    assert run(dataset, tmp_path / "s", preset="published", **ASKED, workers=0, final=False).sealed
    store = Store(tmp_path / "s")
    assert (store.scores()["status"] == "ok").all()
    tried = store.table("candidates")
    failed = tried[tried["status"] == "failed"]
    assert sorted(zip(failed["target"], failed["candidate"], failed["fold"], strict=True)) == [
        (PLANTED, "deep", fold) for fold in (0, 1)
    ]
    assert (failed["reason"] == "the loss is not finite in epoch 1").all()
    assert failed["validation_rmse"].isna().all()
    assert not failed["chosen"].any()
    assert tried[tried["chosen"]].groupby("target")["fold"].nunique().eq(2).all()


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_on_ray_too(tmp_path: Path, measured: Measured):
    dataset, some = overflowing(tmp_path), [PLANTED, *NEIGHBOURS]
    asked = {**ASKED, "preset": "deep", "targets": some}
    run(dataset, tmp_path / "here", **asked, workers=0)
    assert run(dataset, tmp_path / "ray", **asked, workers=2, shard_size=2).sealed
    assert table_bytes(tmp_path / "ray") == table_bytes(tmp_path / "here")
    assert set(Store(tmp_path / "ray").failures()["target"]) == {PLANTED}
    measured(targets_failed=1, tables_equal=len(table_bytes(tmp_path / "here")))
