"""What the modifiers of a list of targets have in common: paralogs of the target, genes of one pathway.

All genes are symbols in capitals. Chance draws modifiers from `universe`: the genes that could be chosen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from modeling.seeds import generator
from modeling.statistics.metrics import benjamini_hochberg
from modeling.statistics.overlaps import draw_any, draw_enriched, draw_shuffled, draws_p, overlap_p
from tasks.gene_sets.gmt import GeneSets
from tasks.gene_sets.paralogs import Paralogs

DRAWS = 1000
LEVEL = 0.05  # false discovery rate at which a set counts as enriched
LEAST_GENES = 3  # of the universe in a gene set; smaller ones are not tested
PARALOGS = "paralogs of the target"

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Lists:
    """The question. `symbols` maps the listed targets to their symbols, `modifiers` to sets of modifiers.

    `universe` are the genes that modifiers are chosen from, `modelled` the symbols of all targets modelled.
    """

    method: str
    symbols: Mapping[str, str]
    modifiers: Mapping[str, frozenset[str]]
    universe: tuple[str, ...]
    modelled: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Enrichment:
    """Rows of the tables `enrichment` and `enrichment_counts`."""

    rows: Rows
    counts: Rows


def enrichment(lists: Lists, collections: Sequence[GeneSets], tables: Sequence[Paralogs]) -> Enrichment:
    """Every test of the lists against collections of gene sets and tables of paralogs."""
    found = [_paralogs(lists, table) for table in tables]
    found += [_gene_sets(lists, collection) for collection in collections]
    return Enrichment(
        [row for each in found for row in each.rows], [row for each in found for row in each.counts]
    )


def _paralogs(lists: Lists, table: Paralogs) -> Enrichment:
    """Whether modifiers hold paralogs of their target: one row per target that has some in the universe."""
    known, universe = table.of_each(), frozenset(lists.universe)
    partners = {
        t: (known.get(symbol, frozenset()) & universe) - {symbol} for t, symbol in lists.symbols.items()
    }
    tested = [target for target in lists.symbols if partners[target]]
    drawn = np.array([len(lists.modifiers[t]) for t in tested], dtype=np.int64)
    marked = np.array([len(partners[t]) for t in tested], dtype=np.int64)
    shared = [lists.modifiers[t] & partners[t] for t in tested]
    p = overlap_p(np.array([len(s) for s in shared], dtype=np.int64), drawn, marked, len(universe))
    rows = _rows(lists, "modifiers", tested, table.name, [PARALOGS] * len(tested), marked, drawn, shared, p)
    count = _count(lists, table.name, "paralogs", len(tested), sum(map(bool, shared)))
    draws = draw_any(drawn, marked, len(universe), DRAWS, _generator(lists, table.name, "drawn"))
    holds = np.array(
        [[bool(partners[t] & lists.modifiers[other]) for other in tested] for t in tested], dtype=bool
    ).reshape(len(tested), len(tested))
    shuffled = draw_shuffled(holds, DRAWS, _generator(lists, table.name, "shuffled"))
    return Enrichment(
        rows, [count | _chance(count["found"], draws, "") | _chance(count["found"], shuffled, "_shuffled")]
    )


def _gene_sets(lists: Lists, collection: GeneSets) -> Enrichment:
    """The sets among each target's modifiers, among all of them, and among the targets themselves."""
    targets = [target for target in lists.symbols if lists.modifiers[target]]
    names, members = _membership(collection, lists.universe)
    own = [lists.modifiers[target] for target in targets]
    union = frozenset[str]().union(*own)
    each, enriched = _tests(lists, collection.name, "modifiers", targets, own, names, members, lists.universe)
    together, _ = _tests(
        lists, collection.name, "all modifiers", [""], [union], names, members, lists.universe
    )
    listed = [frozenset(lists.symbols.values())]
    names_of, members_of = _membership(collection, lists.modelled)
    themselves, _ = _tests(
        lists, collection.name, "targets", [""], listed, names_of, members_of, lists.modelled
    )
    count = _count(lists, collection.name, "gene sets", len(targets), enriched)
    sizes = np.array([len(some) for some in own], dtype=np.int64)
    draws = draw_enriched(sizes, members, DRAWS, LEVEL, _generator(lists, collection.name, "drawn"))
    nothing = {"expected_shuffled": None, "p_shuffled": None}
    return Enrichment([*each, *together, *themselves], [count | _chance(enriched, draws, "") | nothing])


