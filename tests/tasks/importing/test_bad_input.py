"""Bad input: every problem is named with file and place, and nothing is written."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import BadInputError
from tasks.importing.importer import import_release

HEADER = ",TP53 (7157),KRAS (3845)"
GOOD = f"{HEADER}\nACH-1,0.5,-1.25\nACH-2,,0.75\nACH-3,1,2.5\n"
MODELS = "ModelID,OncotreeLineage\nACH-1,Lung\nACH-2,Skin\nACH-3,Lung\n"


def problems_of(folder: Path, out: str = "d", **options: object) -> list[str]:
    """Imports a folder that must be refused; the problems, after making sure that nothing was written."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(BadInputError) as caught:
        import_release(folder, out=folder / out, **options)
    assert sorted(folder.rglob("*")) == before
    return list(caught.value.problems)


@pytest.fixture
def release(tmp_path):
    (tmp_path / "effect.csv").write_text(GOOD)
    (tmp_path / "expression.csv").write_text(GOOD.replace(",,", ",7,"))
    (tmp_path / "models.csv").write_text(MODELS)
    return tmp_path


def test_the_good_release_is_good(release):
    assert import_release(release, out=release / "d").cell_lines == ["ACH-1", "ACH-2", "ACH-3"]


def test_blank_lines_are_no_problem(release):
    (release / "effect.csv").write_text(GOOD.replace("\nACH-2", "\n\nACH-2"))
    assert import_release(release, out=release / "d").cell_lines == ["ACH-1", "ACH-2", "ACH-3"]


# What stands in the file, and the words that its one problem must hold.
BAD_TEXT = {
    "empty": ("", ["empty"]),
    "blank": ("\n\n", ["empty", "row 1"]),
    "no rows": (f"{HEADER}\n", ["no rows"]),
    "no line end, no rows": (HEADER, ["no rows"]),
    "text": (GOOD.replace("0.75", "high"), ["row 3", "'KRAS (3845)'", "'high'", "not a number"]),
    "underscore": (GOOD.replace("0.75", "1_0"), ["row 3", "'1_0'", "not a number"]),
    "decimal comma": (GOOD.replace("0.75", '"0,75"'), ["row 3", "'0,75'", "decimal comma"]),
    "thousands": (GOOD.replace("0.5,-1.25", '"1,500","2,250"').replace("0.75", "3").replace("2.5", "2"),
                  ["'1,500'", "thousands"]),
    "date": (GOOD.replace("0.75", "01. Mai"), ["row 3", "'01. Mai'", "spreadsheet"]),
    "infinite": (GOOD.replace("0.75", "-inf"), ["row 3", "'KRAS (3845)'", "'-inf'", "finite"]),
    "too large": (GOOD.replace("0.75", "1e39"), ["row 3", "'1e39'", "finite"]),
    "row of NaN": (GOOD.replace("0.75", "NaN"), ["row 3", "'ACH-2'", "no value"]),
    "double line": (GOOD.replace("ACH-3", "ACH-1"), ["row 4", "duplicate cell line 'ACH-1'", "row 2"]),
    "no id": (GOOD.replace("ACH-3", ""), ["row 4", "no cell line id"]),
    "double gene": (GOOD.replace("KRAS (3845)", "TP53 (7157)"), ["column 'TP53 (7157)'", "2 and 3"]),
    "nameless gene": (GOOD.replace("KRAS (3845)", ""), ["column 3", "no name"]),
    "short row": (GOOD.replace("ACH-2,,", "ACH-2,"), ["row 3", "2 values", "names 3"]),
    "long row": (GOOD.replace("ACH-2,,", "ACH-2,,4,"), ["row 3", "4 values", "names 3"]),
    "cut": (GOOD[:-6], ["row 4", "2 values", "truncated"]),
    "after a blank line": (GOOD.replace("\nACH-2", "\n\nACH-2").replace("0.75", "x"), ["row 4", "'x'"]),
    "R header": (GOOD.replace(HEADER, HEADER[1:]), ["row 1", "3 values", "names 2", "misaligned"]),
    "semicolons, ragged": (GOOD.replace(",", ";") + "ACH-4;1\n", ["row 1", "wrong delimiter", "semicolons"]),
    "bars": (GOOD.replace(",", "|"), ["row 1", "one column"]),
    "one column": (GOOD.replace(",", ""), ["row 1", "one column"]),
    "row numbers": (GOOD.replace("ACH-", ""), ["first column", "counts the rows", "ModelID"]),
    "open quote": (GOOD.replace("0.75", '"0.75'), ["row 3"]),
}  # fmt: skip


