from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modeling.folds import gene_folds
from modeling.networks.training_state import Schedule
from modeling.profiles import models
from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.fitting.fold import Panel, panel_of
from tasks.methods.profiles import check_profiles, fit_fold, profile_tables, profiles_of
from tests.made_datasets import tiny_dataset
from tests.reference.profiles import cca_slow, scores_slow

FOLDS = 5


SHORT = Schedule(3)  # what is tested here does not hang on how long networks are trained


@pytest.fixture(scope="module")
def panel() -> Panel:
    """300 targets over 24 lines, of which some have gaps, no effect, a constant one, or no own expression."""
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((300, 3))
    expression = factors @ rng.standard_normal((3, 24)) + 5 + rng.standard_normal((300, 24))
    effect = factors @ rng.standard_normal((3, 24)) - 1 + rng.standard_normal((300, 24))
    effect[20:60, :7][rng.random((40, 7)) < 0.3] = np.nan
    effect[70], effect[71], effect[72, 2:] = np.nan, -0.25, np.nan
    own = rng.permutation(300)
    columns = np.argsort(own)
    own[::29] = -1
    return Panel(
        cell_lines=tuple(f"ACH-{i:06d}" for i in range(24)),
        genes=tuple(f"X{i}" for i in range(300)),
        targets=tuple(f"T{i}" for i in range(300)),
        expression=expression[columns].T.astype(np.float32),
        effect=effect.T.astype(np.float32),
        own=own,
        lineages=np.zeros(24, dtype=np.int64),
    )


def test_only_genes_with_both_sides_take_part_in_the_order_of_the_targets(panel: Panel):
    profiles = profiles_of(panel)
    assert len(profiles.genes) == 300 - 11 - 1
    assert not {"T0", "T29", "T70"} & set(profiles.genes)
    assert {"T71", "T72"} <= set(profiles.genes)
    for i in (0, 17, 100):
        target = panel.targets.index(profiles.genes[i])
        assert np.array_equal(profiles.expression[i], panel.expression[:, panel.own[target]])
        assert np.array_equal(profiles.effect[i], panel.effect[:, target], equal_nan=True)


def test_scores_are_those_of_a_slow_loop(panel: Panel):
    profiles, fold = profiles_of(panel), fold_with(panel, "T71", "T72")
    table = profile_tables(panel, fold.number, FOLDS, 0, schedule=SHORT)["profile_scores"].to_pylist()
    fits = fit_fold(profiles, fold, 0, schedule=SHORT)
    names = [profiles.genes[i] for i in fold.test]
    assert len(table) == len(fits.models) * (24 + len(names))
    assert {row["method"] for row in table} == {"profiles"}
    for name, model in fits.models.items():
        measured, predicted = profiles.effect[fold.test], model.predict(profiles.expression[fold.test])
        for axis, of, slow in (
            ("cell_line", panel.cell_lines, scores_slow(measured.T, predicted.T)),
            ("gene", names, scores_slow(measured, predicted)),
        ):
            rows = [row for row in table if (row["model"], row["axis"]) == (name, axis)]
            assert [row["name"] for row in rows] == list(of)
            for row, (n, pearson, spearman) in zip(rows, slow, strict=True):
                assert row["n"] == n
                assert row["pearson"] == (None if pearson is None else pytest.approx(pearson, abs=1e-12))
                assert row["spearman"] == (None if spearman is None else pytest.approx(spearman, abs=1e-12))
    undefined = {row["name"] for row in table if row["pearson"] is None}
    assert undefined == {"T71", "T72"} & set(names)


