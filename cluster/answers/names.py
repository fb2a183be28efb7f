"""The targets of a store by every name that a user may give them."""

from pathlib import Path

from cluster.store.reader import StoreReader
from tasks.dataset.gene_finder import GeneFinder
from tasks.samples.gene_map import read_gene_map
from tasks.samples.renamed import RENAMED


def targets_of_store(reader: StoreReader) -> list[str]:
    """The targets that any run into the store wants, sorted."""
    return sorted({unit.target for unit in reader.wanted_units() if not unit.is_fold_level})


def finder_of(reader: StoreReader, gene_map: Path | None = None) -> GeneFinder:
    """Finds targets of the store: by label in any case, the Dataset's Entrez id, what the label holds, alias.

    Aliases are symbols of renamed genes, and all ids and names of `gene_map`, such as HGNC's table, if given.
    Raises BadInputError where that cannot be read.
    """
    labels = targets_of_store(reader)
    facts = reader.targets()
    known: dict[str, int] = {}
    if facts is not None and "entrez" in facts.column_names:
        pairs = zip(facts.column("target").to_pylist(), facts.column("entrez").to_pylist(), strict=True)
        known = {target: entrez or 0 for target, entrez in pairs}
    aliases = [*RENAMED, *((new, old) for old, new in RENAMED), *_mapped(gene_map)]
    return GeneFinder(labels, [known.get(label, 0) for label in labels], aliases)


def _mapped(gene_map: Path | None) -> list[tuple[str, str]]:
    """Each id and other name of a map's genes, beside each name that a target may have."""
    records = read_gene_map(gene_map).records if gene_map is not None else ()
    return [
        (alias, name)
        for record in records
        for name in record.names()
        for alias in (record.ensembl, str(record.entrez or ""), *record.names())
        if alias and alias != name
    ]
