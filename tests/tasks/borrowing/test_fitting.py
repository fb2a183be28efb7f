"""A fold by method `best` against slow versions from expression to prediction, and what can go wrong."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from modeling.borrowing.gate import PENALTIES as GATE_PENALTIES
from modeling.borrowing.gate import TOPS, WORTH
from modeling.borrowing.shared import PATTERN_TILE, PENALTIES, SHARED_PENALTIES
from modeling.folds import final_fold, make_folds
from modeling.kernels.kernels import FEWEST_TARGETS
from modeling.kernels.ridge import Spectrum, spectrum_of
from tasks.borrowing.lines import gate_order, inner_rows
from tasks.fitting.fold import Panel
from tasks.methods.shard import run_shard
from tests.reference.borrowing import log2_slow, shared_slow, stages_slow, weights_slow
from tests.reference.gate import gate_slow
from tests.reference.kernel_ridge import kernel_slow, standardise_slow
from tests.tasks.best_folds import learned, panel_of_arrays, settings, tables_of

LINES, GENES, TARGETS = 48, 20, 18
MISSES, CONSTANT, FEW, RARE, PRIVATE, INFINITE = 3, 9, 11, 12, 13, 14
FOLD = make_folds("kfold", LINES, 4, 0)[1]


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Targets that follow three factors of expression; what each of the names above says; two equal genes."""
    rng = np.random.default_rng(4)
    expression = rng.gamma(2.0, 1.5, (LINES, GENES))
    expression[:, 5], expression[:, 8] = 3.3, expression[:, 7]
    factors = np.log2(expression[:, :6] + 1) @ rng.standard_normal((6, 3))
    effect = factors @ rng.standard_normal((3, TARGETS)) + rng.standard_normal((LINES, TARGETS))
    effect[rng.integers(0, LINES, 8), MISSES] = np.nan
    effect[:, CONSTANT], effect[10:40, FEW] = 0.7, np.nan
    effect[:, RARE] = np.arange(LINES) == FOLD.train[9]
    effect[:, PRIVATE] = 3 * expression[:, 15] + rng.standard_normal(LINES)
    effect[FOLD.train[3], INFINITE] = np.inf
    return panel_of_arrays(np.log2(expression + 1), effect)


@pytest.fixture(scope="module")
def tables(panel: Panel) -> dict[str, pa.Table]:
    return tables_of(panel, FOLD)


def test_a_fold_equals_the_slow_one_from_expression_to_prediction(panel: Panel, tables) -> None:
    """Stages, mix, gate and clip of three targets; what is shared is stored in float32, hence 1e-5."""
    train, test = FOLD.train, FOLD.test
    _, done = learned(panel, FOLD)
    said = done.tables["borrowing"].to_pylist()[0]
    z, new = (log2_slow(panel.expression[train], panel.expression[rows]) for rows in (train, test))
    varying = int((np.ptp(panel.expression[train], axis=0) > 0).sum())
    within, between = (kernel_slow("kernel", a, z, varying, said["c"], said["p"]) for a in (z, new))
    y = panel.effect[train].astype(np.float64)
    teach = [t for t in range(TARGETS) if t not in (CONSTANT, FEW, INFINITE)]
    assert said["targets"] == len(teach)
    shared = shared_slow(within, y[:, teach], PENALTIES, SHARED_PENALTIES)
    nested = np.zeros((3, len(train), TARGETS))
    chosen = [0, MISSES, PRIVATE]
    for inner, held in inner_rows(len(train), settings(), FOLD):
        kernel, other = within[np.ix_(inner, inner)], within[np.ix_(held, inner)]
        varied = [t for t in teach if np.nanstd(y[inner, t]) > 0]
        part = shared_slow(kernel, y[np.ix_(inner, varied)], PENALTIES, SHARED_PENALTIES)
        for t in chosen:
            nested[:, held, t] = stages_slow(kernel, other, part, y[inner, t], PENALTIES, SHARED_PENALTIES)
    order = np.concatenate([np.sort(p) for p in np.array_split(gate_order(len(train), settings(), FOLD), 5)])
    sizes = [len(p) for p in np.array_split(order, 5)]
    genes, genes_new = (standardise_slow(panel.expression[train], panel.expression[r]) for r in (train, test))
    for t in chosen:
        there = ~np.isnan(y[:, t])
        weights = weights_slow(nested[:, there, t], y[there, t])
        residual = np.zeros(len(train))
        residual[there] = y[there, t] - weights @ nested[:, there, t]
        kept = [[i for i in part if there[i]] for part in np.split(order, np.cumsum(sizes)[:-1])]
        lines = np.concatenate(kept)
        parts = np.split(np.arange(len(lines)), np.cumsum([len(k) for k in kept])[:-1])
        gate = gate_slow(genes[lines].T, parts, y[lines, t], residual[lines], TOPS, GATE_PENALTIES, WORTH)
        stages = stages_slow(within, between, shared, y[:, t], PENALTIES, SHARED_PENALTIES)
        expected = weights @ stages
        if gate["genes"]:
            x, x_new = genes[np.ix_(lines, gate["genes"])], genes_new[:, gate["genes"]]
            design = np.column_stack([x, np.ones(len(x))]).astype(np.float64)  # a gate is linear in its genes
            line = np.linalg.lstsq(design, gate["added"], rcond=None)[0]
            expected = expected + x_new @ line[:-1] + line[-1]
        assert bool(gate["genes"]) == (t == PRIVATE)
        expected = np.clip(expected, np.nanmin(y[:, t]), np.nanmax(y[:, t]))
        rows = tables["predictions"].to_pandas()
        found = rows[rows["target"] == f"T{t}"]["predicted"]
        measured = ~np.isnan(panel.effect[test, t])
        np.testing.assert_allclose(found, expected[measured], rtol=1e-5, atol=1e-5)
        shares = [json.loads(p).get("share") for p in _candidates(tables, t)]
        np.testing.assert_allclose(shares[:3], weights, atol=1e-5)


