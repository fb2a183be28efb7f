import pytest

from tasks.importing.columns import is_default_entry, plan_columns
from tasks.importing.layouts import find_files
from tasks.importing.matrices import file_type


@pytest.mark.parametrize(
    ("header", "identifier", "values", "default"),
    [
        (["", "A (1)", "B (2)"], 0, (1, 2), None),
        (["DepMap_ID", "A (1)"], 0, (1,), None),
        (["A", "B", "model_id"], 2, (0, 1), None),
        (["", "SequencingID", "ModelID", "IsDefaultEntryForModel", "ModelConditionID", "A"], 2, (5,), 3),
        (
            ["", "ModelConditionID", "ModelID", "IsDefaultEntryForMC", "IsDefaultEntryForModel", "A"],
            2,
            (5,),
            4,
        ),
        (["depmap_id", "cell_line_display_name", "lineage_1", "A"], 0, (3,), None),
        (["Unnamed: 0", "ModelID", "A"], 1, (2,), None),
        (["first", "A", "ModelID"], 2, (0, 1), None),
    ],
)
def test_headers_of_releases_and_portal(header, identifier, values, default):
    plan = plan_columns(header)
    assert (plan.identifier, plan.values, plan.default) == (identifier, values, default)


@pytest.mark.parametrize(
    ("text", "yes"), [("Yes", True), ("True", True), ("1", True), ("No", False), ("", False)]
)
def test_default_entries(text, yes):
    assert is_default_entry(text) is yes


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", ".csv"), ("a.b.CSV.GZ", ".csv"), ("a.tsv", ".tsv"), ("a.parquet", ".parquet"), ("a", ""),
        ("a.xlsx", ""), ("a.parquet.gz", ""), ("a.gz", ""), (".csv", ""),
    ],
)  # fmt: skip
def test_file_types(tmp_path, name, kind):
    assert file_type(tmp_path / name) == kind


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
