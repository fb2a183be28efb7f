"""How genes are related, as the files say that `enrich` was given: paralogs, and genes of one set.

`known_relations` is the lookup for any two genes; the table `relations` is about targets and their modifiers.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cluster.analyses.reading import rows_of
from cluster.store.parquet import sort_rows
from cluster.store.reader import StoreReader
from tasks.gene_sets.symbols import symbol_of
from tasks.tables.analysis_tables import RELATIONS

SELF, PARALOG, SAME_SET = "self", "paralog", "same gene set"


@dataclass(frozen=True)
class KnownRelations:
    """By symbol in capitals: each gene's paralogs with the tables that say so, and the sets it is in.

    A set is named `collection: gene set`; `sizes` has how many genes each holds.
    """

    paralogs: Mapping[str, Mapping[str, frozenset[str]]]
    sets: Mapping[str, frozenset[str]]
    sizes: Mapping[str, int]

    def between(self, target: str, gene: str) -> list[dict[str, Any]]:
        """The relations of a gene to a target, closest first, each with relation, source and genes."""
        one, other = symbol_of(target), symbol_of(gene)
        if one == other:
            return [{"relation": SELF, "source": "", "genes": None}]
        tables = sorted(self.paralogs.get(one, {}).get(other, ()))
        shared = self.sets.get(one, frozenset()) & self.sets.get(other, frozenset())
        named = sorted(shared, key=lambda name: (self.sizes[name], name))
        return [
            *({"relation": PARALOG, "source": table, "genes": None} for table in tables),
            *({"relation": SAME_SET, "source": name, "genes": self.sizes[name]} for name in named),
        ]


def known_relations(reader: StoreReader) -> KnownRelations:
    """What all results of `enrich` in a store know; nothing where there is none."""
    paralogs: dict[str, dict[str, set[str]]] = {}
    for row in rows_of(reader, "paralogs", ["collection", "gene", "paralog"]).to_pylist():
        paralogs.setdefault(row["gene"], {}).setdefault(row["paralog"], set()).add(row["collection"])
    sets: dict[str, set[str]] = {}
    sizes: dict[str, int] = {}
    for row in rows_of(reader, "gene_sets", ["collection", "gene_set", "gene", "genes"]).to_pylist():
        name = f"{row['collection']}: {row['gene_set']}"
        sets.setdefault(row["gene"], set()).add(name)
        sizes[name] = row["genes"]
    return KnownRelations(
        {gene: {other: frozenset(said) for other, said in some.items()} for gene, some in paralogs.items()},
        {gene: frozenset(names) for gene, names in sets.items()},
        sizes,
    )


def relations_table(reader: StoreReader, only: Collection[str] | None = None) -> pa.Table:
    """The table `relations`, of some targets alone where asked."""
    known = known_relations(reader)
    if not known.paralogs and not known.sets:
        return RELATIONS.schema.empty_table()
    pairs = reader.table("modifiers", ["target", "modifier"], targets=only).group_by(["target", "modifier"])
    rows = [
        {**pair, **relation}
        for pair in pairs.aggregate([]).to_pylist()
        for relation in known.between(pair["target"], pair["modifier"])
    ]
    return sort_rows(pa.Table.from_pylist(rows, schema=RELATIONS.schema), RELATIONS.key)
