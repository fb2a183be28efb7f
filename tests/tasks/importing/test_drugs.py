"""Drugs of a response found in a target table, and what an import reports of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.drugs.drugs import drug_data
from tasks.importing.drug_files import DrugTargets, read_drug_targets
from tasks.importing.drugs import MatchedTargets, match_drugs
from tasks.importing.importer import import_release, read_matrix
from tasks.importing.matrices import DRUGS

LINES = ["ACH-1", "ACH-2", "ACH-3"]
ROWS = [
    # id, genes, name, synonyms
    ("1", ["EGFR"], "Erlotinib", ["Tarceva", "OSI-774"]),
    ("2", ["EGFR"], "Erlotinib", []),
    ("3", ["EGFR", "ERBB2"], "Lapatinib", []),
    ("4", ["EGFR"], "LAPATINIB", []),
    ("5", ["MET", "ALK"], "Crizotinib", ["PF-2341066", "Shared"]),
    ("6", ["ALK", "MET"], "crizotinib", []),
    ("7", [], "Paclitaxel", ["Shared"]),
    ("BRD:K-8", ["TOP1"], "", []),
    ("9", ["SRC"], "AZD 0530", ["Erlotinib", "--"]),
]


def matched(*drugs: str) -> MatchedTargets:
    return match_drugs(DrugTargets(*map(list, zip(*ROWS, strict=True))), drugs)


def targets_of(found: MatchedTargets) -> dict[str, str]:
    return {row["drug_id"]: row["target_genes"] for row in found.table.to_pylist()}


def test_a_table_matched_by_id_stays_as_it_was():
    found = matched("9", "1", "7", "BRD:K-8")
    assert found.table.to_pylist() == [{"drug_id": row[0], "target_genes": "|".join(row[1])} for row in ROWS]
    assert (found.by_name, found.ambiguous, found.absent) == ({}, [], [])


@pytest.mark.parametrize(
    ("drug", "drug_id", "genes"),
    [
        ("Erlotinib", "1", "EGFR"),  # two rows of equal targets; names before the synonym of row 9
        ("ERLOTINIB", "1", "EGFR"),
        ("Lapatinib", "3", "EGFR|ERBB2"),  # as it is written before other cases
        ("LAPATINIB", "4", "EGFR"),
        ("CRIZOTINIB", "5", "MET|ALK"),  # equal targets in another order
        ("AZD-0530", "9", "SRC"),
        ("pf2341066", "5", "MET|ALK"),
        ("osi 774", "1", "EGFR"),
        ("Paclitaxel", "7", ""),  # known, of no known target
        ("BRD.K.8", "BRD:K-8", "TOP1"),  # an id as R writes it
    ],
)
def test_a_drug_is_found_by_a_name_that_settles_it(drug: str, drug_id: str, genes: str):
    found = matched("1", drug)
    assert found.by_name == {drug: drug_id}
    assert found.table.num_rows == len(ROWS) + 1
    assert targets_of(found)[drug] == genes
    assert (found.ambiguous, found.absent) == ([], [])


@pytest.mark.parametrize("drug", ["lapatinib", "shared"])
def test_a_name_of_unlike_targets_settles_nothing(drug: str):
    found = matched(drug)
    assert found.ambiguous == [drug]
    assert (found.by_name, found.absent) == ({}, [])
    assert drug not in targets_of(found)


def test_a_drug_that_no_row_names_is_absent():
    found = matched("Nutlin-3", "Erlotinib X", "(-)")
    assert found.absent == ["Nutlin-3", "Erlotinib X", "(-)"]
    assert found.table.num_rows == len(ROWS)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Gene EMPTY has no effect in any line, so it is nobody's target in the effect."""
    folder = tmp_path / "release"
    folder.mkdir()
    values = np.arange(12.0).reshape(3, 4) / 7
    values[:, 3] = np.nan
    for name, genes in (("effect", ["A", "B", "NOT_TOLD", "EMPTY"]), ("expression", ["A", "B", "NOT_HIT"])):
        frame = pd.DataFrame(values[:, : len(genes)], index=LINES, columns=genes)
        frame.to_csv(folder / f"{name}.csv")
    (folder / "Model.csv").write_text("ModelID,OncotreeLineage\n" + "".join(f"{x},Lung\n" for x in LINES))
    (folder / "drug_targets.csv").write_text(
        "drug_id,name,synonyms,target_genes\n"
        "D1,x,,A|B\n"
        "N2,Drug Two,,A|p53 family\n"
        "N3,y,D3,NOT_HIT|NOT_TOLD\n"
        "N4,Twice,,A\n"
        "N5,Twice,,B\n"
        "D6,z,,NOT_TOLD|EMPTY\n"
        "N7,unused,,not asked for\n"
    )
    return folder


