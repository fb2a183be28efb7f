import numpy as np
import pytest

from tasks.dataset.gene_labels import GeneLabel, duplicate_genes, name_genes, own_columns, parse_gene_label


@pytest.mark.parametrize(
    ("label", "symbol", "entrez", "understood"),
    [
        ("TP53 (7157)", "TP53", 7157, True),
        ("TP53", "TP53", 0, True),
        (" TP53 (7157) ", "TP53", 7157, True),
        ("HLA-A (3105)", "HLA-A", 3105, True),
        ("C1orf112 (nan)", "C1orf112", 0, True),
        ("FOO (Unknown)", "FOO", 0, True),
        ("TSPAN6 (ENSG00000000003)", "TSPAN6", 0, True),
        ("TP53..7157.", "TP53", 7157, True),
        ("AC093323.1", "AC093323.1", 0, True),
        ("NAT2&NAT3 (10&11)", "NAT2&NAT3 (10&11)", 0, False),
        ("CIL56 (CTRP:100490)", "CIL56 (CTRP:100490)", 0, False),
        ("A1BG (1).1", "A1BG (1).1", 0, False),
        ("two words", "two words", 0, False),
        ("", "", 0, False),
    ],
)
def test_labels_as_releases_write_them(label, symbol, entrez, understood):
    found = parse_gene_label(label)
    assert (found.symbol, found.entrez, found.understood) == (symbol, entrez, understood)


def test_ensembl_ids_tell_genes_of_one_symbol_apart():
    labels = ["TBCE (ENSG00000116957)", "TBCE (ENSG00000285053)"]
    assert parse_gene_label(labels[0]) == GeneLabel("TBCE", 0, True, "ENSG00000116957")
    assert duplicate_genes(labels) == []
    assert list(name_genes(labels)[0].labels) == labels


def test_shared_symbols_get_their_entrez_in_the_label():
    names, strange = name_genes(["DUX4 (1)", "TP53 (7157)", "DUX4 (2)", "odd label"])
    assert names.labels == ("DUX4 (1)", "TP53", "DUX4 (2)", "odd label")
    assert names.symbols == ("DUX4", "TP53", "DUX4", "odd label")
    assert names.entrez.tolist() == [1, 7157, 2, 0]
    assert strange == ["odd label"]
    assert names.take([2, 1]).labels == ("DUX4 (2)", "TP53")


def test_stored_labels_give_back_symbol_and_entrez():
    names, _ = name_genes(["DUX4 (1)", "TP53", "DUX4 (2)", "odd label"])
    again, _ = name_genes(names.labels)
    assert again.labels == names.labels
    assert again.symbols == names.symbols


def test_one_gene_named_twice_is_found_whatever_the_spelling():
    labels = ["TP53 (7157)", "KRAS", " TP53 (7157)", "KRAS (3845)", "KRAS (nan)", "DUX4 (1)", "DUX4 (2)"]
    assert duplicate_genes(labels) == [("TP53 (7157)", [0, 2]), ("KRAS", [1, 3, 4])]


def test_own_expression_is_found_by_entrez_before_symbol():
    genes, _ = name_genes(["OLDNAME (5)", "NEW (9)", "PLAIN", "TWIN (1)", "TWIN (2)", "SAME (7)"])
    targets, _ = name_genes(["NEWNAME (5)", "NEW (8)", "PLAIN (3)", "TWIN", "SAME", "ABSENT (4)"])
    assert own_columns(targets, genes).tolist() == [0, -1, 2, -1, 5, -1]
    assert own_columns(targets, genes).dtype == np.int64
