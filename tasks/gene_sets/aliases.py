"""Renamed genes in files: a file may be older or newer than the run's release, and say MLL2 for KMT2D."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache

from tasks.gene_sets.gmt import GeneSets
from tasks.gene_sets.paralogs import Paralogs
from tasks.samples.renamed import RENAMED


def other_names(gene: str) -> tuple[str, ...]:
    """The older and newer symbols of a gene, sorted; all in capitals."""
    return _others().get(gene, ())


def sets_by(symbols: Collection[str], sets: GeneSets) -> GeneSets:
    """The same sets, renamed genes by the symbol that is among `symbols` (capitals)."""
    return replace(
        sets,
        sets={name: frozenset(_by(symbols, gene) for gene in genes) for name, genes in sets.sets.items()},
    )


def pairs_by(symbols: Collection[str], paralogs: Paralogs) -> Paralogs:
    """The same pairs, renamed genes by the symbol that is among `symbols` (capitals)."""
    renamed = ((_by(symbols, one), _by(symbols, other)) for one, other in paralogs.pairs)
    pairs = {(min(pair), max(pair)) for pair in renamed if pair[0] != pair[1]}
    return replace(paralogs, pairs=tuple(sorted(pairs)))


def _by(symbols: Collection[str], gene: str) -> str:
    """The one other name of a gene that is among the symbols; its own, if that is, or if several are."""
    known = [] if gene in symbols else [name for name in other_names(gene) if name in symbols]
    return known[0] if len(known) == 1 else gene


@cache
def _others() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for old, new in RENAMED:
        found.setdefault(old.upper(), set()).add(new.upper())
        found.setdefault(new.upper(), set()).add(old.upper())
    return {gene: tuple(sorted(names)) for gene, names in found.items()}
