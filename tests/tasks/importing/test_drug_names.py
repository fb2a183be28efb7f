"""Drugs of a response found in a target table: by id, else by a name that settles it."""

from pathlib import Path

import pytest

from tasks.importing.drug_files import DrugTargets, read_drug_targets
from tasks.importing.drug_names import MatchedTargets, match_drugs
from tasks.importing.importer import read_matrix
from tasks.importing.matrices import DRUGS

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
    assert (found.by_name, found.unsettled, found.absent) == ({}, [], [])


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
    assert (found.unsettled, found.absent) == ([], [])


@pytest.mark.parametrize("drug", ["lapatinib", "shared"])
def test_a_name_of_unlike_targets_settles_nothing(drug: str):
    found = matched(drug)
    assert found.unsettled == [drug]
    assert (found.by_name, found.absent) == ({}, [])
    assert drug not in targets_of(found)


def test_a_drug_that_no_row_names_is_absent():
    found = matched("Nutlin-3", "Erlotinib X", "(-)")
    assert found.absent == ["Nutlin-3", "Erlotinib X", "(-)"]
    assert found.table.num_rows == len(ROWS)


def test_real_tables(real_data: Path):
    ours = read_drug_targets(real_data / "drug_targets.parquet")
    for name in ("ctrp_auc", "prism_secondary_auc_89"):
        found = match_drugs(ours, read_matrix(real_data / f"drug_response_{name}.parquet", DRUGS).columns)
        assert (found.table.num_rows, found.by_name, found.absent) == (1258, {}, [])
    drugs = read_matrix(real_data / "drug_response_ccle16_actarea.parquet", DRUGS).columns
    found = match_drugs(ours, drugs)
    assert found.absent == ["AEW541", "LBW242", "Nutlin-3", "TKI258"]
    assert found.unsettled == []
    assert len(found.by_name) == 12
    genes = targets_of(found)
    assert genes["AZD6244"] == "MAP2K1|MAP2K2"
    assert genes["Lapatinib"] == "EGFR|ERBB2"
    gdsc = read_drug_targets(real_data / "layouts" / "GDSC_Drug_list.2022.csv")
    found = match_drugs(gdsc, ["A-443654", "kin001-111", "Erlotinib"])
    assert found.by_name == {"A-443654": "86", "kin001-111": "55"}
