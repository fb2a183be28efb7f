"""How genes are related: what `enrich` stored, and files given on top of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cluster.store.reader import StoreReader
from cluster.views.relations import known_relations
from tasks.analyses.answer.relations import GeneRelations
from tasks.errors import BadInputError
from tasks.gene_sets.aliases import other_names
from tasks.gene_sets.arms import read_arms
from tasks.gene_sets.gmt import read_gmt
from tasks.gene_sets.paralogs import read_paralogs


def stored_relations(reader: StoreReader) -> GeneRelations:
    """Paralogs and gene sets that results of `enrich` in the store know; a set's name without its file."""
    return reader.remember("relations of genes", lambda: _stored(reader))


def _stored(reader: StoreReader) -> GeneRelations:
    known = known_relations(reader)
    return GeneRelations(
        paralogs={gene: frozenset(others) for gene, others in known.paralogs.items()},
        sets={gene: frozenset(map(_name, names)) for gene, names in known.sets.items()},
        sizes={_name(name): size for name, size in known.sizes.items()},
    )


def relations_in_files(
    paralogs: Sequence[Path] = (), gene_sets: Sequence[Path] = (), arms: Sequence[Path] = ()
) -> GeneRelations:
    """What such files say; see `tasks.gene_sets`. Raises BadInputError with the problems of all of them."""
    problems: list[str] = []
    found = GeneRelations()
    readers = [(_of_paralogs, paralogs), (_of_sets, gene_sets), (_of_arms, arms)]
    for read, path in [(read, path) for read, paths in readers for path in paths]:
        try:
            found = found.joined(read(path))
        except BadInputError as error:
            problems += error.problems
    if problems:
        raise BadInputError(problems)
    return found


def _of_paralogs(path: Path) -> GeneRelations:
    table = read_paralogs(path)
    pairs = {(a, b) for one, other in table.pairs for a in _names(one) for b in _names(other)}
    return GeneRelations(paralogs=replace(table, pairs=tuple(sorted(pairs))).of_each())


def _of_sets(path: Path) -> GeneRelations:
    named: Mapping[str, frozenset[str]] = read_gmt(path).sets
    sets: dict[str, set[str]] = {}
    for name, genes in named.items():
        for gene in (each for one in genes for each in _names(one)):
            sets.setdefault(gene, set()).add(name)
    return GeneRelations(
        sets={gene: frozenset(names) for gene, names in sets.items()},
        sizes={name: len(genes) for name, genes in named.items()},
    )


def _names(gene: str) -> tuple[str, ...]:
    """A gene of a file by all its symbols: which one the run has is not known here."""
    return (gene, *other_names(gene))


def _of_arms(path: Path) -> GeneRelations:
    return GeneRelations(arms=read_arms(path))


def _name(name: str) -> str:
    """A set's name without the file it is from."""
    return name.partition(": ")[2] or name