def _membership(collection: GeneSets, universe: Sequence[str]) -> tuple[list[str], sparse.csr_array]:
    """The sets with enough genes of the universe, by name, and genes × sets of 0 and 1."""
    place = {gene: row for row, gene in enumerate(universe)}
    inside = {
        name: [place[g] for g in sorted(genes) if g in place]
        for name, genes in sorted(collection.sets.items())
    }
    kept = {name: genes for name, genes in inside.items() if len(genes) >= LEAST_GENES}
    columns = np.repeat(np.arange(len(kept)), [len(genes) for genes in kept.values()])
    rows = np.array([row for genes in kept.values() for row in genes], dtype=np.int64)
    shape = (len(universe), len(kept))
    return list(kept), sparse.csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape)


def _tests(
    lists: Lists,
    collection: str,
    of: str,
    targets: Sequence[str],
    drawn: Sequence[frozenset[str]],
    names: Sequence[str],
    members: sparse.csr_array,
    universe: Sequence[str],
) -> tuple[Rows, int]:
    """Rows of the sets that share a gene with what was drawn, and for how many of it a set is enriched.

    False discovery is over every set that was tested, those without a shared gene included.
    """
    place = {gene: row for row, gene in enumerate(universe)}
    marked = np.asarray(members.sum(axis=0)).ravel().astype(np.int64)
    rows: Rows = []
    enriched = 0
    for target, genes in zip(targets, drawn, strict=True):
        inside = sorted(genes & place.keys())
        shared = members[[place[gene] for gene in inside]].toarray().astype(bool)
        found = shared.sum(axis=0).astype(np.int64)
        size = np.full(len(names), len(inside), dtype=np.int64)
        p = overlap_p(found, size, marked, len(universe))
        q = benjamini_hochberg(p)
        enriched += bool((q < LEVEL).any())
        hit = np.flatnonzero(found)
        common = [frozenset(np.array(inside, dtype=object)[shared[:, i]]) for i in hit]
        some = np.array(names, dtype=object)[hit].tolist()
        made = _rows(lists, of, [target] * len(hit), collection, some, marked[hit], size[hit], common, p[hit],
                     len(universe))  # fmt: skip
        rows += [row | {"q_value": float(q[i])} for row, i in zip(made, hit, strict=True)]
    return rows, enriched


def _rows(
    lists: Lists,
    of: str,
    targets: Sequence[str],
    collection: str,
    names: Sequence[str],
    marked: np.ndarray,
    drawn: np.ndarray,
    shared: Iterable[frozenset[str]],
    p: np.ndarray,
    total: int | None = None,
) -> Rows:
    total = len(lists.universe) if total is None else total
    columns = zip(targets, names, marked, drawn, shared, p, benjamini_hochberg(p), strict=True)
    return [
        {
            "method": lists.method,
            "of": of,
            "target": target,
            "collection": collection,
            "gene_set": name,
            "size": int(m),
            "drawn": int(n),
            "overlap": len(genes),
            "expected": float(m * n / total),
            "p_value": float(value),
            "q_value": float(q),
            "genes": ", ".join(sorted(genes)),
        }
        for target, name, m, n, genes, value, q in columns
    ]


def _count(lists: Lists, collection: str, kind: str, tested: int, found: int) -> dict[str, Any]:
    return {
        "method": lists.method,
        "collection": collection,
        "kind": kind,
        "targets": len(lists.symbols),
        "with_modifiers": sum(map(bool, lists.modifiers.values())),
        "tested": tested,
        "found": found,
        "universe": len(lists.universe),
        "draws": DRAWS,
    }


def _chance(found: int, draws: np.ndarray, ending: str) -> dict[str, float]:
    return {f"expected{ending}": float(draws.mean()), f"p{ending or '_value'}": draws_p(found, draws)}


def _generator(lists: Lists, collection: str, what: str) -> np.random.Generator:
    return generator(lists.seed, "enrich", lists.method, collection, what)
