"""The confounder-only baseline in a shard's rows: it finds what is planted, in training lines alone."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modeling.folds import make_folds
from tasks.fitting.fold import Panel
from tasks.methods.registry import method_named
from tasks.methods.shard import run_shard
from tests.contracts.method import FOLDS, LINES, SEED, settings_for, small_panel

COLUMNS = ["predicted_confounders"]


def with_covariates() -> Panel:
    """Target 3 is noise and two covariates; one covariate is not measured everywhere."""
    rng = np.random.default_rng(7)
    panel, covariates = small_panel(), rng.normal(size=(LINES, 4)).astype(np.float32)
    effect = panel.effect.copy()
    effect[:, 3] = 2 * covariates[:, 0] - covariates[:, 1] + 0.5 * effect[:, 3]
    covariates[:5, 1] = np.nan
    covariates[40] = np.nan
    return replace(panel, effect=effect, covariates=covariates)


def tables(panel: Panel, targets: list[int]) -> dict:
    method = method_named("ridge")
    fold = make_folds("kfold", LINES, FOLDS, SEED)[1]
    prepared = method.prepare(panel, fold, settings_for(method), ())
    return run_shard(panel, prepared, targets, settings_for(method), method).tables


def test_a_planted_confounder_is_found_and_the_model_is_not_touched() -> None:
    panel = with_covariates()
    found, without = (tables(p, [0, 3]) for p in (panel, replace(panel, covariates=None)))
    by_target = dict(zip(found["scores"]["target"].to_pylist(), found["scores"].to_pylist(), strict=True))
    assert by_target["G3"]["pearson_confounders"] > 0.9
    assert abs(by_target["G0"]["pearson_confounders"]) < 0.6
    assert without["scores"]["pearson_confounders"].null_count == 2
    assert without["predictions"]["predicted_confounders"].null_count == len(without["predictions"])
    for name, columns in (("scores", ["pearson", "pearson_lineage"]), ("predictions", ["predicted"])):
        assert found[name].select(columns).equals(without[name].select(columns))


def test_test_lines_teach_it_nothing() -> None:
    panel = with_covariates()
    test = make_folds("kfold", LINES, FOLDS, SEED)[1].test
    rng = np.random.default_rng(8)
    effect, covariates = panel.effect.copy(), panel.covariates.copy()
    effect[test] = rng.normal(size=effect[test].shape)
    covariates[test[::2]] = rng.normal(size=covariates[test[::2]].shape)
    scrambled = replace(panel, effect=effect, covariates=covariates)
    kept = [panel.cell_lines[line] for line in test[1::2]]
    before, after = (
        rows.filter(pc.is_in(rows["cell_line"], pa.array(kept))).select(COLUMNS)
        for rows in (tables(p, [3])["predictions"] for p in (panel, scrambled))
    )
    assert len(before) == len(kept)
    assert before.equals(after)


def test_a_target_is_the_same_in_any_company() -> None:
    panel = with_covariates()
    together = tables(panel, [0, 1, 2, 3, 4])["predictions"]  # three patterns of missing lines
    for target in (1, 2, 4):
        mine = together.filter(pc.equal(together["target"], panel.targets[target])).select(COLUMNS)
        alone = tables(panel, [target])["predictions"].select(COLUMNS)
        assert mine.combine_chunks().equals(alone.combine_chunks())
