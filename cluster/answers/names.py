"""The targets of a store by every name that a user may give them."""

from cluster.store.reader import StoreReader
from tasks.dataset.gene_finder import GeneFinder


def targets_of_store(reader: StoreReader) -> list[str]:
    """The targets that any run into the store wants, sorted."""
    return sorted({unit.target for unit in reader.wanted_units() if not unit.is_fold_level})


def finder_of(reader: StoreReader) -> GeneFinder:
    """Finds targets of the store: by label in any case, the Dataset's Entrez id, and what the label holds."""
    labels = targets_of_store(reader)
    facts = reader.targets()
    known: dict[str, int] = {}
    if facts is not None and "entrez" in facts.column_names:
        pairs = zip(facts.column("target").to_pylist(), facts.column("entrez").to_pylist(), strict=True)
        known = {target: entrez or 0 for target, entrez in pairs}
    return GeneFinder(labels, [known.get(label, 0) for label in labels])
