"""Tables of the drug models: what is in them, what is refused, and what test drugs may not change."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from modeling.folds import drug_folds
from modeling.profiles.drug_models import drug_examples, predict_by_ridge, target_profiles
from modeling.statistics import metrics
from tasks.dataset.dataset import Dataset
from tasks.drugs.drugs import DrugData, check_drugs, check_ranking, drug_data
from tasks.drugs.folds import drug_tables
from tasks.errors import BadInputError
from tasks.fitting.fold import Panel, panel_of
from tasks.importing.importer import import_release
from tests.tasks.drug_data import DRUGS, LINES, drug_dataset

pytestmark = pytest.mark.long

FOLDS, SEED = 3, 0


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return drug_dataset(tmp_path_factory.mktemp("drugs") / "d")


@pytest.fixture(scope="module")
def panel(dataset: Dataset) -> Panel:
    return panel_of(dataset)


@pytest.fixture(scope="module")
def drugs(dataset: Dataset) -> DrugData:
    return drug_data(dataset)


@pytest.fixture(scope="module")
def tables(panel: Panel, drugs: DrugData) -> list[dict[str, pa.Table]]:
    return [drug_tables(panel, drugs, number, FOLDS, SEED) for number in range(FOLDS)]


@pytest.fixture(scope="module")
def scores(tables: list[dict[str, pa.Table]]) -> pd.DataFrame:
    return pa.concat_tables([made["profile_scores"] for made in tables]).to_pandas()


def test_target_genes_become_columns_of_either_matrix(drugs: DrugData):
    assert drugs.expression_genes[0].tolist() == [0, 1]
    assert drugs.expression_genes[8].tolist() == [8, 9]
    assert drugs.dependency_genes[8].tolist() == [8]  # G9 was screened in no line
    assert drugs.expression_genes[2].size == 0
    assert set(range(DRUGS)) - set(drugs.usable().tolist()) == {2, 3}
    assert drugs.counts() == {
        "drugs": 20,
        "with target genes in the expression": 19,
        "with target genes in the effect": 19,
        "used": 18,
    }


def test_a_symbol_that_two_genes_share_is_no_target(tmp_path: Path, dataset: Dataset):
    shared = replace(dataset, genes=["G0 (11)", "G0 (12)", *dataset.genes[2:]])
    made = drug_data(shared)
    assert made.expression_genes[0].tolist() == []
    assert made.dependency_genes[0].tolist() == [0, 1]


def test_every_drug_is_tested_once_by_every_model(scores: pd.DataFrame, drugs: DrugData):
    used = {drugs.drugs[d] for d in drugs.usable()}
    by_drug = scores[scores["axis"] == "drug"].groupby(["model", "features"])
    assert set(by_drug.groups) == {
        *((m, f) for m in ("ridge", "network") for f in ("expression", "dependency", "both")),
        ("line_mean", "none"),
    }
    for _, rows in by_drug:
        assert rows["name"].is_unique
        assert set(rows["name"]) == used
    by_line = scores[scores["axis"] == "cell_line"]
    assert not by_line["name"].isin(["ACH-000001", "ACH-000002"]).any()  # measured for no drug
    assert (by_line.groupby(["fold", "model", "features"])["name"].nunique() == LINES - 2).all()


def test_scores_are_those_of_the_forecasts_without_gaps(panel: Panel, drugs: DrugData, scores: pd.DataFrame):
    used, fold = drugs.usable(), drug_folds(18, FOLDS, SEED)[1]
    response = drugs.response[:, used].T.astype(np.float64)
    profiles = target_profiles(panel.effect, [drugs.dependency_genes[d] for d in used])
    examples = drug_examples([profiles], response, fold)
    forecast, measured = predict_by_ridge(examples), response[fold.test][:, examples.lines]
    rows = scores.query("fold == 1 and model == 'ridge' and features == 'dependency'")
    of_drug = rows[rows["axis"] == "drug"].set_index("name")
    for place, drug in enumerate(used[fold.test]):
        known = ~np.isnan(measured[place])
        row = of_drug.loc[drugs.drugs[drug]]
        assert row["n"] == known.sum()
        assert row["pearson"] == metrics.pearson(measured[place][known], forecast[place][known])
    of_line = rows[rows["axis"] == "cell_line"].set_index("name")
    for place, line in enumerate(np.flatnonzero(examples.lines)):
        known = ~np.isnan(measured[:, place])
        row = of_line.loc[panel.cell_lines[line]]
        assert row["n"] == known.sum()
        expected = metrics.spearman(measured[known, place], forecast[known, place])
        assert row["spearman"] == expected or (known.sum() < 3 and np.isnan(row["spearman"]))
    assert (of_line["n"] < len(fold.test)).any()


def test_what_targets_say_is_found(scores: pd.DataFrame):
    mean = scores[scores["axis"] == "drug"].groupby(["model", "features"])["pearson"].mean()
    assert mean["ridge", "dependency"] > 0.5
    assert mean["ridge", "dependency"] > mean["line_mean", "none"] + 0.2


def test_networks_are_told_of(tables: list[dict[str, pa.Table]]):
    rows = tables[0]["networks"].to_pylist()
    assert [row["network"] for row in rows] == ["expression", "dependency", "both"]
    for row in rows:
        assert row["status"] == "ok"
        assert row["n_train"] == 12
        assert row["best_epoch"] <= row["epochs"]
        assert row["layers"][0] == (LINES - 2) * (2 if row["network"] == "both" else 1)


def test_equal_runs_give_equal_tables(panel: Panel, drugs: DrugData, tables: list[dict[str, pa.Table]]):
    again = drug_tables(panel, drugs, 0, FOLDS, SEED)
    assert again["profile_scores"].equals(tables[0]["profile_scores"])
    other = drug_tables(panel, drugs, 0, FOLDS, SEED + 1)
    assert not other["profile_scores"].equals(tables[0]["profile_scores"])


def test_a_scrambled_test_drug_changes_no_score_of_another(
    panel: Panel, drugs: DrugData, tables: list[dict[str, pa.Table]]
):
    """By drug, every score is of one drug's measurements and what other drugs taught: the rest stay."""
    fold = drug_folds(18, FOLDS, SEED)[0]
    changed = drugs.usable()[fold.test[0]]
    response = drugs.response.copy()
    response[:, changed] = np.random.default_rng(1).permutation(response[:, changed]) * 9
    again = drug_tables(panel, replace(drugs, response=response), 0, FOLDS, SEED)[
        "profile_scores"
    ].to_pandas()
    before = tables[0]["profile_scores"].to_pandas()
    others = (before["axis"] == "drug") & (before["name"] != drugs.drugs[changed])
    pd.testing.assert_frame_equal(before[others], again[others])
    assert not before[before["axis"] == "drug"].equals(again[again["axis"] == "drug"])


