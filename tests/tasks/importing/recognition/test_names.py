"""Lines by their other names, genes by their ids, and names that a spreadsheet spoiled."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.importing.recognition.dates import dates_in_words, looks_like_date, strange_to_spreadsheets
from tasks.importing.recognition.gene_ids import (
    ENSEMBL,
    ENTREZ,
    SYMBOLS,
    GeneIds,
    ids_of_labels,
    kind_of_ids,
    renamed,
)
from tasks.importing.recognition.line_names import LineNames

NAMES = LineNames(
    {
        "ACH-000001": ["NIHOVCAR3_OVARY", "NIH:OVCAR-3", "905933"],
        "ACH-000002": ["HL60_BLOOD", "HL-60"],
        "ACH-000003": ["TT_THYROID", "TT"],
        "ACH-000004": ["TT_OESOPHAGUS", "T.T"],
        "ACH-000005": ["", "twin"],
        "ACH-000006": ["", "twin"],
    }
)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("ACH-000002", "ACH-000002"), ("NIHOVCAR3_OVARY", "ACH-000001"), ("905933", "ACH-000001"),
        ("ach-000001", "ACH-000001"),
        ("nih-ovcar3", "ACH-000001"), ("HL 60", "ACH-000002"), ("TT", "ACH-000003"), ("T.T", "ACH-000004"),
        ("t-t", ""), ("TT_THYROID", "ACH-000003"), ("twin", ""), ("Twin", ""), ("", ""), ("OVARY", ""),
    ],
)  # fmt: skip
def test_a_line_goes_by_a_name_that_it_has_alone(name: str, line: str):
    assert NAMES.id_of(name) == line


def test_lines_that_stand_across_are_told():
    lines, genes = ["HL60", "TT", "NIH:OVCAR-3"], ["TP53", "KRAS", "HL60"]
    assert NAMES.stands_across(genes, lines)
    assert not NAMES.stands_across(lines, genes)
    assert not NAMES.stands_across(lines, lines)
    assert LineNames({}).stands_across(["TP53"], ["ACH-000007", "ACH-000008", "x"])
    assert not NAMES.stands_across([], lines)


def test_every_name_of_the_real_models_table_is_the_lines_own_or_nobodys(real_data: Path):
    table = pd.read_parquet(real_data / "models.parquet").fillna("").astype(str)
    kinds = ["ccle_name", "cell_line_name", "stripped_name"]
    names = LineNames({line: row.tolist() for line, row in table[kinds].iterrows()})
    for kind in kinds:
        found = np.array([names.id_of(name) for name in table[kind]])
        known = table[kind].ne("").to_numpy()
        assert set(found[known & (found != table.index)]) <= {""}
        assert np.mean(found[known] == table.index[known]) > 0.97


def test_kinds_of_gene_ids():
    assert kind_of_ids(["ENSG00000141510.17", "ENSG00000133703", "TP53"]) == ENSEMBL
    assert kind_of_ids(["7157", "3845", "x"]) == ENTREZ
    assert kind_of_ids(["TP53 (7157)", "7SK", "ENSG00000133703"]) == SYMBOLS
    assert kind_of_ids([]) == SYMBOLS


def test_ids_become_symbols_and_second_ids_of_a_gene_are_dropped():
    genes = GeneIds({"ENSG00000000001": "A (1)", "ENSG00000000002": "A (1)", "ENSG00000000003": "B"})
    labels = [f"ENSG0000000000{i}" for i in (1, 2, 3, 4)] + ["ENSG00000000003.5", "C"]
    found = renamed(labels, ENSEMBL, genes)
    assert (found.labels, found.positions) == (["A (1)", "B", "ENSG00000000004", "C"], [0, 2, 3, 5])
    assert (found.found, found.unknown) == (4, ["ENSG00000000004"])
    assert found.twice == ["ENSG00000000002 (A)", "ENSG00000000003.5 (B)"]


def test_labels_give_ids():
    found = ids_of_labels(["TP53 (7157)", "TBCE (ENSG00000116957.3)", "X"], "file")
    assert found == GeneIds({"ENSG00000116957": "TBCE (ENSG00000116957.3)"}, {"7157": "TP53 (7157)"}, "file")


@pytest.mark.parametrize(
    "text",
    ["1-Mar", "02-Sep", "Sep-02", "2. Sep", "01. Mrz", "1-déc", "01.03.2024", "2024-03-01", "3/1/2024"],
)
def test_dates(text: str):
    assert looks_like_date(text)


def test_no_gene_symbol_is_a_date(real_data: Path):
    symbols = pd.read_parquet(real_data / "gene_classes_26q1.parquet")["gene_symbol"]
    assert dates_in_words(symbols) == ""
    assert not [
        name for name in ("MARCH1", "SEPT2", "DEC1", "1.5", "-1", "HLA-A", "12-3") if looks_like_date(name)
    ]


def test_dates_are_said_with_the_genes_they_may_have_been():
    words = dates_in_words(["TP53", "1-Mar", "2-Sep"])
    assert words.startswith("2 of 3 genes are dates: '1-Mar', '2-Sep' (once MARCH")
    assert "SEPT" in words


def test_formulas_numbers_and_nothing_are_told():
    names = ["=SUM(A1)", "+x", "-1", "@a", "NULL", "nan", "True", "697", "1e5", "2,5", "TP53", "A-1", "7SK"]
    assert strange_to_spreadsheets(names) == names[:10]
