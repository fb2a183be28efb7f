"""Does the simulated biology have the features it claims? Checked from its arrays, with scipy and pandas."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from modeling.seeds import generator
from tasks.simulation.biology import Simulation, simulate_arrays
from tasks.simulation.genes import MOST_GENES, plan_genes, symbol


@pytest.fixture(scope="module")
def world() -> Simulation:
    return simulate_arrays(600, 1500, seed=11)


@pytest.fixture(scope="module")
def truth(world) -> pd.DataFrame:
    return world.truth.to_pandas()


@pytest.fixture(scope="module")
def classes(world) -> pd.DataFrame:
    return world.truth_targets.to_pandas().set_index("target")


def effects_of(world: Simulation, names) -> np.ndarray:
    column = {name: number for number, name in enumerate(world.targets)}
    return world.effect[:, [column[name] for name in names]]


def test_names_are_unique_and_of_depmaps_form(world):
    assert all(re.fullmatch(r"ACH-\d{6}", line) for line in world.cell_lines)
    for names in (world.cell_lines, world.genes, world.targets, list(world.gene_entrez)):
        assert len(set(names)) == len(names)
    assert list(world.targets) == sorted(world.targets)
    assert symbol(0) == "SIMAAA1"
    assert symbol(MOST_GENES - 1) == "SIMZZZ8"


def test_own_points_at_the_targets_own_column(world):
    found = [world.genes[column] if column >= 0 else None for column in world.own]
    expected = [target if target in set(world.genes) else None for target in world.targets]
    assert found == expected
    assert None in found


def test_expression_is_never_negative_and_has_zeros_ties_and_constant_genes(world):
    x = world.expression
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert x.min() == 0
    assert 0.05 < (x == 0).mean() < 0.4
    constant = (x == x[0]).all(axis=0)
    assert constant.sum() >= 2
    tied = np.array([len(np.unique(column)) < 600 for column in x.T])
    assert tied.mean() > 0.3
    assert 2 < x.mean() < 5


def test_lineages_are_uneven_and_some_are_large_enough_to_hold_out(world):
    sizes = Counter(world.lineages)
    assert sum(size >= 40 for size in sizes.values()) >= 4
    assert sum(size < 20 for size in sizes.values()) >= 4


def test_genes_of_one_module_are_correlated_and_others_hardly(world):
    module = plan_genes(1500, generator(11, "simulate", "genes")).module
    x = world.expression[:, world.expression.std(axis=0) > 0.3].astype(np.float64)
    module = module[world.expression.std(axis=0) > 0.3]
    r = np.corrcoef(x.T)
    mates = np.triu(module[:, None] == module[None, :], 1)
    unknown = np.triu(module[:, None] != module[None, :], 1)
    assert np.median(np.abs(r[mates])) > 0.2
    assert np.median(np.abs(r[unknown])) < 0.1
    assert np.quantile(np.abs(r[unknown]), 0.99) > 2.6 / np.sqrt(600)  # lineages correlate some of them


def test_most_targets_are_near_constant_and_every_class_looks_like_its_name(world, classes):
    assert 0.6 < (classes["class"] == "near_constant").mean() < 0.75
    by_class = classes.groupby("class")
    assert by_class["sd"].max()["near_constant"] < 0.1
    assert abs(by_class["mean"].mean()["near_constant"]) < 0.1
    assert abs(by_class["mean"].mean()["common_essential"] + 1) < 0.1
    for name in ("noise", "linear", "paralog", "own", "lineage"):
        assert by_class["sd"].min()[name] > 0.1
    assert (classes["sd"] > 0.1).mean() > 0.2


def test_truth_targets_count_what_truth_lists_and_what_was_measured(world, truth, classes):
    listed = truth.groupby("target").size().reindex(classes.index, fill_value=0)
    np.testing.assert_array_equal(classes["n_modifiers"], listed)
    np.testing.assert_array_equal(classes["n_measured"], np.isfinite(world.effect).sum(axis=0))
    np.testing.assert_allclose(classes["sd"], np.nanstd(world.effect.astype(float), axis=0))
    empty = classes["class"].isin(["near_constant", "common_essential", "noise"])
    np.testing.assert_array_equal(classes["n_modifiers"] == 0, empty)
    assert set(range(11)) <= set(classes["n_modifiers"])
    assert classes["n_modifiers"].max() <= 20


def test_planted_pearson_is_what_scipy_measures(world, truth):
    gene = {name: number for number, name in enumerate(world.genes)}
    for row in truth.iloc[::7].itertuples():
        y = effects_of(world, [row.target])[:, 0]
        seen = np.isfinite(y)
        expected = pearsonr(world.expression[seen, gene[row.modifier]].astype(float), y[seen].astype(float))
        assert row.planted_pearson == pytest.approx(expected.statistic, abs=1e-12)


def test_planted_correlations_cover_weak_to_strong_and_have_the_planted_sign(truth):
    counts, _ = np.histogram(truth["planted_pearson"].abs(), np.arange(0.1, 0.85, 0.1))
    assert counts.min() >= 10
    strong = truth[truth["planted_pearson"].abs() > 0.25]
    assert (np.sign(strong["planted_pearson"]) == strong["sign"]).mean() > 0.98
    np.testing.assert_array_equal(np.sign(truth["weight"]), truth["sign"])


def test_kinds_name_the_right_modifier(truth):
    own = truth["kind"] == "own"
    np.testing.assert_array_equal(truth["target"] == truth["modifier"], own)
    paralogs = truth[truth["kind"] == "paralog"]
    assert (paralogs["target"].str[:-1] == paralogs["modifier"].str[:-1]).all()  # one stem
    assert (paralogs["sign"] == 1).all()
    assert (truth.loc[own, "sign"] == -1).all()
    assert not truth.duplicated(["target", "modifier"]).any()


def test_losing_the_paralog_makes_the_target_essential(world, truth):
    gene = {name: number for number, name in enumerate(world.genes)}
    for row in truth[truth["kind"] == "paralog"].itertuples():
        level = world.expression[:, gene[row.modifier]]
        y = effects_of(world, [row.target])[:, 0]
        lost = level < 0.2 * np.median(level)
        assert lost.any()
        assert np.nanmean(y[lost]) < np.nanmean(y[~lost]) - 0.5 * row.weight


def test_missing_values_come_in_the_blocks_of_libraries(world):
    missing = np.isnan(world.effect)
    libraries = np.array(world.libraries)
    for library in set(libraries):
        rows = missing[libraries == library]
        assert (rows == rows[0]).all()
        assert rows[0].any()
    assert len(np.unique(missing, axis=1).T) == 5  # nothing, each library, and two together
    assert missing.mean() < 0.05


def test_noise_targets_correlate_with_expression_as_chance_says(world, classes):
    names = classes.index[(classes["class"] == "noise") & (classes["n_measured"] == 600)]
    y = effects_of(world, names).astype(np.float64)
    x = world.expression[:, world.expression.std(axis=0) > 0].astype(np.float64)
    z = [(values - values.mean(axis=0)) / values.std(axis=0) for values in (x, y)]
    r = z[0].T @ z[1] / 600
    assert r.var() * 599 == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("lines", "genes"), [(30, 50), (31, 61), (45, 99)])
def test_the_smallest_sizes_hold_every_kind(lines, genes, seed):
    small = simulate_arrays(lines, genes, seed)
    assert small.expression.shape == (lines, genes)
    kinds = {"near_constant", "common_essential", "noise", "linear", "paralog", "own", "lineage"}
    assert set(small.truth_targets["class"].to_pylist()) == kinds
    assert set(small.truth["kind"].to_pylist()) == {"linear", "paralog", "own", "lineage"}
    assert (np.isfinite(small.effect).sum(axis=0) > 0).all()


def test_unshared_lines_do_not_count_in_the_truth():
    both = simulate_arrays(60, 100, 5, unshared=10)
    row = both.truth.to_pylist()[0]
    x = both.expression[:60, both.genes.index(row["modifier"])].astype(float)
    y = both.effect[:60, both.targets.index(row["target"])].astype(float)
    seen = np.isfinite(y)
    assert both.expression.shape == (70, 100)
    assert row["planted_pearson"] == pytest.approx(pearsonr(x[seen], y[seen]).statistic, abs=1e-12)
