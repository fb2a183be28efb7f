"""The table of gene ids that comes with Knockcast."""

from pathlib import Path

import pandas as pd
import pytest

from tasks.dataset.known_genes import known_genes

CLASSES = Path(__file__).resolve().parents[4] / "shared/data/gene_classes_26q1.parquet"


def test_no_symbol_and_no_id_is_there_twice():
    genes = known_genes()
    for name in ("symbol", "entrez", "ensembl"):
        values = [getattr(gene, name) for gene in genes]
        assert len(set(values)) == len(values) > 18_000
    assert all(gene.ensembl.startswith("ENSG") and len(gene.ensembl) == 15 for gene in genes)
    assert [gene.symbol for gene in genes] == sorted(gene.symbol for gene in genes)


def test_it_says_what_its_source_says():
    if not CLASSES.exists():
        pytest.skip(f"{CLASSES} is not here: the table was not compared with its source")
    source = pd.read_parquet(CLASSES)
    expected = set(zip(source["gene_symbol"], source["entrez_id"], source["ensembl_gene_id"], strict=True))
    assert {(gene.symbol, gene.entrez, gene.ensembl) for gene in known_genes()} == expected