def _candidates(tables: dict[str, pa.Table], target: int) -> list[str]:
    rows = tables["candidates"].to_pylist()
    return [row["parameters"] for row in rows if row["target"] == f"T{target}"]


def test_every_target_has_a_row_that_says_what_became_of_it(tables) -> None:
    scores = tables["scores"].to_pandas().set_index("target")
    assert scores.loc[f"T{CONSTANT}", ["status", "model"]].tolist() == ["constant_target", "mean"]
    assert scores.loc[f"T{FEW}", "status"] == "too_few_lines"
    assert scores.loc[f"T{INFINITE}", "status"] == "failed"
    assert "infinite" in scores.loc[f"T{INFINITE}", "reason"]
    fitted = scores.drop([f"T{t}" for t in (CONSTANT, FEW, INFINITE)])
    assert set(fitted["status"]) == {"ok"}
    assert set(fitted["model"]) == {"best"}
    assert np.isfinite(tables["predictions"]["predicted"]).all()
    assert tables["failures"]["target"].to_pylist() == [f"T{INFINITE}"]
    assert f"T{INFINITE}" not in tables["candidates"]["target"].to_pylist()


def test_an_infinite_effect_changes_nothing_of_other_targets(panel: Panel, tables) -> None:
    unmeasured = panel.effect.copy()
    unmeasured[:, INFINITE] = np.nan
    without = tables_of(replace(panel, effect=unmeasured), FOLD)
    for name in ("predictions", "candidates", "modifiers"):
        mine, theirs = (
            t[name].to_pandas().drop(columns="seconds", errors="ignore") for t in (tables, without)
        )
        assert len(mine) > 0
        assert mine[mine["target"] != f"T{INFINITE}"].equals(theirs), name


def test_a_private_gene_opens_a_gate_that_says_how_it_counts(panel: Panel, tables) -> None:
    modifiers = tables["modifiers"].to_pandas()
    mine = modifiers[modifiers["target"] == f"T{PRIVATE}"]
    assert mine["modifier"].iloc[0] == "G15"
    assert mine["weight"].iloc[0] > 0
    r = np.corrcoef(panel.expression[FOLD.train, 15], panel.effect[FOLD.train, PRIVATE])[0, 1]
    assert mine["pearson"].iloc[0] == pytest.approx(r, rel=1e-5)
    scores = tables["scores"].to_pandas().set_index("target")
    assert scores.loc[f"T{PRIVATE}", "pearson"] > 0.85
    assert f"T{RARE}" not in set(modifiers["target"])