def test_components_are_of_training_genes_and_of_whole_test_genes(panel: Panel):
    profiles, fold = profiles_of(panel), fold_with(panel, "T20")
    rows = profile_tables(panel, fold.number, FOLDS, 0, schedule=SHORT)["components"].to_pylist()
    effect = models.without_gaps(profiles.effect[fold.train])
    slow, _ = cca_slow(profiles.expression[fold.train], effect, len(fold.train) // 20)
    assert [row["component"] for row in rows] == list(range(1, len(slow) + 1))
    np.testing.assert_allclose([row["pearson_train"] for row in rows], slow, atol=1e-9)
    assert rows[0]["pearson"] > 0.7
    # A test gene with a gap counts in no correlation.
    garbled = panel.effect.copy()
    gaps = np.isnan(garbled).any(axis=0)
    tested = np.isin(np.array(panel.targets), [profiles.genes[i] for i in fold.test])
    assert (gaps & tested).any()
    garbled[:, gaps & tested] *= -3
    again = profile_tables(replace(panel, effect=garbled), fold.number, FOLDS, 0, schedule=SHORT)[
        "components"
    ]
    assert again.to_pylist() == rows


def test_scrambled_test_genes_change_nothing_fitted(panel: Panel):
    fold = gene_folds(len(profiles_of(panel).genes), FOLDS, 0)[0]
    rng = np.random.default_rng(1)
    names = {profiles_of(panel).genes[i] for i in fold.test}
    tested = np.array([i for i, name in enumerate(panel.targets) if name in names])
    expression, effect = panel.expression.copy(), panel.effect.copy()
    expression[:, panel.own[tested]] = rng.permutation(expression[:, panel.own[tested]]) * 3 + 1
    effect[:, tested] = rng.permutation(effect[:, tested]) - 5
    scrambled = replace(panel, expression=expression, effect=effect)
    fitted, again = (fit_fold(profiles_of(p), fold, 0, schedule=SHORT) for p in (panel, scrambled))
    new = rng.standard_normal((50, 24)).astype(np.float32)
    assert list(fitted.models) == list(again.models)
    assert "cca 10 + network" in fitted.models
    for name, model in fitted.models.items():
        assert np.array_equal(model.predict(new), again.models[name].predict(new)), name
    assert np.array_equal(fitted.canonical.correlations, again.canonical.correlations)
    for side in ("left", "right"):
        ours, theirs = (getattr(fits.canonical, side).weights for fits in (fitted, again))
        assert np.array_equal(ours, theirs)
    tables, others = (profile_tables(p, 0, FOLDS, 0, schedule=SHORT) for p in (panel, scrambled))
    assert tables["components"].column("pearson_train").equals(others["components"].column("pearson_train"))
    # The scramble was real.
    assert not tables["profile_scores"].equals(others["profile_scores"])


def test_equal_runs_give_equal_tables_and_each_fold_its_own(panel: Panel):
    once, again, other, reseeded = (
        profile_tables(panel, number, FOLDS, seed, schedule=SHORT)
        for number, seed in ((0, 0), (0, 0), (1, 0), (0, 1))
    )
    for name, table in once.items():
        assert table.equals(again[name])
        assert not table.equals(other[name])
        assert not table.equals(reseeded[name])


def test_every_gene_is_tested_once_over_the_folds(panel: Panel):
    tested = []
    for number in range(FOLDS):
        table = profile_tables(panel, number, FOLDS, 0, schedule=SHORT)["profile_scores"].to_pylist()
        tested += [row["name"] for row in table if (row["axis"], row["model"]) == ("gene", "ols")]
    assert sorted(tested) == sorted(profiles_of(panel).genes)


def test_too_few_genes_lines_or_folds_are_told_before_a_run(tmp_path: Path, panel: Panel):
    dataset = Dataset.open(tiny_dataset(tmp_path / "tiny"))
    with pytest.raises(BadInputError, match="6 of 6 targets have both an effect") as caught:
        check_profiles(dataset)
    assert "5 folds over genes need at least 50" in str(caught.value)
    assert str(dataset.path) in str(caught.value)
    with pytest.raises(BadInputError, match="at least 2"):
        check_profiles(dataset, folds=1)
    with pytest.raises(BadInputError, match="6 of 6"):
        profile_tables(panel_of(dataset), 0, FOLDS, 0)
    with pytest.raises(BadInputError, match="no fold 5"):
        profile_tables(panel, 5, FOLDS, 0)
    narrow = replace(panel, expression=panel.expression[:2], effect=panel.effect[:2], cell_lines=("a", "b"))
    with pytest.raises(BadInputError, match="2 cell lines"):
        profile_tables(narrow, 0, FOLDS, 0)


def test_a_dataset_that_bears_it_passes(small_dataset: Path):
    check_profiles(Dataset.open(small_dataset))


def fold_with(panel: Panel, *names: str):
    """The fold that tests the first of these genes."""
    genes = profiles_of(panel).genes
    number = genes.index(names[0])
    return next(fold for fold in gene_folds(len(genes), FOLDS, 0) if number in fold.test)