@pytest.mark.parametrize("name", ["effect.csv", "expression.csv"])
@pytest.mark.parametrize("case", BAD_TEXT)
def test_a_bad_matrix_is_reported_by_file_and_place(release, name, case):
    content, words = BAD_TEXT[case]
    content = content.replace("ACH-2,,", "ACH-2,NA,") if name == "expression.csv" else content
    (release / name).write_text(content)
    (problem,) = problems_of(release)
    assert problem.startswith(f"{release / name}: ")
    assert [word for word in words if word not in problem] == []


def test_a_last_line_left_open_is_noted(release):
    (release / "effect.csv").write_text(GOOD[:-2])
    dataset = import_release(release, out=release / "d")
    assert dataset.report["text files whose last line is not closed (cut short?)"] == ["effect.csv"]


def test_utf_16_is_reported(release):
    (release / "effect.csv").write_text(GOOD, encoding="utf-16")
    (problem,) = problems_of(release)
    assert "UTF-16" in problem


@pytest.mark.parametrize(
    ("place", "words"),
    [("TP53 (7157)", ["row 1", "UTF-8"]), ("0.75", ["row 3", "'KRAS (3845)'", "UTF-8"])],
)
def test_bytes_that_are_not_utf_8_are_reported(release, place, words):
    (release / "effect.csv").write_bytes(GOOD.encode().replace(place.encode(), b"caf\xe9"))
    (problem,) = problems_of(release)
    assert [word for word in words if word not in problem] == []


