"""Ranking of drugs: its tables, its leaks, the final model and new samples."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from modeling.folds import Fold, make_folds
from modeling.statistics.metrics import pearson
from tasks.artifacts.files import DrugRanking, ranking_of
from tasks.drugs.drugs import DrugData, drug_data
from tasks.drugs.ranking import fit_final_ranking, rank_drugs, ranking_tables
from tasks.errors import BadInputError
from tasks.fitting.fold import Panel, panel_of
from tests.tasks.drug_data import DRUGS, GENES, LINES, drug_dataset

FEATURES = ("expression", "dependency", "both")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Panel, DrugData]:
    dataset = drug_dataset(tmp_path_factory.mktemp("ranking") / "d", targets=False)  # none are needed
    return panel_of(dataset), drug_data(dataset)


@pytest.fixture(scope="module")
def fold() -> Fold:
    return make_folds("kfold", LINES, 4, 0)[1]


@pytest.fixture(scope="module")
def scores(made: tuple[Panel, DrugData], fold: Fold) -> pd.DataFrame:
    return ranking_tables(*made, fold)["profile_scores"].to_pandas()


@pytest.fixture(scope="module")
def final(made: tuple[Panel, DrugData]) -> DrugRanking:
    return ranking_of(fit_final_ranking(*made))


def samples(panel: Panel, rows: slice = slice(0, 5)) -> pd.DataFrame:
    names = [f"S{i}" for i in range(LINES)][rows]
    return pd.DataFrame(panel.expression[rows], index=names, columns=list(panel.genes))


def test_scores_by_drug_and_line(made: tuple[Panel, DrugData], fold: Fold, scores: pd.DataFrame):
    assert set(scores["model"]) == {"ranking"}
    assert set(scores["fold"]) == {1}
    by = scores.set_index(["axis", "features", "name"]).sort_index()
    for features in FEATURES:
        of_drug, of_line = by.loc["drug", features], by.loc["cell_line", features]
        assert len(of_drug) == DRUGS
        assert of_drug.loc["D3", "n"] == 0
        assert np.isnan(of_drug.loc["D3", "pearson"])
        assert of_drug["pearson"].mean() > 0.5
        assert of_line.index.tolist() == sorted(made[0].cell_lines[i] for i in fold.test)
        assert of_line["pearson"].mean() > 0.4
    measured = (~np.isnan(made[1].response[fold.test])).sum(axis=1)
    assert by.loc["cell_line", "both"]["n"].tolist() == measured.tolist()


def test_by_line_drugs_are_compared_less_their_training_means(made: tuple[Panel, DrugData], fold: Fold):
    """Adding a constant to a drug changes nothing: how strong a drug is in general does not count."""
    panel, drugs = made
    stronger = replace(
        drugs, response=drugs.response + np.float32(8) * (np.arange(DRUGS, dtype=np.float32) % 2)
    )
    before, after = (ranking_tables(panel, d, fold)["profile_scores"].to_pandas() for d in (drugs, stronger))
    np.testing.assert_allclose(before["pearson"], after["pearson"], atol=1e-4)


def test_scrambled_test_lines_change_nothing_that_was_fitted(made: tuple[Panel, DrugData], fold: Fold):
    panel, drugs = made
    rng = np.random.default_rng(0)
    expression, effect, response = panel.expression.copy(), panel.effect.copy(), drugs.response.copy()
    effect[fold.test] = rng.permutation(effect[fold.test]) * 9 - 4
    response[fold.test] = np.where(rng.random((len(fold.test), DRUGS)) < 0.5, np.nan, 77)
    first = fold.test[0]
    expression[fold.test[1:]] = 3
    # The first test line alone keeps its values: by forecasts for it, whatever was fitted is the same.
    response[first] = drugs.response[first]
    scrambled = replace(panel, expression=expression, effect=effect), replace(drugs, response=response)
    one, other = (ranking_tables(p, d, fold)["profile_scores"].to_pandas() for p, d in (made, scrambled))
    kept = (one["axis"] == "cell_line") & (one["name"] == panel.cell_lines[first])
    pd.testing.assert_frame_equal(one[kept], other[kept])
    assert kept.sum() == len(FEATURES)
    assert not one[~kept].equals(other[~kept])


def test_equal_runs_give_equal_bytes(made: tuple[Panel, DrugData]):
    assert fit_final_ranking(*made) == fit_final_ranking(*made)


@pytest.mark.parametrize("features", FEATURES)
def test_the_final_model_forecasts_as_a_fold_that_trains_on_the_same_lines(
    made: tuple[Panel, DrugData], final: DrugRanking, features: str
):
    panel, drugs = made
    table = rank_drugs(final, samples(panel, slice(0, LINES)), features)
    wide = table.pivot_table(index="sample", columns="drug", values="forecast").loc[
        [f"S{i}" for i in range(LINES)]
    ]
    every = np.arange(LINES)
    scores = ranking_tables(panel, drugs, Fold(0, "the same", every, every))["profile_scores"].to_pandas()
    rows = scores[(scores["axis"] == "drug") & (scores["features"] == features)].set_index("name")
    for drug in ("D0", "D7", "D19"):
        measured = drugs.response[:, drugs.drugs.index(drug)].astype(np.float64)
        known = ~np.isnan(measured)
        r = pearson(measured[known], wide[drug].to_numpy()[known])
        assert r == pytest.approx(rows.loc[drug, "pearson"], abs=1e-9)


def test_drugs_are_ranked_by_how_far_they_lie_from_their_own_mean(
    made: tuple[Panel, DrugData], final: DrugRanking
):
    response = made[1].response.astype(np.float64)
    low = rank_drugs(final, samples(made[0]), pearson={"D5": 0.4})
    high = rank_drugs(final, samples(made[0]), lower_is_more_sensitive=False)
    assert low["sample"].tolist() == np.repeat([f"S{i}" for i in range(5)], DRUGS).tolist()
    for (_, rows), (_, others) in zip(low.groupby("sample"), high.groupby("sample"), strict=True):
        fitted = rows.dropna(subset="forecast")
        assert fitted["rank"].tolist() == list(range(1, DRUGS))  # all but the one measured nowhere
        assert fitted["z"].is_monotonic_increasing
        assert rows["drug"].tolist()[-1] == "D3"
        assert rows["rank"].isna().tolist() == [False] * (DRUGS - 1) + [True]
        assert others["z"].dropna().is_monotonic_decreasing
        assert sorted(others["drug"]) == sorted(rows["drug"])
    of = low[low["sample"] == "S0"].set_index("drug")
    np.testing.assert_allclose(of.loc["D5", "mean"], np.nanmean(response[:, 5]))
    np.testing.assert_allclose(of.loc["D5", "sd"], np.nanstd(response[:, 5]))
    np.testing.assert_allclose(of["z"], (of["forecast"] - of["mean"]) / of["sd"])
    assert of.loc["D5", "pearson"] == 0.4
    assert np.isnan(of.loc["D6", "pearson"])


def test_genes_are_found_by_any_label_and_order_and_missing_ones_left_out(
    made: tuple[Panel, DrugData], final: DrugRanking
):
    new = samples(made[0])
    whole = rank_drugs(final, new)
    turned = new.iloc[:, ::-1].rename(columns={"G4": "G4 (1234)"})
    pd.testing.assert_frame_equal(whole, rank_drugs(final, turned))
    holed = new.copy()
    holed.iloc[1, 3], holed.iloc[2, :2] = np.inf, np.nan  # 23 and 22 of 24 known: enough
    holed.iloc[3, :3] = np.nan  # 21: 87.5%
    made_of = rank_drugs(final, holed)
    absent = made_of[made_of["sample"] == "S3"]
    assert absent["forecast"].isna().all()
    assert absent["rank"].isna().all()
    for sample, same in (("S0", True), ("S4", True), ("S1", False), ("S2", False)):
        a, b = (t[t["sample"] == sample].set_index("drug")["forecast"].drop("D3") for t in (whole, made_of))
        assert b.notna().all()
        assert np.allclose(a, b.loc[a.index], rtol=1e-9) == same
    fewer = rank_drugs(final, new.drop(columns=["G0", "G1"]))
    np.testing.assert_allclose(
        fewer[fewer["sample"] == "S2"]["forecast"], made_of[made_of["sample"] == "S2"]["forecast"], rtol=1e-9
    )


def test_what_cannot_be_ranked_is_refused(made: tuple[Panel, DrugData], final: DrugRanking):
    new = samples(made[0])
    with pytest.raises(BadInputError, match="columns must be gene symbols"):
        rank_drugs(final, new.set_axis([f"ENSG{i}" for i in range(GENES)], axis=1))
    few = new.drop(columns=["G0", "G1", "G2"])  # 21 of 24 genes: 87.5%
    with pytest.raises(BadInputError, match=r"'S0', knows 21 of the 24 genes .* \(87\.5%\); at least 90%"):
        rank_drugs(final, few)
    with pytest.raises(BadInputError, match="expected one of expression, dependency, both"):
        rank_drugs(final, new, features="kernel")


def test_no_samples_give_an_empty_table(made: tuple[Panel, DrugData], final: DrugRanking):
    assert rank_drugs(final, samples(made[0], slice(0, 0))).empty
