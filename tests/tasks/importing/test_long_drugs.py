"""Drug responses as long tables, in the columns of PRISM, GDSC and CTRP."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import BadInputError
from tasks.importing.drug_files import is_long, read_long_response
from tasks.importing.importer import import_release
from tasks.importing.recognition.line_names import LineNames

NAMES = LineNames(
    {"ACH-000001": ["HELA_CERVIX", "HeLa", "SIDM1", "905933"], "ACH-000002": ["K562_BLOOD", "K-562"]}
)
GDSC = """DATASET,ID,COSMIC_ID,CELL_LINE_NAME,SANGER_MODEL_ID,DRUG_ID,DRUG_NAME,PUTATIVE_TARGET,LN_IC50,AUC
GDSC1,1,905933,HeLa,SIDM1,1,Erlotinib,EGFR,2.5,0.9
GDSC1,1,1,K-562,SIDM2,1,Erlotinib,EGFR,1.5,0.7
GDSC1,1,905933,HeLa,SIDM1,1062,Selumetinib,"MEK1, MEK2",1,0.5
GDSC2,2,905933,HeLa,SIDM1,1498,Selumetinib,"MEK1, MEK2",1,0.25
GDSC2,2,905933,HeLa,SIDM1,1498,Selumetinib,"MEK1, MEK2",1,0.75
GDSC2,2,1,K-562,SIDM2,1498,Selumetinib,"MEK1, MEK2",1,
"""
PRISM = """broad_id,depmap_id,ccle_name,screen_id,auc,ec50,ic50,name,moa,target,row_name
BRD-K1,ACH-000001,HELA_CERVIX,MTS010,0.5,1,,erlotinib,EGFR inhibitor,"EGFR, ERBB2",x
BRD-K1,ACH-000002,K562_BLOOD,MTS010,0.75,1,,erlotinib,EGFR inhibitor,"EGFR, ERBB2",x
"""
CTRP = {
    "v20.data.curves_post_qc.txt": "experiment_id\tapparent_ec50\tarea_under_curve\tmaster_cpd_id\n"
    "1\t3\t14.5\t77\n2\t3\t13.5\t77\n2\t3\t12\t78\n",
    "v20.meta.per_experiment.txt": "experiment_id\trun\tmaster_ccl_id\n1\ta\t10\n1\tb\t10\n2\ta\t20\n",
    "v20.meta.per_cell_line.txt": "master_ccl_id\tccl_name\n10\tHELA\n20\tK562\n",
    "v20.meta.per_compound.txt": "master_cpd_id\tcpd_name\tgene_symbol_of_protein_target\n"
    "77\terlotinib\tEGFR;ERBB2\n78\tmystery\t\n",
}


def written(folder: Path, text: str, name: str = "long.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_gdsc_with_ids_that_share_a_name_and_replicates(tmp_path: Path):
    path = written(tmp_path, GDSC)
    assert is_long(path)
    found = read_long_response(path, NAMES)
    assert found.matrix.ids == ["ACH-000001", "ACH-000002"]
    assert found.matrix.columns == ["Erlotinib", "Selumetinib (1062)", "Selumetinib (1498)"]
    np.testing.assert_array_equal(
        found.matrix.values, np.array([[0.9, 0.7], [0.5, np.nan], [0.5, np.nan]], np.float32)
    )
    assert found.targets is not None
    assert found.targets.genes == [["EGFR"], ["MEK1", "MEK2"], ["MEK1", "MEK2"]]
    assert found.matrix.notes == (
        "a long table of 6 rows, of which column AUC is taken (LN_IC50 by --drug-value)",
        "1 pairs of line and drug stand there several times and are averaged",
    )
    other = read_long_response(path, NAMES, "ln_ic50").matrix
    np.testing.assert_array_equal(other.values[0], [2.5, 1.5])


def test_prism_and_ctrp(tmp_path: Path):
    found = read_long_response(written(tmp_path, PRISM), NAMES)
    assert (found.matrix.columns, found.matrix.values.tolist()) == (["erlotinib"], [[0.5, 0.75]])
    for name, text in CTRP.items():
        path = written(tmp_path, text, name)
    path = tmp_path / next(iter(CTRP))
    assert is_long(path)
    found = read_long_response(path, NAMES)
    assert (found.matrix.ids, found.matrix.columns) == (
        ["ACH-000001", "ACH-000002"],
        ["erlotinib", "mystery"],
    )
    np.testing.assert_array_equal(found.matrix.values, [[14.5, 13.5], [np.nan, 12]])
    assert found.targets is not None
    assert found.targets.genes == [["EGFR", "ERBB2"], []]
    (tmp_path / "v20.meta.per_compound.txt").unlink()
    with pytest.raises(BadInputError, match="put its tables"):
        read_long_response(path, NAMES)


def test_matrices_are_not_long(tmp_path: Path):
    for header in ("ModelID,erlotinib,AUC\n", ",name,drug\n", "depmap_id,broad_id\n"):
        assert not is_long(written(tmp_path, header + "ACH-000001,1,2\n"))
    frame = pd.DataFrame({"depmap_id": ["ACH-000001"], "name": ["x"], "auc": [0.5]})
    frame.to_parquet(tmp_path / "long.parquet")
    assert is_long(tmp_path / "long.parquet")
    assert read_long_response(tmp_path / "long.parquet", NAMES).matrix.values.tolist() == [[0.5]]


def test_values_that_are_concentrations_are_taken_only_if_named(tmp_path: Path):
    path = written(tmp_path, PRISM.replace(",auc,", ",response,"))
    assert is_long(path)
    with pytest.raises(BadInputError, match=r"which column holds the values\? found .*give --drug-value"):
        read_long_response(path, NAMES)
    assert read_long_response(path, NAMES, "EC50").matrix.values.tolist() == [[1, 1]]
    header, rows = PRISM.split("\n", 1)
    other = written(tmp_path, header.replace("auc,ec50,ic50", "response,a,b") + "\n" + rows)
    assert (is_long(other), is_long(other, "Response")) == (False, True)
    assert read_long_response(other, NAMES, "Response").matrix.values.tolist() == [[0.5, 0.75]]


def test_every_bad_row_is_named(tmp_path: Path):
    text = (
        PRISM.replace("0.75", "high").replace("ACH-000001,HELA_CERVIX", ",")
        + 'B,ACH-000002,x,s,1,,,"a\tb",,,\n'
    )
    path = written(tmp_path, text)
    with pytest.raises(BadInputError) as caught:
        read_long_response(path, NAMES)
    assert len(caught.value.problems) == 3
    for problem, words in zip(
        caught.value.problems,
        ("row 2: no cell line", "row 4: drug 'a\\tb' contains", "'high' in row 3"),
        strict=True,
    ):
        assert words in problem
    with pytest.raises(BadInputError, match="--drug-value IC90: no such column; found broad_id"):
        read_long_response(path, NAMES, "IC90")
    with pytest.raises(BadInputError, match="'ic50' holds no value"):
        read_long_response(written(tmp_path, PRISM), NAMES, "ic50")


def test_a_long_table_is_imported_with_its_own_targets(tmp_path: Path):
    lines = ["ACH-000001", "ACH-000002", "ACH-000003"]
    frame = pd.DataFrame(np.random.default_rng(0).random((3, 2)), lines, ["EGFR", "TP53"])
    frame.to_csv(tmp_path / "effect.csv")
    frame.to_csv(tmp_path / "expression.csv")
    pd.DataFrame(
        {"ModelID": lines, "SangerModelID": ["SIDM1", "SIDM2", ""], "OncotreeLineage": "Lung"}
    ).to_csv(tmp_path / "models.csv", index=False)
    written(tmp_path, GDSC, "drug_response.csv")
    dataset = import_release(tmp_path, out=tmp_path / "d")
    assert dataset.drugs == ["Erlotinib", "Selumetinib (1062)", "Selumetinib (1498)"]
    assert dataset.drug_response is not None
    np.testing.assert_array_equal(dataset.drug_response[:, 0], np.array([0.9, 0.7, np.nan], np.float32))
    assert dataset.report["drug targets"].startswith("3 of 3 drugs have target genes (1 of them")
    assert (
        "a long table of 6 rows"
        in dataset.report["files not written as plain text, and how they were read"][0]
    )
    # A table of targets wins; the id in brackets finds its row.
    written(
        tmp_path,
        "drug_id,name,targets\n1062,Selumetinib,MAP2K1\n1498,Selumetinib,MAP2K2\n",
        "drug_targets.csv",
    )
    dataset = import_release(tmp_path, out=tmp_path / "d2")
    assert dataset.drug_targets is not None
    found = dict(zip(*dataset.drug_targets.to_pydict().values(), strict=True))
    assert (found["Selumetinib (1062)"], found["Selumetinib (1498)"]) == ("MAP2K1", "MAP2K2")