@pytest.mark.parametrize("turned", [False, True])
def test_targets_are_matched_and_reported(release: Path, tmp_path: Path, turned: bool):
    drugs = ["D1", "Drug two", "d-3", "Other", "Twice", "D6"]
    response = pd.DataFrame(np.ones((3, 6)), index=LINES, columns=drugs)
    (response.T if turned else response).to_csv(release / "drug_response.csv")
    dataset = import_release(release, out=tmp_path / "d")
    report = {what.partition(" that are no gene")[0]: said for what, said in dataset.report.items()}
    assert report["drug targets"] == "4 of 6 drugs have target genes (3 of them in expression and effect)"
    assert report["drugs matched to the target table by name"] == ["Drug two (N2)", "d-3 (N3)"]
    assert report["drugs not matched: rows of the target table share the name, with unlike targets"] == [
        "Twice"
    ]
    assert report["drugs not in the target table"] == ["Other"]
    assert report["target words"] == ["p53 family"]
    counts = drug_data(dataset).counts()
    assert (counts["drugs"], counts["used"]) == (6, 3)
    assert dataset.drug_targets is not None
    assert dataset.drug_targets.num_rows == 9
    assert dataset.drug_targets.to_pylist()[7:] == [
        {"drug_id": "Drug two", "target_genes": "A|p53 family"},
        {"drug_id": "d-3", "target_genes": "NOT_HIT|NOT_TOLD"},
    ]


def test_a_target_table_alone_is_kept_as_it_is(release: Path, tmp_path: Path):
    dataset = import_release(release, out=tmp_path / "d")
    assert dataset.drug_targets is not None
    assert dataset.drug_targets.num_rows == 7
    assert dataset.drug_targets.to_pylist()[3] == {"drug_id": "N4", "target_genes": "A"}
    assert not [what for what in dataset.report if "drug" in what or "target words" in what]


def test_a_response_alone_is_imported_without_a_word_of_targets(release: Path, tmp_path: Path):
    (release / "drug_targets.csv").unlink()
    (release / "drug_response.csv").write_text("id,D1\nACH-2,0.5\n")
    dataset = import_release(release, out=tmp_path / "d")
    assert (dataset.drugs, dataset.drug_targets) == (["D1"], None)
    assert "drug targets" not in dataset.report


def test_real_tables(real_data: Path):
    ours = read_drug_targets(real_data / "drug_targets.parquet")
    for name in ("ctrp_auc", "prism_secondary_auc_89"):
        found = match_drugs(ours, read_matrix(real_data / f"drug_response_{name}.parquet", DRUGS).columns)
        assert (found.table.num_rows, found.by_name, found.absent) == (1258, {}, [])
    drugs = read_matrix(real_data / "drug_response_ccle16_actarea.parquet", DRUGS).columns
    found = match_drugs(ours, drugs)
    assert found.absent == ["AEW541", "LBW242", "Nutlin-3", "TKI258"]
    assert found.ambiguous == []
    assert len(found.by_name) == 12
    genes = targets_of(found)
    assert genes["AZD6244"] == "MAP2K1|MAP2K2"
    assert genes["Lapatinib"] == "EGFR|ERBB2"
    gdsc = read_drug_targets(real_data / "layouts" / "GDSC_Drug_list.2022.csv")
    found = match_drugs(gdsc, ["A-443654", "kin001-111", "Erlotinib"])
    assert found.by_name == {"A-443654": "86", "kin001-111": "55"}
