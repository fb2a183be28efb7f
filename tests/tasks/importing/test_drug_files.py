"""Drug files in the layouts of PRISM, GDSC and CTRP exports."""

import numpy as np
import pytest

from tasks.importing.alignment import fit_to_lines
from tasks.importing.drug_files import read_drug_targets
from tasks.importing.importer import read_matrix
from tasks.importing.matrices import DRUGS, Matrix
from tasks.importing.recognition.line_names import LineNames

LINES = ["ACH-1", "ACH-2", "ACH-3"]
NAMES = LineNames(
    {"ACH-1": ["HELA_CERVIX", "HeLa"], "ACH-2": ["KU_SKIN", "KU"], "ACH-3": ["", "KU"], "ACH-9": ["OUT_LUNG"]}
)


def matrix(ids: list[str], columns: list[str]) -> Matrix:
    """A file whose cell holds 10 x row + column."""
    rows, places = np.arange(len(ids)), np.arange(len(columns))
    return Matrix("f", ids, columns, (10 * rows[None] + places[:, None]).astype(np.float32))


def test_lines_go_by_id_and_else_by_a_name_that_is_theirs_alone():
    found = fit_to_lines(
        matrix(["KU", "HELA_CERVIX", "ACH-2", "OUT_LUNG", "HeLa", "KU_SKIN"], ["A", "B"]), LINES, NAMES
    )
    np.testing.assert_array_equal(found.values, [[10, 11], [20, 21], [np.nan, np.nan]])
    assert found.renamed == ["HELA_CERVIX (ACH-1)"]
    assert found.others == ["KU", "OUT_LUNG", "HeLa", "KU_SKIN"]


def test_a_matrix_with_drugs_as_rows_is_turned():
    found = fit_to_lines(matrix(["BRD:BRD-K1", "BRD:BRD-K2"], ["ACH-7", "ACH-3", "HeLa"]), LINES, NAMES)
    assert found.columns == ["BRD:BRD-K1", "BRD:BRD-K2"]
    np.testing.assert_array_equal(found.values, [[2, 12], [np.nan, np.nan], [1, 11]])
    assert found.others == ["ACH-7"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("drug_id,target_genes\nD1,EGFR|ERBB2\nD2,\n", ["", ""]),
        # PRISM: secondary-screen-replicate-collapsed-treatment-info.csv, and the compound list since 24Q2
        (
            'column_name,broad_id,name,moa,target\nD1,BRD-1,x,EGFR inhibitor,"EGFR, ERBB2"\nD2,BRD-2,y,,\n',
            ["x", "y"],
        ),
        ('Drug.Name,repurposing_target,MOA,IDs\nx,"EGFR, ERBB2",EGFR inhibitor,D1\ny,,,D2\n', ["x", "y"]),
        # GDSC: header cells with leading blanks
        ('Drug Id, Name, Synonyms, Targets\n"D1","x","","EGFR, ERBB2"\n"D2","y","",""\n', ["x", "y"]),
    ],
)
def test_target_tables_of_several_sources(tmp_path, text: str, names: list[str]):
    (tmp_path / "targets.csv").write_text(text)
    read = read_drug_targets(tmp_path / "targets.csv")
    assert (read.ids, read.genes) == (["D1", "D2"], [["EGFR", "ERBB2"], []])
    assert read.names == names
    assert read.synonyms == [[], []]


def test_a_comma_within_a_synonym_does_not_part_it(tmp_path):
    (tmp_path / "t.csv").write_text('drug_id,targets,synonyms\nD1,EGFR,"5Z-7, 1S,3R-RSL|LL-Z;Q"\n')
    assert read_drug_targets(tmp_path / "t.csv").synonyms == [["5Z-7", "1S,3R-RSL", "LL-Z", "Q"]]


def test_real_layouts(real_data):
    gdsc = read_drug_targets(real_data / "layouts" / "GDSC_Drug_list.2022.csv")
    row = gdsc.ids.index("55")
    assert (gdsc.genes[row], gdsc.names[row], gdsc.synonyms[row]) == (
        ["LCK", "FYN"],
        "A-770041",
        ["KIN001-111"],
    )
    ours = read_drug_targets(real_data / "drug_targets.parquet")
    assert len(ours.ids) == 1258
    for name, drugs in (("ctrp_auc", 545), ("prism_secondary_auc_89", 89), ("ccle16_actarea", 16)):
        response = read_matrix(real_data / f"drug_response_{name}.parquet", DRUGS)
        found = fit_to_lines(response, sorted(response.ids))
        assert found.values.shape == (len(response.ids), drugs)
        assert found.others == []