def test_a_truncated_gz_is_reported(release):
    whole = gzip.compress((HEADER + "\n" + "".join(f"ACH-{i},{i * 0.37},{i}\n" for i in range(999))).encode())
    (release / "effect.csv").unlink()
    (release / "effect.csv.gz").write_bytes(whole[: len(whole) // 2])
    (problem,) = problems_of(release)
    assert "effect.csv.gz: row" in problem
    assert "truncated" in problem


def test_a_gz_that_is_none_is_reported(release):
    (release / "effect.csv").rename(release / "effect.csv.gz")
    (problem,) = problems_of(release)
    assert "effect.csv.gz: row 1" in problem
    assert "damaged" in problem


def test_damaged_parquet_is_reported(release):
    good = pd.read_csv(release / "effect.csv", index_col=0)
    (release / "effect.csv").unlink()
    good.to_parquet(release / "effect.parquet")
    content = (release / "effect.parquet").read_bytes()
    (release / "effect.parquet").write_bytes(content[: len(content) // 2])
    (problem,) = problems_of(release)
    assert "effect.parquet: not a readable Parquet file" in problem


def test_bad_parquet_values_are_reported(release):
    frame = pd.DataFrame(
        {"A": [1.0, np.inf, np.nan, 2.0], "B (1)": [1.0, 2.0, np.nan, 3.0], " B (1)": 1.0},
        index=["ACH-1", "ACH-1", "ACH-2", ""],
    )
    frame.loc["ACH-2"] = np.nan
    (release / "effect.csv").unlink()
    frame.to_parquet(release / "effect.parquet")
    problems = "\n".join(problems_of(release))
    for words in (
        "duplicate column 'B (1)': columns 2 and 3",
        "row 2: duplicate cell line 'ACH-1', already in row 1",
        "row 4: no cell line id",
        "column 'A': 'inf' in row 2 is not a finite number",
        "row 3: cell line 'ACH-2' has no value",
    ):
        assert words in problems


def test_text_columns_in_parquet_are_reported(release):
    frame = pd.DataFrame({"A": [1.0], "lineage": ["Lung"]}, index=["ACH-1"])
    (release / "effect.csv").unlink()
    frame.to_parquet(release / "effect.parquet")
    (problem,) = problems_of(release)
    assert "column 'lineage' holds" in problem
    frame.reset_index(drop=True)[["A"]].to_parquet(release / "effect.parquet")
    (problem,) = problems_of(release)
    assert "cell line ids" in problem


def test_problems_of_all_files_come_together(release):
    (release / "effect.csv").write_text(GOOD.replace("0.75", "x").replace("ACH-3", "ACH-1"))
    (release / "expression.csv").write_text(GOOD.replace("0.5", "inf"))
    (release / "models.csv").write_text(MODELS.replace("ACH-2", "ACH-1"))
    (release / "drug_response.csv").write_text("id,D1,D1\nACH-1,1,2\n")
    (release / "drug_targets.csv").write_text("drug_id,pathway\nD1,x\n")
    problems = problems_of(release)
    assert len(problems) == 6
    for name in ("effect", "expression", "models", "drug_response", "drug_targets"):
        assert any(f"{name}.csv" in problem for problem in problems)


def test_one_bad_column_is_one_problem_with_its_count(release):
    rows = "".join(f"ACH-{i},Lung,{i}\n" for i in range(2000))
    (release / "effect.csv").write_text(f"{HEADER}\n{rows}")
    (problem,) = problems_of(release)
    assert "'Lung' in row 2, 'Lung' in row 3, 'Lung' in row 4 and 1997 more rows" in problem


def test_at_most_fifty_problems_are_shown(release):
    rows = "".join(f"ACH-{i},1\n" for i in range(80))
    (release / "effect.csv").write_text(f"{HEADER}\nACH-X,1,1\n{rows}")
    with pytest.raises(BadInputError) as caught:
        import_release(release, out=release / "d")
    lines = str(caught.value).splitlines()
    assert len(lines) == 51
    assert lines[-1] == "... and 30 more problems"


def test_transposed_and_foreign_matrices_are_reported(release):
    pd.read_csv(release / "effect.csv", index_col=0).T.to_csv(release / "effect.csv")
    (problem,) = problems_of(release)
    assert "transpose" in problem
    (release / "effect.csv").write_text(GOOD.replace("ACH-", "SIDM"))
    (problem,) = problems_of(release)
    assert "no shared cell lines" in problem
    assert "SIDM1" in problem


def test_missing_files_are_reported_by_the_names_expected(tmp_path):
    problems = problems_of(tmp_path)
    assert len(problems) == 3
    for name in ("CRISPRGeneEffect.csv", "CCLE_expression.csv", "Model.csv or sample_info.csv"):
        assert any(name in problem for problem in problems)


def test_sources_that_are_no_folder_are_reported(release):
    for source, words in ((release / "nowhere", "not there"), (release / "effect.csv", "--effect")):
        with pytest.raises(BadInputError) as caught:
            import_release(source, out=release / "d")
        assert words in caught.value.problems[0]
    with pytest.raises(BadInputError, match="no effect file: name one by --effect"):
        import_release(out=release / "d")


def test_named_files_that_cannot_be_used_are_reported(release):
    (release / "effect.xlsx").write_bytes(b"PK")
    named = {"effect": release / "effect.xlsx", "models": release / "gone.csv"}
    problems = problems_of(release, **named)
    assert [p for p in problems if "unknown file type" in p and "effect.xlsx" in p]
    assert [p for p in problems if "no such file" in p and "--models" in p]


BAD_MODELS = {
    "no ids": (MODELS.replace("ModelID", "name"), ["no column of cell line ids", "'name'"]),
    "double": (MODELS.replace("ACH-2", "ACH-1"), ["row 3", "duplicate cell line 'ACH-1'"]),
    "ragged": (MODELS.replace(",Skin", ""), ["row 3", "1 values", "names 2"]),
    "empty": ("", ["empty"]),
    "no rows": ("ModelID,OncotreeLineage\n", ["no rows"]),
}


@pytest.mark.parametrize("case", BAD_MODELS)
def test_a_bad_models_table_is_reported(release, case):
    content, words = BAD_MODELS[case]
    (release / "models.csv").write_text(content)
    (problem,) = problems_of(release)
    assert problem.startswith(f"{release / 'models.csv'}: ")
    assert [word for word in words if word not in problem] == []


def test_no_default_entry_and_bad_cells_in_other_entries_are_reported(release):
    header = ",ModelID,IsDefaultEntryForModel,TP53 (7157)"
    (release / "expression.csv").write_text(f"{header}\n0,ACH-1,No,1\n1,ACH-2,No,2\n")
    (problem,) = problems_of(release)
    assert "IsDefaultEntryForModel" in problem
    (release / "expression.csv").write_text(f"{header}\n0,ACH-1,Yes,1\n1,ACH-1,No,oops\n")
    (problem,) = problems_of(release)
    assert "'oops' in row 3" in problem
    (release / "expression.csv").write_text(f"{header}\n0,ACH-1,Yes,1\n1,ACH-1,Yes,2\n")
    (problem,) = problems_of(release)
    assert "row 3: duplicate cell line 'ACH-1', already in row 2" in problem


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"measure": "dependency"}, "--measure dependency does not fit"),
        ({"measure": "level"}, "--measure level does not fit"),
        ({"measure": "ceres"}, "expected effect, dependency or level"),
        ({"min_coverage": 0}, "--min-coverage 0"),
        ({"min_coverage": 90}, "--min-coverage 90"),
    ],
)
def test_options_that_cannot_be_are_reported(release, options, words):
    (problem,) = problems_of(release, **options)
    assert words in problem


def test_nothing_dense_left_is_reported(release):
    (release / "expression.csv").write_text(f"{HEADER}\nACH-1,,1\nACH-2,1,\n")
    (problem,) = problems_of(release, min_coverage=0.5)
    assert "--min-coverage" in problem
