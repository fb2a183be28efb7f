"""A fold of `ridge` and `kernel` against a slow loop over targets, and what no target may depend on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from modeling.folds import final_fold, make_folds
from modeling.kernels.kernels import FEWEST_TARGETS, Laplacian
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Panel
from tasks.methods.kernels import PreparedKernel
from tasks.methods.registry import prepare_method_fold
from tasks.methods.shard import run_shard
from tests.reference.kernel_ridge import fit_slow, kernel_slow, leave_one_out_slow, standardise_slow

KINDS = ("ridge", "kernel")


def settings(method: str) -> MethodSettings:
    return MethodSettings(method, "quick", SelectionSettings(), 0)


def prepared_for(method: str, panel: Panel) -> PreparedKernel:
    fold = make_folds("kfold", len(panel.cell_lines), 4, 0)[1]
    prepared = prepare_method_fold(panel, fold, settings(method))
    assert isinstance(prepared, PreparedKernel)
    return prepared


@pytest.fixture(scope="module")
def panel() -> Panel:
    """72 lines, 90 genes (two constant, two alike), 24 targets: missing lines, levels, one constant."""
    rng = np.random.default_rng(4)
    expression = rng.gamma(2.0, 1.5, (72, 90)).astype(np.float32)
    expression[:, 5], expression[:, 6], expression[:, 8] = 0.0, 3.3, expression[:, 7]
    effect = expression[:, :24] * 0.3 + rng.standard_normal((72, 24))
    effect[rng.integers(0, 72, 5), 3] = np.nan
    effect[:20, 4:7] = np.nan
    effect[:, 9] = np.round(effect[:, 9])
    effect[:, 10] = 0.7
    effect[10:60, 11] = np.nan  # 22 known lines: too few
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(72)),
        genes=tuple(f"G{i}" for i in range(90)),
        targets=tuple(f"T{i}" for i in range(24)),
        expression=expression,
        effect=effect.astype(np.float32),
        own=np.arange(24),
        lineages=rng.integers(-1, 3, 72),
    )


@pytest.fixture(scope="module")
def real_panel(real_data: Path) -> Panel:
    """80 cell lines, all 535 genes known on them, and 30 targets whose level varies."""
    expression = pd.read_parquet(real_data / "expression.parquet").dropna(axis=1, thresh=1400).dropna()
    levels = pd.read_parquet(real_data / "gene_dependency_level_22q1.parquet").astype("float64")
    lines = expression.index.intersection(levels.index)[:80]
    effect = levels.loc[lines]
    effect = effect.loc[:, effect.std() > 0.5].iloc[:, :30]
    return Panel(
        cell_lines=tuple(lines),
        genes=tuple(expression.columns),
        targets=tuple(effect.columns),
        expression=expression.loc[lines].to_numpy(np.float32),
        effect=effect.to_numpy(np.float32),
        own=np.full(effect.shape[1], -1),
        lineages=np.zeros(len(lines), dtype=np.int64),
    )


def slow_fold(panel: Panel, prepared: PreparedKernel, method: str, target: int) -> dict[str, object]:
    """One target's penalty, error and forecasts: refits without each line, scikit-learn's KernelRidge."""
    train, test = prepared.fold.train, prepared.fold.test
    x, y = panel.expression, panel.effect[:, target].astype(np.float64)
    z, new = standardise_slow(x[train], x[train]), standardise_slow(x[train], x[test])
    varying = int((np.ptp(x[train], axis=0) > 0).sum())
    known = ~np.isnan(y[train])
    given = prepared.kernel.parameters()
    within = kernel_slow(method, z[known], z[known], varying, **given)
    errors = [np.mean(leave_one_out_slow(within, y[train][known], a) ** 2) for a in prepared.kernel.penalties]
    best = prepared.kernel.penalties[int(np.argmin(errors))]
    forecasts = fit_slow(within, y[train][known], best, kernel_slow(method, new, z[known], varying, **given))
    return {"penalty": best, "error": np.sqrt(min(errors)), "forecasts": forecasts[~np.isnan(y[test])]}


@pytest.mark.parametrize("method", KINDS)
def test_a_fold_equals_the_slow_loop(panel: Panel, method: str):
    prepared = prepared_for(method, panel)
    targets = [0, 3, 4, 9, 23]
    tables = run_shard(panel, prepared, targets, settings(method)).tables
    for target in targets:
        name, slow = panel.targets[target], slow_fold(panel, prepared, method, target)
        tried = next(row for row in tables["candidates"].to_pylist() if row["target"] == name)
        assert f'"penalty":{slow["penalty"]}' in tried["parameters"]
        assert tried["validation_rmse"] == pytest.approx(slow["error"], rel=1e-5)
        rows = tables["predictions"].to_pandas()
        rows = rows[rows["target"] == name]
        np.testing.assert_allclose(rows["predicted"], slow["forecasts"], rtol=1e-5, atol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("method", KINDS)
def test_real_targets_equal_the_slow_loop(real_panel: Panel, method: str):
    prepared = prepared_for(method, real_panel)
    targets = range(4)
    rows = run_shard(real_panel, prepared, targets, settings(method)).tables["predictions"].to_pandas()
    for target in targets:
        forecasts = rows[rows["target"] == real_panel.targets[target]]["predicted"]
        slow = slow_fold(real_panel, prepared, method, target)["forecasts"]
        np.testing.assert_allclose(forecasts, slow, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", KINDS)
def test_every_target_has_a_row_that_says_what_became_of_it(panel: Panel, method: str):
    prepared = prepared_for(method, panel)
    tables = run_shard(panel, prepared, range(24), settings(method)).tables
    scores = tables["scores"].to_pandas().set_index("target")
    assert scores.loc["T10", ["status", "model"]].tolist() == ["constant_target", "mean"]
    assert scores.loc["T11", "status"] == "too_few_lines"
    fitted = scores.drop(["T10", "T11"])
    assert set(fitted["status"]) == {"ok"}
    assert set(fitted["model"]) == {method}
    assert (fitted["n_modifiers"] == 0).all()
    assert (fitted["seconds"] > 0).all()
    assert fitted["n_train"].nunique() > 2
    assert fitted["pearson"].mean() > 0.1
    assert len(tables["candidates"]) == len(fitted)
    assert tables["candidates"].column("chosen").to_pylist() == [True] * len(fitted)
    assert tables["modifiers"].num_rows == 0


@pytest.mark.parametrize("method", KINDS)
@pytest.mark.parametrize("size", [1, 5])
def test_blocks_of_any_size_have_the_same_bytes(panel: Panel, method: str, size: int):
    prepared = prepared_for(method, panel)
    whole = run_shard(panel, prepared, range(24), settings(method)).tables
    for start in range(0, 24, size):
        block = range(start, min(start + size, 24))
        part = run_shard(panel, prepared, block, settings(method)).tables
        names = [panel.targets[t] for t in block]
        for name, table in part.items():
            both = [_sorted(rows, names) for rows in (table.to_pandas(), whole[name].to_pandas())]
            pd.testing.assert_frame_equal(*both, check_exact=True)


def _sorted(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    kept = rows[rows["target"].isin(names)].drop(columns=["seconds"], errors="ignore")
    return kept.reset_index(drop=True)


def test_c_and_p_depend_on_the_dataset_alone(panel: Panel):
    """Whatever the run asks for; and targets with missing training lines have no say."""
    chosen = prepared_for("kernel", panel).kernel
    other = panel.effect.copy()
    other[:, 4:7] = 100.0 * other[:, 4:7]  # miss training lines
    assert prepared_for("kernel", replace(panel, effect=other)).kernel == chosen
    few = panel.effect.copy()
    few[prepared_for("ridge", panel).fold.train[0], FEWEST_TARGETS - 1 :] = np.nan
    assert prepared_for("kernel", replace(panel, effect=few)).kernel == Laplacian()


@pytest.mark.parametrize("method", KINDS)
def test_an_infinite_effect_fails_alone(panel: Panel, method: str):
    effect = panel.effect.copy()
    effect[prepared_for(method, panel).fold.train[3], 2] = np.inf
    planted = replace(panel, effect=effect)
    prepared = prepared_for(method, planted)
    tables = run_shard(planted, prepared, range(24), settings(method)).tables
    scores = tables["scores"].to_pandas().set_index("target")
    assert scores.loc["T2", "status"] == "failed"
    assert "infinite" in scores.loc["T2", "reason"]
    assert tables["failures"].column("target").to_pylist() == ["T2"]
    assert (scores["status"] == "ok").sum() == 21
    assert "T2" not in tables["predictions"].column("target").to_pylist()


def test_lines_all_alike_forecast_the_mean(panel: Panel):
    alike = replace(panel, expression=np.ones_like(panel.expression))
    for method in KINDS:
        prepared = prepared_for(method, alike)
        tables = run_shard(alike, prepared, [0], settings(method)).tables
        mean = tables["scores"].column("train_mean")[0].as_py()
        np.testing.assert_allclose(tables["predictions"].column("predicted"), mean, rtol=1e-6)


@pytest.mark.parametrize("method", KINDS)
def test_final_models_have_the_same_bytes_in_blocks_of_any_size(panel: Panel, method: str):
    prepared = prepare_method_fold(panel, final_fold(len(panel.cell_lines)), settings(method))
    whole = run_shard(panel, prepared, range(24), settings(method))
    assert whole.tables.keys() == {"models", "failures"}
    models = whole.tables["models"].to_pandas().set_index("target")
    assert models.loc["T10", ["status", "kind"]].tolist() == ["constant_target", "mean"]
    assert models.loc["T11", "status"] == "too_few_lines"
    assert models.loc["T11", ["kind", "weights", "sha256"]].isna().all()
    assert set(models.drop(["T10", "T11"])["kind"]) == {method}
    for size in (1, 5):
        parts = [
            run_shard(panel, prepared, range(start, min(start + size, 24)), settings(method)).tables["models"]
            for start in range(0, 24, size)
        ]
        timeless = pa.concat_tables(parts).drop_columns(["seconds"]).combine_chunks()
        assert timeless.equals(whole.tables["models"].drop_columns(["seconds"]).combine_chunks())


@pytest.mark.parametrize("method", KINDS)
def test_an_infinite_effect_fails_alone_in_the_final_fit(panel: Panel, method: str):
    effect = panel.effect.copy()
    effect[3, 2] = np.inf
    planted = replace(panel, effect=effect)
    prepared = prepare_method_fold(planted, final_fold(len(panel.cell_lines)), settings(method))
    tables = run_shard(planted, prepared, range(24), settings(method)).tables
    models = tables["models"].to_pandas().set_index("target")
    assert models.loc["T2", "status"] == "failed"
    assert models.loc["T2", ["kind", "weights", "sha256"]].isna().all()
    assert tables["failures"].column("target").to_pylist() == ["T2"]
    assert (models["status"] == "ok").sum() == 21
