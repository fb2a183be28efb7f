"""Which human gene an Entrez or Ensembl id means: the table that comes with Knockcast, `known_genes.tsv`.

Symbols and ids are HGNC's (public domain), of the genes that DepMap 26Q1 screened, as the benchmark package
egbench 0.1.0 lists them. What a file, a Dataset or a user's own table says goes before it.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SOURCE = "the ids that come with Knockcast"


@dataclass(frozen=True)
class KnownGene:
    """A gene's approved symbol, Entrez id, and Ensembl id without version."""

    symbol: str
    entrez: int
    ensembl: str


@cache
def known_genes() -> tuple[KnownGene, ...]:
    """All genes of the table, by symbol. No symbol and no id is there twice."""
    text = files(__package__).joinpath("known_genes.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return tuple(KnownGene(row["symbol"], int(row["entrez_id"]), row["ensembl_gene_id"]) for row in rows)
