"""Gene labels as DepMap writes them ("SYMBOL (entrez)"), and which gene of one file is which of another.

Blanks around a label do not count. `tasks.importing` refuses labels with characters that do not show.
"""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

_BOTH = re.compile(r"(?P<symbol>\S+) \((?P<id>[^()\s]*)\)")
_BOTH_FROM_R = re.compile(r"(?P<symbol>[^\s()]+?)\.\.(?P<entrez>\d{1,18})\.")
_SYMBOL = re.compile(r"[^\s()]+")
_NO_ID = frozenset({"", "nan", "none", "na", "unknown"})
_ENSEMBL = re.compile(r"ENSG\d+(\.\d+)?")


@dataclass(frozen=True)
class GeneLabel:
    """What one column label means: symbol, Entrez id (0: unknown), whether it was understood, Ensembl id."""

    symbol: str
    entrez: int
    understood: bool
    ensembl: str = ""

    @property
    def identifier(self) -> str:
        """What distinguishes genes of one symbol; empty where the label is no more than the symbol."""
        return str(self.entrez) if self.entrez else self.ensembl


def parse_gene_label(label: str) -> GeneLabel:
    """Reads "SYMBOL (entrez)", "SYMBOL (nan)", "SYMBOL (ENSG...)", "SYMBOL" and R's "SYMBOL..entrez.".

    Anything else is kept whole as the symbol and marked as not understood, so that importers can report it.
    """
    text = label.strip()
    if match := _BOTH.fullmatch(text):
        identifier = match["id"]
        if identifier.isascii() and identifier.isdigit() and len(identifier) <= 18:
            return GeneLabel(match["symbol"], int(identifier), True)
        if _ENSEMBL.fullmatch(identifier):
            return GeneLabel(match["symbol"], 0, True, identifier)
        if identifier.lower() in _NO_ID:
            return GeneLabel(match["symbol"], 0, True)
    if match := _BOTH_FROM_R.fullmatch(text):  # R's data frames turn blanks and brackets into dots
        return GeneLabel(match["symbol"], int(match["entrez"]), True)
    return GeneLabel(text, 0, _SYMBOL.fullmatch(text) is not None)


@dataclass(frozen=True)
class GeneNames:
    """The genes of one matrix in column order.

    `labels` are unique: the bare symbol, or "SYMBOL (entrez)", else Ensembl, where two share a symbol.
    """

    labels: tuple[str, ...]
    symbols: tuple[str, ...]
    entrez: Int64[np.ndarray, " genes"]

    def take(self, columns: Sequence[int] | Int64[np.ndarray, " kept"]) -> "GeneNames":
        """The same names for some of the columns, in the order given."""
        index = np.asarray(columns, dtype=np.int64)
        return GeneNames(
            tuple(self.labels[i] for i in index), tuple(self.symbols[i] for i in index), self.entrez[index]
        )


def name_genes(raw_labels: Sequence[str]) -> tuple[GeneNames, list[str]]:
    """Unique names for a matrix's columns, and the labels that were not understood (they keep their text).

    The raw labels must be distinct genes; `duplicate_genes` finds those that are not.
    """
    parsed = [parse_gene_label(label) for label in raw_labels]
    uses = Counter(gene.symbol for gene in parsed)
    labels = tuple(
        gene.symbol if uses[gene.symbol] == 1 or not gene.identifier else f"{gene.symbol} ({gene.identifier})"
        for gene in parsed
    )
    entrez = np.array([gene.entrez for gene in parsed], dtype=np.int64)
    unknown = [label for label, gene in zip(raw_labels, parsed, strict=True) if not gene.understood]
    return GeneNames(labels, tuple(gene.symbol for gene in parsed), entrez), unknown


def duplicate_genes(raw_labels: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Labels that may name one gene twice, with positions, by first use.

    They have the same symbol and the same id, or one of them has none: "TP53" may be "TP53 (7157)".
    """
    by_symbol: dict[str, dict[str, list[int]]] = {}
    for position, label in enumerate(raw_labels):
        gene = parse_gene_label(label)
        by_symbol.setdefault(gene.symbol, {}).setdefault(gene.identifier, []).append(position)
    groups: list[list[int]] = []
    for by_id in by_symbol.values():
        groups += [sorted(itertools.chain(*by_id.values()))] if "" in by_id else by_id.values()
    return [(raw_labels[found[0]], found) for found in sorted(groups) if len(found) > 1]


def own_columns(targets: GeneNames, genes: GeneNames) -> Int64[np.ndarray, " targets"]:
    """For every target the column of its own expression in `genes`, −1 where there is none.

    By Entrez id where both matrices have one, else by symbol, unless several genes share the symbol.
    """
    by_entrez = {int(e): column for column, e in reversed(list(enumerate(genes.entrez))) if e}
    by_symbol: dict[str, list[int]] = {}
    for column, symbol in enumerate(genes.symbols):
        by_symbol.setdefault(symbol, []).append(column)
    own = np.full(len(targets.labels), -1, dtype=np.int64)
    for target, (symbol, entrez) in enumerate(zip(targets.symbols, targets.entrez, strict=True)):
        if int(entrez) in by_entrez:
            own[target] = by_entrez[int(entrez)]
            continue
        same_symbol = [c for c in by_symbol.get(symbol, []) if not (entrez and genes.entrez[c])]
        if len(same_symbol) == 1:
            own[target] = same_symbol[0]
    return own