def test_every_problem_is_reported(tmp_path: Path):
    nothing = drug_dataset(tmp_path / "nothing", response=False, targets=False)
    with pytest.raises(BadInputError) as told:
        check_drugs(nothing, folds=1)
    said = "\n".join(told.value.problems)
    assert len(told.value.problems) == 3
    for part in ("--folds 1", "no drug response; import with --drug-response", "no drug targets"):
        assert part in said
    with pytest.raises(BadInputError, match="no drug response"):
        check_ranking(nothing)
    with pytest.raises(BadInputError, match="no drug response"):
        drug_data(nothing)


def test_too_few_drugs_or_lines_are_refused_with_their_numbers(tmp_path: Path):
    few = drug_dataset(tmp_path / "few", named=10)
    check_drugs(few, folds=2)
    with pytest.raises(
        BadInputError, match=r"20 drugs, 9 with .* expression, 9 with .* effect, 8 used\); at least 9"
    ):
        check_drugs(few, folds=3)
    response = np.asarray(few.drug_response).copy()
    response[20:] = np.nan
    sparse = replace(few, drug_response=response)
    with pytest.raises(BadInputError, match="18 cell lines with a drug response; at least 30"):
        check_drugs(sparse, folds=2)
    with pytest.raises(BadInputError, match="18 cell lines with a drug response"):
        check_ranking(sparse)
    check_ranking(drug_dataset(tmp_path / "no targets", targets=False))


def test_real_prism_drugs_follow_their_targets(real_data: Path, tmp_path: Path):
    dataset = import_release(
        effect=real_data / "gene_dependency_level_22q1.parquet",
        expression=real_data / "expression.parquet",
        models=real_data / "models.parquet",
        drug_response=real_data / "drug_response_prism_secondary_auc_89.parquet",
        drug_targets=real_data / "drug_targets.parquet",
        out=tmp_path / "d",
    )
    check_drugs(dataset)
    made = drug_data(dataset)
    assert made.counts()["used"] == 28
    scores = drug_tables(panel_of(dataset), made, 0, 5, 0)["profile_scores"].to_pandas()
    acc = scores[(scores["axis"] == "cell_line") & (scores["model"] == "ridge")].groupby("features")[
        "pearson"
    ]
    assert (acc.mean() > 0.1).all()
    assert (acc.count() > 500).all()
