"""Genes that a file names by Ensembl or Entrez ids: which symbols they have."""

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tasks.dataset.gene_labels import parse_gene_label
from tasks.dataset.known_genes import SOURCE, known_genes

SYMBOLS, ENSEMBL, ENTREZ = "gene symbols", "Ensembl ids", "Entrez ids"
_ENSEMBL = re.compile(r"(?P<id>ENS[A-Z]*G\d{11})(\.\d+)?(_PAR_Y)?")
_ENTREZ = re.compile(r"[1-9]\d{0,8}")


@dataclass(frozen=True)
class GeneIds:
    """Genes by Ensembl id (without version) and by Entrez id, each as "SYMBOL (entrez)" or the bare symbol.

    `source` says where they are from.
    """

    by_ensembl: Mapping[str, str] = field(default_factory=dict)
    by_entrez: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    def of_kind(self, kind: str) -> Mapping[str, str]:
        """The genes by this kind of id."""
        return {ENSEMBL: self.by_ensembl, ENTREZ: self.by_entrez}.get(kind, {})


@dataclass(frozen=True)
class Renamed:
    """Columns of a matrix under symbols: the positions kept, their labels, and what became of the others.

    `unknown` are ids without a symbol, kept as they are; `twice` second ids of a gene, dropped.
    """

    positions: list[int]
    labels: list[str]
    found: int
    unknown: list[str]
    twice: list[str]


def kind_of_ids(labels: Sequence[str]) -> str:
    """What most of the labels are: `SYMBOLS`, `ENSEMBL` or `ENTREZ`."""
    for kind, pattern in ((ENSEMBL, _ENSEMBL), (ENTREZ, _ENTREZ)):
        if 2 * sum(pattern.fullmatch(label) is not None for label in labels) > len(labels):
            return kind
    return SYMBOLS


def without_version(label: str) -> str:
    """An Ensembl id without version ("ENSG00000141510.17"); anything else as it is."""
    match = _ENSEMBL.fullmatch(label)
    return match["id"] if match else label


def ids_of_labels(labels: Iterable[str], source: str) -> GeneIds:
    """What labels such as "TP53 (7157)" and "TP53 (ENSG00000141510)" say."""
    genes = [(label, parse_gene_label(label)) for label in labels]
    return GeneIds(
        {without_version(gene.ensembl): label for label, gene in genes if gene.ensembl},
        {str(gene.entrez): label for label, gene in genes if gene.entrez},
        source,
    )


def shipped_ids() -> GeneIds:
    """The genes of the table that comes with Knockcast."""
    labels = {gene: f"{gene.symbol} ({gene.entrez})" for gene in known_genes()}
    return GeneIds(
        {gene.ensembl: label for gene, label in labels.items()},
        {str(gene.entrez): label for gene, label in labels.items()},
        SOURCE,
    )


def first_of(tables: Sequence[GeneIds], kind: str) -> GeneIds:
    """All tables as one, the first to know an id going first; `source` names those that know this kind."""
    return GeneIds(
        dict(ChainMap(*(dict(table.by_ensembl) for table in tables))),
        dict(ChainMap(*(dict(table.by_entrez) for table in tables))),
        " and ".join(table.source for table in tables if table.of_kind(kind)),
    )


def renamed(labels: Sequence[str], kind: str, genes: GeneIds) -> Renamed:
    """The columns under their symbols; of several ids of one gene the first is kept."""
    known = genes.of_kind(kind)
    ids = [without_version(label) for label in labels] if kind == ENSEMBL else list(labels)
    positions: dict[str, int] = {}
    unknown, twice, found = [], [], 0
    for position, (label, name) in enumerate(zip(labels, ids, strict=True)):
        found += name in known
        new = known.get(name, name)
        if new in positions:
            twice.append(f"{label} ({parse_gene_label(new).symbol})")
            continue
        positions[new] = position
        if name not in known and kind_of_ids([name]) == kind:
            unknown.append(label)
    return Renamed(list(positions.values()), list(positions), found, unknown, twice)
