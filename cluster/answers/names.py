"""The targets of a store by every name that a user may give them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster.store.reader import StoreReader
from tasks.dataset.gene_finder import GeneFinder
from tasks.errors import BadInputError
from tasks.samples.aliases import gene_aliases
from tasks.samples.gene_map import read_gene_map


def targets_of_store(reader: StoreReader) -> list[str]:
    """The targets that any run into the store wants, sorted."""
    return sorted({unit.target for unit in reader.wanted_units() if not unit.is_fold_level})


def find_target(reader: StoreReader, name: str, gene_map: Path | None = None) -> str:
    """The target of the store that a name means.

    By label in any case, the Dataset's Entrez id, what the label holds, or an alias: symbols of renamed
    genes, all ids and names of `gene_map`, such as HGNC's table, if given, and Entrez and Ensembl ids that
    come with Knockcast. Raises BadInputError, naming
    close ones, where there is none, and where the Dataset has it, but no run asked for it.
    """
    try:
        return finder_of_store(reader, gene_map).find(name)
    except BadInputError as error:
        if (other := left_out(reader, name, gene_map)) is not None:
            raise BadInputError(other) from None
        raise error from None


def finder_of_store(reader: StoreReader, gene_map: Path | None = None) -> GeneFinder:
    """Finds targets by name among those that any run into the store wants, as `find_target` does."""
    facts, labels = _facts(reader), targets_of_store(reader)
    entrez = [facts.get(label, {}).get("entrez") or 0 for label in labels]
    return GeneFinder(labels, entrez, _aliases(gene_map))


def finder_of(facts: Sequence[Mapping[str, Any]], gene_map: Path | None = None) -> GeneFinder:
    """Finds targets by name among those that the rows of facts name, as `find_target` does."""
    entrez = [row.get("entrez") or 0 for row in facts]
    return GeneFinder([row["target"] for row in facts], entrez, _aliases(gene_map))


def _aliases(gene_map: Path | None) -> list[tuple[str, str]]:
    return gene_aliases(_mapped(gene_map))


def _facts(reader: StoreReader) -> dict[str, dict[str, Any]]:
    table = reader.targets()
    return {} if table is None else {row["target"]: row for row in table.to_pylist()}


def left_out(reader: StoreReader, name: str, gene_map: Path | None = None) -> str | None:
    """What to say of a name that is no target of the store, but one of its Dataset; None if of neither."""
    facts = _facts(reader)
    try:
        label = finder_of(list(facts.values()), gene_map).find(name)
    except BadInputError:
        return None
    kind, sd = facts[label].get("class"), facts[label].get("sd")
    known = f" (it is {kind}, sd {sd:.2g})" if kind and sd is not None else ""
    return (
        f"{label}: the Dataset has it{known}, but no run into this store asked for it; the same "
        f"`knockcast run` with --targets '{label}' adds it"
    )


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
