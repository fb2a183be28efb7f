"""`forest` on scikit-learn's best genes, in shared and stratified folds; what no target depends on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import SelectKBest, f_regression

from modeling.candidates.registry import Problem
from modeling.candidates.trees.forest import Forest
from modeling.folds import Fold, make_folds, quantile_fold
from modeling.seeds import seed_of
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Panel
from tasks.methods.forest import GENES
from tasks.methods.registry import prepare_method_fold
from tasks.methods.shard import ShardResult, run_shard

SHARED = MethodSettings("forest", "quick", SelectionSettings(), 11)
OWN = replace(SHARED, stratified=4)
FOLD = make_folds("kfold", 60, 4, 0)[1]


def made_panel(genes: int) -> Panel:
    """60 lines, two constant genes; 8 targets: missing lines, levels, one constant, one with few lines."""
    rng = np.random.default_rng(4)
    expression = rng.gamma(2.0, 1.5, (60, genes)).astype(np.float32)
    expression[:, 5], expression[:, 6] = 0.0, 3.3
    effect = expression[:, :8] * 0.3 + rng.standard_normal((60, 8))
    effect[rng.integers(0, 60, 5), 1] = np.nan
    effect[:12, 2:4] = np.nan
    effect[:, 4] = np.clip(np.round(effect[:, 4]), 0, 2)
    effect[:, 5] = 0.7
    effect[10:50, 6] = np.nan  # 20 known lines: too few
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(60)),
        genes=tuple(f"G{i}" for i in range(genes)),
        targets=tuple(f"T{i}" for i in range(8)),
        expression=expression,
        effect=effect.astype(np.float32),
        own=np.arange(8),
        lineages=rng.integers(-1, 3, 60),
    )


@pytest.fixture(scope="module", params=[40, GENES + 30], ids=["all genes", "the best 1000 genes"])
def panel(request: pytest.FixtureRequest) -> Panel:
    return made_panel(request.param)


@pytest.fixture(scope="module")
def small() -> Panel:
    return made_panel(20)


def ran(panel: Panel, settings: MethodSettings, targets: range | list[int] = range(8)) -> ShardResult:
    return run_shard(panel, prepare_method_fold(panel, FOLD, settings), targets, settings)


def own_fold(panel: Panel, target: int, settings: MethodSettings) -> Fold:
    if settings is SHARED:
        return FOLD
    effect = panel.effect[:, target].astype(np.float64)
    return quantile_fold(FOLD, effect, 4, seed_of(11, panel.targets[target]))


@pytest.mark.parametrize("settings", [SHARED, OWN], ids=["shared folds", "stratified"])
def test_predictions_are_a_forests_on_the_genes_of_f_regression(panel: Panel, settings: MethodSettings):
    targets = [0, 2, 4]
    tables = ran(panel, settings, targets).tables
    tried = tables["candidates"].to_pandas().set_index("target")
    predictions = tables["predictions"].to_pandas().set_index(["target", "cell_line"])
    for target in targets:
        name, fold, y = panel.targets[target], own_fold(panel, target, settings), panel.effect[:, target]
        train, test = (rows[~np.isnan(y[rows])] for rows in (fold.train, fold.test))
        x, effect = panel.expression[train], y[train].astype(np.float64)
        best = SelectKBest(f_regression, k=min(GENES, x.shape[1])).fit(x.astype(np.float64), effect)
        kept = np.flatnonzero(best.get_support())
        seed = seed_of(11, name, 1, "forest")
        (fitted,) = Forest(out_of_bag=True).fit([Problem(x[:, kept].astype(np.float64), effect, seed)])
        rows = predictions.loc[name]
        assert rows.index.tolist() == [panel.cell_lines[i] for i in test]
        expected = fitted.predict(panel.expression[np.ix_(test, kept)].astype(np.float64))
        np.testing.assert_allclose(rows["predicted"], expected, rtol=1e-12)
        error = fitted.parameters["out_of_bag_rmse"]
        assert tried.loc[name, "validation_rmse"] == pytest.approx(error, rel=1e-9)
        assert f'"genes":{min(GENES, len(panel.genes))},' in tried.loc[name, "parameters"]


@pytest.mark.parametrize("settings", [SHARED, OWN], ids=["shared folds", "stratified"])
def test_every_target_has_a_row_that_says_what_became_of_it(small: Panel, settings: MethodSettings):
    tables = ran(small, settings).tables
    scores = tables["scores"].to_pandas().set_index("target")
    assert scores.loc["T5", ["status", "model"]].tolist() == ["constant_target", "mean"]
    assert scores.loc["T6", "status"] == "too_few_lines"
    fitted = scores.drop(["T5", "T6"])
    assert set(fitted["status"]) == {"ok"}
    assert set(fitted["model"]) == {"forest"}
    assert (fitted["n_modifiers"] == 0).all()
    assert (fitted["seconds"] > 0).all()
    assert fitted["n_train"].nunique() > 2
    assert tables["candidates"].column("chosen").to_pylist() == [True] * len(fitted)
    assert tables["modifiers"].num_rows == 0
    counts = tables["predictions"].to_pandas().groupby("target").size()
    assert counts.to_dict() == scores["n_test"].drop("T6").to_dict()


@pytest.mark.parametrize("settings", [SHARED, OWN], ids=["shared folds", "stratified"])
@pytest.mark.parametrize("size", [1, 3])
def test_blocks_of_any_size_have_the_same_bytes(small: Panel, settings: MethodSettings, size: int):
    _assert_blocks_equal(small, settings, [list(range(i, min(i + size, 8))) for i in range(0, 8, size)])


def test_blocks_have_the_same_bytes_where_genes_are_chosen():
    _assert_blocks_equal(made_panel(GENES + 30), SHARED, [[2], [4, 3]])


def _assert_blocks_equal(panel: Panel, settings: MethodSettings, blocks: list[list[int]]):
    whole = ran(panel, settings, sorted(t for block in blocks for t in block)).tables
    for block in blocks:
        names = [panel.targets[t] for t in block]
        for name, table in ran(panel, settings, block).tables.items():
            both = [_sorted(rows.to_pandas(), names) for rows in (table, whole[name])]
            pd.testing.assert_frame_equal(*both, check_exact=True)


def _sorted(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    kept = rows[rows["target"].isin(names)].drop(columns=["seconds"], errors="ignore")
    return kept.sort_values("target", kind="stable").reset_index(drop=True)


def test_the_seed_the_target_and_the_fold_decide(small: Panel):
    alike = replace(small, effect=np.repeat(small.effect[:, :1], 8, axis=1))
    first = ran(alike, SHARED, [0, 1]).tables["predictions"].to_pandas().groupby("target")["predicted"]
    assert first.get_group("T0").tolist() != first.get_group("T1").tolist()
    again = ran(alike, SHARED, [0]).tables["predictions"].column("predicted").to_pylist()
    other = ran(alike, replace(SHARED, seed=12), [0]).tables["predictions"].column("predicted").to_pylist()
    assert again == first.get_group("T0").tolist() != other


@pytest.mark.parametrize("genes", [20, GENES + 1])
def test_an_infinite_effect_fails_alone(genes: int):
    panel = made_panel(genes)
    effect = panel.effect.copy()
    effect[FOLD.train[3], 0] = np.inf
    planted = replace(panel, effect=effect)
    tables = ran(planted, SHARED, [0, 7]).tables
    scores = tables["scores"].to_pandas().set_index("target")
    assert scores["status"].tolist() == ["failed", "ok"]
    assert "infinite" in scores.loc["T0", "reason"]
    assert tables["failures"].column("target").to_pylist() == ["T0"]
    assert set(tables["predictions"].column("target").to_pylist()) == {"T7"}
    tried = tables["candidates"].to_pandas().set_index("target")
    assert np.isnan(tried.loc["T0", "validation_rmse"])
    assert not tried.loc["T0", "chosen"]


def test_lines_all_alike_forecast_about_the_mean(small: Panel):
    alike = replace(small, expression=np.ones_like(small.expression))
    tables = ran(alike, SHARED, [0]).tables
    mean = tables["scores"].column("train_mean")[0].as_py()
    predicted = tables["predictions"].column("predicted").to_numpy()
    np.testing.assert_allclose(predicted, mean, atol=0.1)  # of resampled lines
    assert np.ptp(predicted) == 0


def test_stratified_folds_test_every_measured_line_once(small: Panel):
    tested: dict[str, list[str]] = {}
    for fold in make_folds("kfold", 60, 4, 0):
        rows = run_shard(small, prepare_method_fold(small, fold, OWN), [0, 2, 4], OWN).tables["predictions"]
        for row in rows.to_pylist():
            tested.setdefault(row["target"], []).append(row["cell_line"])
    for target in (0, 2, 4):
        known = np.flatnonzero(~np.isnan(small.effect[:, target]))
        assert sorted(tested[f"T{target}"]) == sorted(small.cell_lines[i] for i in known)
