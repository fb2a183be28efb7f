"""Which targets teach, what tables say of it, and that nothing is learned from labels that were permuted."""

from dataclasses import replace

import numpy as np
import pytest

from modeling.borrowing.teaching import MEASURED_SHARE
from modeling.folds import final_fold, make_folds
from modeling.kernels.kernels import choose_laplacian
from tasks.borrowing.learning import NEIGHBOURS, teaching_targets
from tasks.borrowing.lines import INNER_FOLDS, compare_lines, gate_order, inner_rows
from tasks.fitting.fold import Panel
from tests.tasks.best_folds import learned, panel_of_arrays, settings, tables_of

LINES, GENES, TARGETS = 120, 60, 80


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Ten modules of eight targets, each of which follows a gene."""
    rng = np.random.default_rng(6)
    expression = rng.gamma(2.0, 1.0, (LINES, GENES))
    module = expression[:, :10] - expression[:, :10].mean(axis=0)
    effect = np.repeat(module, 8, axis=1) + rng.standard_normal((LINES, TARGETS))
    return panel_of_arrays(expression, effect)


def test_targets_teach_that_vary_and_are_measured_on_most_training_lines(panel: Panel) -> None:
    fold = make_folds("kfold", LINES, 5, 0)[0]
    effect = panel.effect.copy()
    share = int(MEASURED_SHARE * len(fold.train))
    effect[fold.train[share:], 1] = np.nan  # just enough
    effect[fold.train[share - 1 :], 2] = np.nan
    effect[fold.train, 3] = 0.7  # varies between test lines alone
    effect[fold.train[5], 4] = -np.inf
    effect[fold.test, 5] = np.nan
    effect[fold.test[0], 6] = np.inf
    effect[:, 7] = np.nan
    assert share == MEASURED_SHARE * len(fold.train)
    effect[:, 20:] *= 0.01  # sd below 0.1
    assert teaching_targets(replace(panel, effect=effect), fold).tolist() == [0, 1, 5, 6, *range(8, 20)]
    few = tables_of(replace(panel, effect=effect), fold, [0, 79])["scores"]
    many = tables_of(replace(panel, effect=effect), fold)["scores"]
    assert few["pearson"].to_pylist() == [many["pearson"][t].as_py() for t in (0, 79)]


def test_inner_folds_part_the_training_lines_and_depend_on_the_seed(panel: Panel) -> None:
    folds = make_folds("kfold", LINES, 5, 0)
    rows = inner_rows(96, settings(), folds[0])
    assert len(rows) == INNER_FOLDS
    np.testing.assert_array_equal(np.sort(np.concatenate([held for _, held in rows])), np.arange(96))
    for train, held in rows:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, held])), np.arange(96))
    for other in (inner_rows(96, settings(seed=1), folds[0]), inner_rows(96, settings(), folds[1])):
        assert not np.array_equal(other[0][1], rows[0][1])
    assert not np.array_equal(gate_order(96, settings(), folds[0]), gate_order(96, settings(), folds[1]))


def test_the_table_of_a_fold_says_what_was_chosen(panel: Panel) -> None:
    fold = make_folds("kfold", LINES, 5, 0)[2]
    prepared, done = learned(panel, fold)
    (row,) = done.tables["borrowing"].to_pylist()
    effects = panel.effect[fold.train].astype(np.float64)
    chosen = choose_laplacian(compare_lines(panel, fold).within, effects)
    assert (row["c"], row["p"]) == (chosen.c, chosen.p) == (prepared.kernel.c, prepared.kernel.p)
    assert (row["fold"], row["n_train"], row["targets"], row["borrows"]) == (2, 96, TARGETS, True)
    assert row["components"] == TARGETS
    assert 2 < row["predicted_components"] < TARGETS / 2  # noise has no components that can be predicted
    assert "modules" not in done.tables


def test_modules_are_found_and_said_with_their_correlations(panel: Panel) -> None:
    effect = panel.effect.copy()
    effect[:20, 9] = np.nan
    _, done = learned(replace(panel, effect=effect), final_fold(LINES))
    rows = done.tables["modules"].to_pandas()
    assert len(rows) == TARGETS * NEIGHBOURS
    module = rows["target"].str[1:].astype(int) // 8
    same = module == rows["codependent"].str[1:].astype(int) // 8
    assert same[rows["rank"] <= 3].mean() > 0.95
    assert (rows["target"] != rows["codependent"]).all()
    row = rows[(rows["target"] == "T9") & (rows["rank"] == 1)].iloc[0]
    both = np.corrcoef(effect[20:, 9], effect[20:, int(row["codependent"][1:])])[0, 1]
    assert row["pearson"] == pytest.approx(both, rel=1e-6)
    assert row["weight"] > 0
    for _, mine in rows.groupby("target"):
        assert (np.diff(mine["weight"].abs()) <= 1e-9).all()


def test_labels_permuted_over_lines_are_not_predicted(panel: Panel) -> None:
    """All targets by one permutation, so that they still teach each other: only the lines are wrong.

    Targets are no independent witnesses then; the error is that between permutations.
    """
    folds = make_folds("kfold", LINES, 5, 0)
    mean_r, rng = [], np.random.default_rng(1)
    for number in range(6):
        effect = panel.effect[rng.permutation(LINES)]
        scores = tables_of(replace(panel, effect=effect), folds[number % 5], [*range(0, TARGETS, 2)])[
            "scores"
        ]
        mean_r.append(np.mean(scores["pearson"].to_pylist()))
    true = tables_of(panel, folds[0], [*range(0, TARGETS, 2)])["scores"]
    assert np.mean(true["pearson"].to_pylist()) > 0.5
    error = np.std(mean_r, ddof=1) / np.sqrt(6)
    assert error < 0.06
    assert abs(np.mean(mean_r)) < 4 * error
