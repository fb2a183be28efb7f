"""What import makes of drug files, and what it says of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.drugs.drugs import drug_data
from tasks.importing.importer import import_release

LINES = ["ACH-1", "ACH-2", "ACH-3"]


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
def test_targets_are_matched_and_told(release: Path, tmp_path: Path, turned: bool):
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
