"""Which gene a label means, by whatever id; maps of ids that users have; genome builds."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import BadInputError
from tasks.samples.gene_ids import ALIAS, ENSEMBL, ENTREZ, SYMBOL, genome_build, index_of, looks_like
from tasks.samples.gene_map import GeneMap, Record, read_gene_map
from tasks.samples.renamed import RENAMED

GENES = ["FLT3", "KMT2D", "PMEL", "C1orf112", "DUX4 (1)", "DUX4 (2)", "TP53"]
HGNC = pd.DataFrame(
    {
        "symbol": ["FLT3", "KMT2D", "FIRRM", "TP53", "LFS1", "CD135"],
        "entrez_id": ["2322", "8085", "55732", "7157", "99", "98"],
        "ensembl_gene_id": [
            "ENSG00000122025",
            "ENSG00000167548",
            "ENSG00000000460",
            "ENSG00000141510",
            "",
            "",
        ],
        "alias_symbol": ["CD135|FLK2", "ALR|MLL4", "", "p53|LFS1", "", ""],
        "prev_symbol": ["", "MLL2", "C1orf112", "", "", ""],
    }
)


@pytest.fixture
def hgnc(tmp_path: Path) -> Path:
    HGNC.to_csv(tmp_path / "hgnc.txt", sep="\t", index=False)
    return tmp_path / "hgnc.txt"


def found(label: str, **known: object) -> tuple[str, str] | None:
    made = index_of(GENES, **known).find(label)  # type: ignore[arg-type]
    return None if made is None else (made.gene, made.kind)


def test_symbols_are_found_in_any_case_and_with_ids():
    assert (
        found("FLT3") == found(" flt3 ") == found("FLT3 (2322)") == found("FLT3..2322.") == ("FLT3", SYMBOL)
    )
    assert found("c1ORF112") == ("C1orf112", SYMBOL)
    assert found("DUX4 (2)") == ("DUX4 (2)", SYMBOL)
    assert found("DUX4") is None  # of two genes it is not known which
    assert found("STRANGE") is None
    assert found("") is None


def test_older_and_newer_symbols_are_aliases_but_never_of_a_gene_that_is_there():
    assert found("SILV") == ("PMEL", ALIAS)
    assert found("MLL2") == ("KMT2D", ALIAS)
    assert found("FIRRM") == ("C1orf112", ALIAS)  # the models have the older one
    assert index_of(["PMEL", "SILV"]).find("SILV").gene == "SILV"
    assert len({old for old, _ in RENAMED}) == len(RENAMED)


def test_entrez_ids_of_the_dataset_and_ids_in_labels():
    assert found("2322", entrez={"FLT3": 2322, "TP53": 0}) == ("FLT3", ENTREZ)
    assert found("0", entrez={"FLT3": 2322, "TP53": 0}) is None
    assert found("2") == ("DUX4 (2)", ENTREZ)
    assert found("A1BG|5", entrez={"FLT3": 5}) == ("FLT3", ENTREZ)
    assert index_of(["A (ENSG00000000460.7)", "B"]).find("ENSG00000000460.12").gene == "A (ENSG00000000460.7)"


def test_ids_that_come_with_knockcast_fill_what_nothing_else_says():
    assert found("2322") == ("FLT3", ENTREZ)
    assert found("ENSG00000122025.14") == ("FLT3", ENSEMBL)
    assert found("2322", entrez={"TP53": 2322}) == ("TP53", ENTREZ)  # the Dataset's own go before
    assert found("ENSG00000122025", entrez={"FLT3": 5}) is None  # by its id it is another gene
    assert index_of(["OLD (2322)"]).find("ENSG00000122025").gene == "OLD (2322)"
    assert found("ENSG00000999999") is None


def test_a_map_gives_ensembl_ids_with_versions_entrez_ids_and_names(hgnc: Path):
    known = read_gene_map(hgnc)
    assert found("ENSG00000122025", known=known) == ("FLT3", ENSEMBL)
    assert found("ENSG00000122025.14", known=known) == ("FLT3", ENSEMBL)
    assert found("ensg00000122025.14_PAR_Y", known=known) == ("FLT3", ENSEMBL)
    assert found("ENSG00000122025.14|FLT3", known=known) == ("FLT3", ENSEMBL)
    assert found("7157", known=known) == ("TP53", ENTREZ)
    assert found("FLK2", known=known) == ("FLT3", ALIAS)
    assert found("ENSG00000000460", known=known) == ("C1orf112", ENSEMBL)  # by the name it had
    assert found("LFS1", known=known) is None  # an alias of TP53, but a gene of its own
    assert found("CD135", known=known) is None
    assert found("ENSG00000999999", known=known) is None
    other = GeneMap((Record("TP53", 0, "ENSG00000122025", ()),))
    assert found("ENSG00000122025", known=other) == ("TP53", ENSEMBL)  # it goes before ours


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".tsv"])
def test_maps_come_as_other_tables(tmp_path: Path, suffix: str):
    path = tmp_path / f"map{suffix}"
    table = HGNC.assign(entrez_id=HGNC["entrez_id"].astype(float))
    if suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="," if suffix == ".csv" else "\t")
    assert found("7157", known=read_gene_map(path)) == ("TP53", ENTREZ)


def test_what_is_no_map_is_refused(tmp_path: Path):
    (tmp_path / "x.csv").write_text("name,length\nA,3\n")
    with pytest.raises(
        BadInputError, match=r"--gene-ids .*x\.csv: expected a column of symbols .*name, length"
    ):
        read_gene_map(tmp_path / "x.csv")
    with pytest.raises(BadInputError, match=r"--gene-ids .*none\.csv: cannot be read"):
        read_gene_map(tmp_path / "none.csv")


def test_the_build_is_told_by_versions():
    assert genome_build(["ENSG00000141510.11", "ENSG00000133703.7"]) == "GRCh37"
    assert genome_build(["ENSG00000141510.16", "ENSG00000146648.18|EGFR"]) == "GRCh38"
    assert genome_build(["ENSG00000141510", "TP53", "ENSG00000000460.3"]) == ""
    assert genome_build(["ENSG00000141510.11", "ENSG00000146648.18"]) == ""  # they disagree


def test_the_form_of_ids_is_told():
    assert looks_like(["ENSG00000141510.11", "ENSG00000133703", "X"]) == ENSEMBL
    assert looks_like(["1", "22", "X"]) == ENTREZ
    assert looks_like(["FLT3", "KRAS"]) == ""
