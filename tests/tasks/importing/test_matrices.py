import pytest

from tasks.importing.matrices import is_default_entry, plan_columns


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
        (["*", "A", "ModelID"], 2, (0, 1), None),
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
