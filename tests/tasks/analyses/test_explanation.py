"""The parts of an explanation against loops and scikit-learn; nothing of a test line reaches a fit."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tasks.analyses.explanation.evidence import (
    chosen_table,
    jaccard_table,
    stability_table,
    venn_counts,
)
from tasks.analyses.explanation.explain import explain, from_modifiers
from tasks.analyses.explanation.fits import CHOSEN, TEST, TRAIN, fits_table
from tasks.analyses.explanation.inputs import FoldModel, TargetData

GENES = ("A", "B", "C", "T")


def made(seed: int = 0, lines: int = 90, folds: int = 3) -> TargetData:
    """Three folds with modifiers of their own, one without any; some lines unmeasured or of no lineage."""
    rng = np.random.default_rng(seed)
    x = rng.gamma(2, 1.5, (lines, len(GENES)))
    y = x[:, 0] - 0.4 * x[:, 1] + rng.normal(0, 0.5, lines)
    y[::17] = np.nan
    measured = np.flatnonzero(~np.isnan(y))
    chosen = [("A", "B", "C"), ("A", "T"), ()]
    models = tuple(
        FoldModel(at, measured[at::folds], chosen[at], "ridge" if chosen[at] else None) for at in range(folds)
    )
    lineages = tuple(["Lung", "Skin", "Bone", ""][i % 4] for i in range(lines))
    return TargetData(
        "T", "effect", tuple(f"L{i}" for i in range(lines)), lineages, y, GENES, x, ("A", "B", "C"), models, 7
    )


def rows() -> pd.DataFrame:
    flags = {"A": (1, 1, 1), "B": (1, 0, 0), "C": (0, 1, 1), "T": (0, 0, 1)}
    return pd.DataFrame(
        [
            {"modifier": gene, "fold": fold, "rank": rank}
            | dict(zip(("by_pearson", "by_spearman", "by_chi2"), map(bool, flags[gene]), strict=True))
            for fold, genes in enumerate([("A", "B", "C"), ("A", "T")])
            for rank, gene in enumerate(genes, 1)
        ]
    )


@pytest.mark.parametrize(("model", "number"), [("1 modifier", 1), ("5 modifiers", 5), ("all modifiers", 9)])
def test_linear_models_are_those_of_scikit_learn_fold_by_fold(model, number):
    data = made()
    fits = fits_table(data)
    mine = fits[fits["model"] == model]
    test = mine[mine["part"] == TEST].set_index("cell_line")["predicted"]
    train: dict[str, list[float]] = {}
    for fold in data.folds:
        learned = [i for i in data.measured if i not in set(fold.test)]
        columns = [GENES.index(g) for g in fold.modifiers[:number]]
        x, y = data.expression[:, columns], data.effect
        if columns:
            predicted = LinearRegression().fit(x[learned], y[learned]).predict(x)
        else:
            predicted = np.full(len(y), y[learned].mean())
        for i in fold.test:
            assert test[f"L{i}"] == pytest.approx(predicted[i], rel=1e-9)
        for i in learned:
            train.setdefault(f"L{i}", []).append(predicted[i])
    found = mine[mine["part"] == TRAIN].set_index("cell_line")["predicted"]
    assert set(found.index) == set(train)
    for line, values in train.items():
        assert found[line] == pytest.approx(np.mean(values), rel=1e-9)


def test_no_test_value_reaches_a_fit():
    data = made()
    changed = data.effect.copy()
    changed[data.folds[0].test] += 100
    other = TargetData(**{**vars(data), "effect": changed})
    for model in ("all modifiers", CHOSEN):
        before, after = (
            frame[(frame["model"] == model) & (frame["part"] == TEST)].set_index("cell_line")["predicted"]
            for frame in (fits_table(data), fits_table(other))
        )
        mine = [f"L{i}" for i in data.folds[0].test]
        pd.testing.assert_series_equal(before[mine], after[mine])
        assert not before.drop(mine).equals(after.drop(mine))


def test_a_test_counts_where_half_of_the_folds_chose_by_it():
    table = chosen_table(rows(), 3).set_index("gene")
    assert table.loc["A", ["by_pearson", "by_spearman", "by_chi2"]].tolist() == [True, True, True]
    assert not table.loc["B", "by_pearson"]  # one fold of three
    assert venn_counts(chosen_table(rows(), 2)) == {
        (True, True, True): 1,
        (True, False, False): 1,
        (False, True, True): 1,
        (False, False, True): 1,
    }


def test_stability_and_jaccard_by_hand():
    table = stability_table(rows(), [0, 1, 2])
    assert list(dict.fromkeys(table["gene"])) == ["A", "B", "T", "C"]
    assert table["rank"].isna().sum() == 4 * 3 - 5
    pairs = jaccard_table(rows(), [0, 1, 2]).set_index(["first", "second"])["jaccard"]
    assert pairs.to_dict() == {(0, 1): 1 / 4, (0, 2): 0.0, (1, 2): 0.0}


def test_every_part_is_there_and_equal_data_give_equal_frames():
    one, two = (explain(made(), rows(), [0, 1, 2]) for _ in range(2))
    assert one.notes == ()
    assert one.weights is not None
    assert set(one.weights.table["lineage"]) == {"all lines", "Lung", "Skin", "Bone"}
    assert one.boosted is not None
    assert one.tree is not None
    for name in ("fits", "lines", "correlations", "alike", "tree"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
    pd.testing.assert_frame_equal(one.boosted.shap, two.boosted.shap)
    assert one.boosted.importance["gene"].tolist()[0] == "A"


def test_a_target_without_modifiers_says_so():
    data = made()
    bare = TargetData(**{**vars(data), "features": (), "folds": ()})
    found = explain(bare, rows().head(0), [0, 1])
    assert found.notes == ("no modifiers: what is made from modifiers is left out",)
    assert found.tree is None
    assert len(found.tests) == 0
    assert from_modifiers("T", "effect", rows(), [0, 1, 2]).fits.empty
