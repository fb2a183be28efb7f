"""Which gene a label means: symbol in any case, Entrez id, Ensembl id, "SYMBOL (id)", or an alias."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tasks.dataset.gene_labels import parse_gene_label
from tasks.dataset.known_genes import KnownGene, known_genes
from tasks.samples.gene_map import GeneMap
from tasks.samples.renamed import RENAMED

Id = TypeVar("Id", int, str)

SYMBOL, ENTREZ, ENSEMBL, ALIAS = "symbol", "Entrez id", "Ensembl id", "alias"
_ENSEMBL = re.compile(r"(ENSG\d{11})(?:\.(\d+))?(?:_PAR_Y)?", re.IGNORECASE)
# The versions that these genes' Ensembl ids had in the last annotation of GRCh37 (GENCODE 19). Versions only
# rise, and all of these rose with GRCh38.
_LAST_IN_37 = {
    "ENSG00000141510": 11,  # TP53
    "ENSG00000146648": 11,  # EGFR
    "ENSG00000133703": 7,  # KRAS
    "ENSG00000136997": 10,  # MYC
    "ENSG00000111640": 10,  # GAPDH
    "ENSG00000075624": 9,  # ACTB
}


@dataclass(frozen=True)
class Found:
    """A gene as the models name it, and by what kind of id it was found."""

    gene: str
    kind: str


@dataclass(frozen=True, eq=False)
class GeneIndex:
    """Finds genes by label. Each dict gives the models' name of a gene; an id of two genes is in none."""

    by_label: Mapping[str, str]
    by_symbol: Mapping[str, str]
    by_entrez: Mapping[int, str]
    by_ensembl: Mapping[str, str]
    by_alias: Mapping[str, str] = field(default_factory=dict)

    def find(self, label: str) -> Found | None:
        """The gene a label means, the surest way first; None where it is none of the models'."""
        text = label.strip()
        if (gene := self.by_label.get(text)) is not None:
            return Found(gene, SYMBOL)
        parts = [part for part in re.split(r"[|]", text) if part]
        for part in parts:  # "A1BG|1" and "ENSG00000121410.12|A1BG"
            if (found := self._find_one(part)) is not None:
                return found
        return None

    def _find_one(self, text: str) -> Found | None:
        if match := _ENSEMBL.fullmatch(text):
            return _found(self.by_ensembl.get(match[1].upper()), ENSEMBL)
        if text.isascii() and text.isdigit():
            return _found(self.by_entrez.get(int(text)), ENTREZ)
        label = parse_gene_label(text)
        if label.entrez and label.entrez in self.by_entrez:
            return _found(self.by_entrez[label.entrez], SYMBOL)
        symbol = label.symbol.casefold()
        return _found(self.by_symbol.get(symbol), SYMBOL) or _found(self.by_alias.get(symbol), ALIAS)


def index_of(
    genes: Sequence[str], entrez: Mapping[str, int] | None = None, known: GeneMap | None = None
) -> GeneIndex:
    """An index of the models' genes (symbols, or "SYMBOL (id)").

    `entrez` gives ids where the Dataset has some, `known` further ids and names; the ids that come with
    Knockcast fill what these leave open. Symbols go before aliases; an alias that two genes share, or that is
    a gene of its own, is not used.
    """
    labels = {gene: parse_gene_label(gene) for gene in genes}
    by_symbol = _unique((label.symbol.casefold(), gene) for gene, label in labels.items())
    ids = [(label.entrez, gene) for gene, label in labels.items() if label.entrez]
    ids += [(number, gene) for gene, number in (entrez or {}).items() if number and gene in labels]
    by_entrez = _unique(ids)
    ensembl = [(label.ensembl.split(".")[0], gene) for gene, label in labels.items() if label.ensembl]
    aliases = [
        (old.casefold(), by_symbol[new.casefold()]) for old, new in RENAMED if new.casefold() in by_symbol
    ]
    aliases += [
        (new.casefold(), by_symbol[old.casefold()]) for old, new in RENAMED if old.casefold() in by_symbol
    ]
    own = set(by_symbol)
    if known is not None:
        joined = list(known.joined(by_symbol, by_entrez))
        by_entrez = _unique([*ids, *((record.entrez, gene) for gene, record in joined if record.entrez)])
        ensembl += [(record.ensembl, gene) for gene, record in joined if record.ensembl]
        aliases += [(name.casefold(), gene) for gene, record in joined for name in record.names()]
        own |= known.symbols()
    by_ensembl = _unique(ensembl)
    shipped = list(_shipped(by_symbol, by_entrez))
    by_entrez = {**{record.entrez: gene for gene, record in shipped}, **by_entrez}
    by_ensembl = {**{record.ensembl: gene for gene, record in shipped}, **by_ensembl}
    named = {gene: {label.symbol.casefold()} for gene, label in labels.items()}
    if known is not None:
        for gene, record in joined:
            named[gene].add(record.symbol.casefold())
    kept = [(alias, gene) for alias, gene in aliases if alias not in own or alias in named[gene]]
    return GeneIndex({gene: gene for gene in genes}, by_symbol, by_entrez, by_ensembl, _unique(kept))


def _shipped(by_symbol: Mapping[str, str], by_entrez: Mapping[int, str]) -> Iterator[tuple[str, KnownGene]]:
    """The models' genes with their record: by Entrez id, or by symbol where nothing says another id."""
    with_id = set(by_entrez.values())
    for record in known_genes():
        gene = by_entrez.get(record.entrez)
        if gene is None:
            gene = by_symbol.get(record.symbol.casefold())
            gene = None if gene in with_id else gene
        if gene is not None:
            yield gene, record


def genome_build(labels: Iterable[str]) -> str:
    """The genome assembly that versions of Ensembl ids show: "GRCh37", "GRCh38" or "" where they do not."""
    votes: Counter[str] = Counter()
    for label in labels:
        match = _ENSEMBL.search(label)
        if match and match[2] and match[1].upper() in _LAST_IN_37:
            votes["GRCh37" if int(match[2]) <= _LAST_IN_37[match[1].upper()] else "GRCh38"] += 1
    ((first, most), *others) = votes.most_common() or [("", 0)]
    return "" if others and others[0][1] == most else first


def looks_like(labels: Sequence[str]) -> str:
    """What kind of ids most labels are by their form: `ENSEMBL`, `ENTREZ`, or "" for all else."""
    shown = list(labels)[:5000]
    for kind, is_one in ((ENSEMBL, _is_ensembl), (ENTREZ, _is_entrez)):
        if sum(map(is_one, shown)) > len(shown) / 2:
            return kind
    return ""


def _is_ensembl(label: str) -> bool:
    return _ENSEMBL.match(label.strip()) is not None


def _is_entrez(label: str) -> bool:
    return label.strip().isascii() and label.strip().isdigit()


def _found(gene: str | None, kind: str) -> Found | None:
    return None if gene is None else Found(gene, kind)


def _unique(pairs: Iterable[tuple[Id, str]]) -> dict[Id, str]:
    """By id, the gene; ids of several genes left out."""
    genes: dict[Id, set[str]] = {}
    for identifier, gene in pairs:
        genes.setdefault(identifier, set()).add(gene)
    return {identifier: next(iter(found)) for identifier, found in genes.items() if len(found) == 1}
