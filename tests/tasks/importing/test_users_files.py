"""Releases as users bring them: saved by a spreadsheet, with other names of lines and genes, or turned."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.dataset.dataset import Dataset
from tasks.errors import BadInputError
from tasks.importing.importer import WARNINGS, import_release

LINES = [f"ACH-{i:06d}" for i in range(1, 7)]
NAMES = ["HELA", "TT", "HL-60", "NIH:OVCAR-3", "K562", "T.T"]
GENES = ["TP53 (7157)", "KRAS (3845)", "EGFR (1956)"]
RNG = np.random.default_rng(5)
EFFECT = pd.DataFrame(RNG.normal(size=(6, 3)).round(3), LINES, GENES)
EXPRESSION = pd.DataFrame(RNG.gamma(2, 2, size=(6, 3)).round(3), LINES, GENES)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    EFFECT.to_csv(tmp_path / "effect.csv")
    EXPRESSION.to_csv(tmp_path / "expression.csv")
    ccle = [f"{''.join(c for c in name if c.isalnum())}_{i}SITE" for i, name in enumerate(NAMES)]
    pd.DataFrame(
        {"ModelID": LINES, "CellLineName": NAMES, "CCLEName": ccle, "OncotreeLineage": "Lung"}
    ).to_csv(tmp_path / "models.csv", index=False)
    return tmp_path


def imported(folder: Path, **named: object) -> Dataset:
    return import_release(folder, out=folder / "d", **named)


def refused(folder: Path, **named: object) -> list[str]:
    before = sorted(folder.rglob("*"))
    with pytest.raises(BadInputError) as caught:
        imported(folder, **named)
    assert sorted(folder.rglob("*")) == before
    return list(caught.value.problems)


def expect_the_release(dataset: Dataset) -> None:
    assert (dataset.cell_lines, dataset.targets) == (LINES, ["TP53", "KRAS", "EGFR"])
    np.testing.assert_array_equal(dataset.effect, EFFECT.to_numpy(np.float32))
    np.testing.assert_array_equal(dataset.expression, EXPRESSION.to_numpy(np.float32))
    assert dataset.report[WARNINGS] == []


def german(frame: pd.DataFrame, columns: int = 0, rows: int = 0) -> bytes:
    """As a German Excel saves "CSV UTF-8" of a table once larger."""
    lines = frame.to_csv(sep=";", decimal=",").splitlines()
    lines = [line + ";" * columns for line in lines] + [";" * (len(frame.columns) + columns)] * rows
    return b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode()


def test_files_saved_by_a_spreadsheet_are_read_and_it_is_said(release: Path):
    (release / "effect.csv").write_bytes(german(EFFECT, columns=2, rows=3))
    (release / "expression.csv").write_bytes(german(EXPRESSION))
    models = (release / "models.csv").read_text().replace(",", ";")
    (release / "models.csv").write_text("\ufeff" + models.replace("\n", ";;\n") + ";;;;;\n")
    dataset = imported(release)
    expect_the_release(dataset)
    assert dataset.lineages == ["Lung"] * 6
    said = "\n".join(dataset.report["files not written as plain text, and how they were read"])
    for words in (
        "effect.csv: a byte order mark, semicolons between values, decimal commas, "
        "2 empty columns at the end, dropped, 3 empty rows, dropped",
        "expression.csv: a byte order mark, semicolons between values, decimal commas",
        "models.csv: a byte order mark, semicolons between values, 2 empty columns at the end, dropped",
    ):
        assert words in said


def test_a_point_among_decimal_commas_is_named_with_its_place(release: Path):
    content = german(EFFECT).decode("utf-8-sig")
    rows = "".join(f"L{i};1,5;2,5;3,5\n" for i in range(300))  # past what the decision rests on
    (release / "effect.csv").write_text(content + rows + "X;1,5;2.5;3,5\n")
    (problem,) = refused(release)
    assert (
        "column 'KRAS (3845)': '2.5' in row 308 has a decimal point where other numbers have commas"
        in problem
    )


def test_lines_by_other_names_are_found_in_the_models_table(release: Path):
    other = {"HELA": "HELA_0SITE", "TT": "TT_1SITE", "HL-60": "hl60", "T.T": "TT_5SITE"}
    EFFECT.set_axis(NAMES).to_csv(release / "effect.csv")
    EXPRESSION.set_axis([other.get(name, name) for name in NAMES]).to_csv(release / "expression.csv")
    dataset = imported(release)
    expect_the_release(dataset)
    assert len(dataset.report["cell lines of the effect file known by another name"]) == 6
    assert "hl60 (ACH-000003)" in dataset.report["cell lines of the expression file known by another name"]


def test_a_line_under_two_names_is_refused(release: Path):
    EFFECT.set_axis(["HELA", "HELA_0SITE", *LINES[2:]]).to_csv(release / "effect.csv")
    (problem,) = refused(release)
    assert "effect.csv: 'HELA' and 'HELA_0SITE' are both cell line ACH-000001" in problem


@pytest.mark.parametrize("name", ["effect", "expression"])
@pytest.mark.parametrize("other", [None, NAMES])
def test_the_file_that_is_turned_is_blamed(release: Path, name: str, other: list[str] | None):
    frame = EFFECT if name == "effect" else EXPRESSION
    frame.set_axis(other or LINES).T.to_csv(release / f"{name}.csv")
    (problem,) = refused(release)
    assert problem.startswith(f"{release / name}.csv: cell lines stand as columns")


def test_files_given_to_each_others_option_are_refused(release: Path):
    files = {"effect": release / "expression.csv", "expression": release / "effect.csv"}
    (problem,) = refused(release, **files)
    assert "look swapped: the first reaches from" in problem


def test_a_turned_file_with_faults_is_called_turned_first(release: Path):
    turned = EXPRESSION.T
    turned.iloc[1] = np.nan
    turned.to_csv(release / "expression.csv")
    assert "cell lines stand as columns" in refused(release)[0]


def test_turned_files_of_unknown_lines_are_named_together(release: Path):
    lines = [f"X{i}" for i in range(6)]
    EFFECT.set_axis(lines).to_csv(release / "effect.csv")
    EXPRESSION.set_axis(lines).T.to_csv(release / "expression.csv")
    (problem,) = refused(release)
    assert "in one of them cell lines stand as columns" in problem


def test_ensembl_and_entrez_ids_become_symbols(release: Path):
    ensembl = ["ENSG00000141510.17", "ENSG00000133703.1", "ENSG00000146648"]
    EXPRESSION.set_axis(ensembl, axis=1).to_csv(release / "expression.csv")
    EFFECT.set_axis(["7157", "3845", "1956"], axis=1).to_csv(release / "effect.csv")
    dataset = imported(release)
    expect_the_release(dataset)
    assert dataset.gene_entrez.tolist() == [7157, 3845, 1956]
    said = "3 of 3 have a symbol by the ids that come with Knockcast"
    assert dataset.report["genes of the expression file"] == [f"Ensembl ids; {said}"]
    assert dataset.report["genes of the effect file"] == [f"Entrez ids; {said}"]


def test_a_table_of_ids_or_the_other_file_goes_before_the_ids_that_come_with_us(release: Path):
    unknown = ["ENSG00000999991.17", "ENSG00000999992.1", "ENSG00000999993"]
    EXPRESSION.set_axis(unknown, axis=1).to_csv(release / "expression.csv")
    (problem,) = refused(release)
    assert (
        "none of them is in the ids that come with Knockcast; name a table of both by --gene-ids" in problem
    )
    (release / "hgnc.txt").write_text(
        "hgnc_id\tsymbol\tentrez_id\tensembl_gene_id\nx\tTP53\t7157\tENSG00000999991\n"
        "y\tKRAS\t3845\tENSG00000999992\nz\tEGFR\t1956\tENSG00000999993\n"
    )
    dataset = imported(release, gene_ids=release / "hgnc.txt")
    expect_the_release(dataset)
    (said,) = dataset.report["genes of the expression file"]
    assert said == "Ensembl ids; 3 of 3 have a symbol by hgnc.txt and the ids that come with Knockcast"
    # A Dataset is a table, too.
    EXPRESSION.set_axis(["7157", "3845", "1956"], axis=1).to_csv(release / "expression.csv")
    expect_the_release(import_release(release, out=release / "d3", gene_ids=release / "d"))
    EFFECT.set_axis(["KRAS (7157)", "TP53 (3845)", "EGFR (1956)"], axis=1).to_csv(release / "effect.csv")
    assert import_release(release, out=release / "d4").genes == ["KRAS", "TP53", "EGFR"]


def test_unknown_ids_of_one_kind_in_both_files_stay(release: Path):
    ids = ["ENSG00000999991", "ENSG00000999992", "ENSG00000999993"]
    EXPRESSION.set_axis([f"{name}.3" for name in ids], axis=1).to_csv(release / "expression.csv")
    EFFECT.set_axis([f"{name}.12" for name in ids], axis=1).to_csv(release / "effect.csv")
    dataset = imported(release)
    assert dataset.genes == dataset.targets == ids
    assert dataset.own.tolist() == [0, 1, 2]


def test_columns_that_are_only_numbered_are_no_entrez_ids(release: Path):
    EXPRESSION.set_axis(["1", "2", "3"], axis=1).to_csv(release / "expression.csv")
    (problem,) = refused(release)
    assert "expression.csv: its columns are numbered (1, 2, 3); expected names of genes" in problem


def test_a_table_of_ids_that_is_none_is_refused(release: Path):
    (problem,) = refused(release, gene_ids=release / "models.csv")
    assert "expected a column symbol" in problem


def test_files_without_a_gene_in_common_are_refused(release: Path):
    EXPRESSION.set_axis(["Trp53", "Kras", "Egfr"], axis=1).to_csv(release / "expression.csv")
    (problem,) = refused(release)
    assert "no gene in common" in problem
    assert "2 would be the same but for capital letters" in problem


def test_a_symbol_given_twice_is_refused(release: Path):
    EXPRESSION.set_axis(["TP53 (7157)", "KRAS (3845)", "TP53"], axis=1).to_csv(release / "expression.csv")
    (problem,) = refused(release)
    assert "duplicate column 'TP53 (7157)': columns 2 and 4 name the same" in problem


def test_dates_and_turned_signs_are_warned_of(release: Path):
    EXPRESSION.set_axis(["TP53 (7157)", "1-Mar", "2-Sep"], axis=1).to_csv(release / "expression.csv")
    (-np.exp2(6 * EFFECT)).mul(-1).to_csv(release / "effect.csv")
    dates, sign = sorted(imported(release).report[WARNINGS], key=lambda words: "sign" in words)
    assert "2 of 3 genes are dates" in dates
    assert "sign turned" in sign


def test_ids_that_spreadsheets_spoil_are_said_and_ids_with_line_breaks_refused(release: Path):
    EFFECT.set_axis([*LINES[:3], "=A1", "-1", "NULL"]).to_csv(release / "effect.csv")
    said = imported(release).report["names that spreadsheets take for a formula, a number or nothing"]
    assert said == ["=A1", "-1", "NULL"]
    (release / "d2").mkdir()
    EFFECT.set_axis([*LINES[:3], "A\nB", "C\tD", "E\x1b"]).to_csv(release / "effect.csv")
    with pytest.raises(BadInputError) as caught:
        import_release(release, out=release / "d3")
    assert len(caught.value.problems) == 3
