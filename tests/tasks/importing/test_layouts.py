"""Which files of a folder are taken, and that a new layout is one entry."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import BadInputError
from tasks.importing import layouts
from tasks.importing.importer import import_release
from tasks.importing.layouts import LAYOUTS, Layout, find_files


def test_the_newest_layout_and_the_joint_screens_win(tmp_path):
    for name in (
        "Achilles_gene_dependency.csv", "Achilles_gene_effect.csv", "CRISPR_gene_effect.csv.gz", "README.txt",
        "CCLE_expression.csv", "CCLE_expression_full.csv", "OmicsExpressionProteinCodingGenesTPMLogp1.csv",
        "sample_info.csv", "Model.csv", "ModelCondition.csv",
    ):  # fmt: skip
        (tmp_path / name).write_text("x")
    files = find_files(tmp_path, {})
    assert {role: path.name for role, path in files.paths.items()} == {
        "effect": "CRISPR_gene_effect.csv.gz",
        "expression": "OmicsExpressionProteinCodingGenesTPMLogp1.csv",
        "models": "Model.csv",
    }
    assert len(files.passed_over) == 4


def test_a_new_layout_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As CONTRIBUTING.md walks through it."""
    toy = Layout(
        "30Q1",
        effect="GeneEffect30",
        dependency="GeneDependency30",
        expression=r"Expression30(_v\d+)?",
        models="CellLines30",
    )
    monkeypatch.setattr(layouts, "LAYOUTS", (toy, *LAYOUTS))
    values = pd.DataFrame({"TP53 (7157)": [0.5, 1.5], "KRAS (3845)": [-1.0, 2.25]}, index=["ACH-1", "ACH-2"])
    values.to_csv(tmp_path / "GeneEffect30.csv")
    (values - 1).to_csv(tmp_path / "CRISPRGeneEffect.csv")  # an older layout's, passed over
    values.to_csv(tmp_path / "Expression30_v2.tsv", sep="\t")
    (tmp_path / "CellLines30.csv").write_text("ModelID,OncotreeLineage\nACH-1,Lung\nACH-2,Skin\n")
    dataset = import_release(tmp_path, out=tmp_path / "d")
    assert dataset.effect.tolist() == [[0.5, -1.0], [1.5, 2.25]]
    assert dataset.report["files"] == [
        "effect: GeneEffect30.csv", "expression: Expression30_v2.tsv", "models: CellLines30.csv"
    ]  # fmt: skip
    assert dataset.report["files passed over"] == ["CRISPRGeneEffect.csv (GeneEffect30.csv taken)"]
    (tmp_path / "CellLines30.csv").unlink()
    with pytest.raises(BadInputError, match=r"expected CellLines30\.csv, Model\.csv or sample_info\.csv"):
        find_files(tmp_path, {})


def test_an_effect_of_any_layout_goes_before_a_dependency_of_the_newest(tmp_path: Path):
    for name in ("CRISPRGeneDependency", "gene_effect_corrected", "CCLE_expression", "Model"):
        (tmp_path / f"{name}.csv").write_text("x")
    assert find_files(tmp_path, {}).paths["effect"].stem == "gene_effect_corrected"