def test_a_prediction_stays_in_the_range_of_the_training_effects(panel: Panel) -> None:
    expression = panel.expression.copy()
    expression[FOLD.test[0], 15], expression[FOLD.test[1], 15] = 60.0, -60.0
    rows = tables_of(replace(panel, expression=expression), FOLD, [PRIVATE])["predictions"].to_pylist()
    effect = panel.effect[FOLD.train, PRIVATE]
    assert rows[0]["predicted"] == pytest.approx(float(effect.max()))
    assert rows[1]["predicted"] == pytest.approx(float(effect.min()))


def test_lines_that_many_targets_lack_are_left_out_once(panel: Panel, monkeypatch) -> None:
    """Two kernels of the fold and of its three inner folds, decomposed once, not for every 8 targets."""
    gaps = panel.effect.copy()
    gaps[FOLD.train[[2, 5, 20]]] = np.nan
    prepared, _ = learned(panel, FOLD)
    calls: list[int] = []

    def counted(kernel: np.ndarray) -> Spectrum:
        calls.append(len(kernel))
        return spectrum_of(kernel)

    monkeypatch.setattr("modeling.borrowing.stages.spectrum_of", counted)
    targets = [t for t in range(TARGETS) if t not in (MISSES, CONSTANT, FEW)]
    run_shard(replace(panel, effect=gaps), prepared, targets, settings())
    assert len(targets) > PATTERN_TILE
    assert sorted(calls)[-2:] == [len(FOLD.train) - 3] * 2
    assert len(calls) == 2 * 4


def test_thirty_lines_are_enough(panel: Panel) -> None:
    """24 train: 16 in an inner fold, 19 in a gate's."""
    few = panel_of_arrays(panel.expression[:30], np.nan_to_num(panel.effect[:30, :9]))
    for fold in make_folds("kfold", 30, 5, 0):
        assert len(fold.train) == 24
        tables = tables_of(few, fold)
        assert set(tables["scores"]["status"].to_pylist()) == {"ok"}
        assert np.isfinite(tables["predictions"]["predicted"]).all()


@pytest.mark.parametrize("teaching", [0, 1, FEWEST_TARGETS - 1, FEWEST_TARGETS])
def test_few_teaching_targets_teach_nothing(panel: Panel, teaching: int) -> None:
    """With fewer than ten the target's own kernel alone counts; the final fold does without them, too."""
    flat = [t for t in range(TARGETS) if t not in (CONSTANT, FEW, INFINITE)][teaching:]
    effect = panel.effect.copy()
    effect[:, flat] *= 0.01
    few = replace(panel, effect=effect)
    shares = [json.loads(text)["share"] for text in _candidates(tables_of(few, FOLD, [0]), 0)[:3]]
    assert (shares == [1.0, 0.0, 0.0]) == (teaching < FEWEST_TARGETS)
    effect[:, INFINITE] = 0
    finite = replace(few, effect=effect)
    prepared, done = learned(finite, final_fold(LINES))
    assert done.tables["borrowing"].to_pylist()[0]["borrows"] == (teaching >= FEWEST_TARGETS)
    modules = done.tables["modules"]
    assert len(set(modules["target"].to_pylist())) == (teaching if teaching >= FEWEST_TARGETS else 0)
    models = run_shard(finite, prepared, [0, 1], settings()).tables["models"]
    assert models["status"].to_pylist() == ["ok", "ok"]


@pytest.mark.parametrize("genes", [1, 4])
def test_fewer_genes_than_a_gate_may_take(panel: Panel, genes: int) -> None:
    few = replace(panel, expression=panel.expression[:, 15 : 15 + genes].copy(), genes=panel.genes[:genes])
    tables = tables_of(few, FOLD, [0, PRIVATE])
    assert set(tables["scores"]["status"].to_pylist()) == {"ok"}
    assert tables["scores"].to_pylist()[1]["pearson"] > 0.85


def test_lines_all_alike_predict_the_mean(panel: Panel) -> None:
    alike = replace(panel, expression=np.ones_like(panel.expression))
    tables = tables_of(alike, FOLD, [0])
    mean = tables["scores"]["train_mean"][0].as_py()
    np.testing.assert_allclose(
        tables["predictions"]["predicted"], mean, rtol=1e-3
    )  # float32, small penalties
    assert tables["modifiers"].num_rows == 0
