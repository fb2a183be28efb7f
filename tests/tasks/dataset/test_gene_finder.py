import pytest

from tasks.dataset.gene_finder import GeneFinder
from tasks.errors import BadInputError

LABELS = ["CTNNB1", "C1orf43", "MATR3 (9782)", "MATR3 (100)", "TBCE (ENSG00000284770)", "SMARCA4"]
FINDER = GeneFinder(
    LABELS,
    [1499, 25912, 9782, 100, 0, 6597],
    [("BRG1", "SMARCA4"), ("ENSG00000168036", "CTNNB1"), ("SMARCA4", "X"), ("PMEL", "SILV")],
)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("CTNNB1", "CTNNB1"),
        ("ctnnb1", "CTNNB1"),
        (" Ctnnb1 ", "CTNNB1"),
        ("1499", "CTNNB1"),
        ("CTNNB1 (1499)", "CTNNB1"),
        ("ENSG00000168036", "CTNNB1"),
        ("ensg00000168036.18", "CTNNB1"),
        ("C1ORF43", "C1orf43"),
        ("brg1", "SMARCA4"),
        ("BRG1 (6597)", "SMARCA4"),
        ("MATR3 (100)", "MATR3 (100)"),
        ("9782", "MATR3 (9782)"),
        ("ENSG00000284770.1", "TBCE (ENSG00000284770)"),
        ("tbce", "TBCE (ENSG00000284770)"),
    ],
)
def test_a_gene_is_found_by_every_name(name: str, label: str) -> None:
    assert FINDER.find(name) == label


def test_a_symbol_of_two_genes_is_asked_back() -> None:
    with pytest.raises(BadInputError, match=r"matr3: may be MATR3 \(100\) or MATR3 \(9782\); give one"):
        FINDER.find("matr3")


def test_an_unknown_name_gets_close_ones() -> None:
    with pytest.raises(BadInputError, match="CTNB1: not a target of this store; did you mean CTNNB1"):
        FINDER.find("CTNB1")
    with pytest.raises(BadInputError, match="`knockcast top STORE` lists its targets"):
        FINDER.find("zzzzzz")
    with pytest.raises(BadInputError, match="--gene-ids takes a table of further ids"):
        FINDER.find("ENSG00000999999")
    for odd in ("", "*", "0"):
        with pytest.raises(BadInputError, match="not a target"):
            FINDER.find(odd)


def test_an_alias_of_two_genes_is_asked_back_and_a_symbol_goes_before_it() -> None:
    finder = GeneFinder(["A", "B", "C"], aliases=[("X", "A"), ("X", "B"), ("C", "A")])
    assert finder.find("C") == "C"
    with pytest.raises(BadInputError, match="x: may be A or B"):
        finder.find("x")
