"""How two genes are related: the same, paralogs, of one pathway or complex, on one chromosome arm."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.dataset.gene_labels import parse_gene_label

SELF, PARALOG, PATHWAY, ARM = "self", "paralog", "same pathway", "same arm"


@dataclass(frozen=True)
class Relation:
    """One relation of a gene to the target: its kind, and of which pathway or arm ("" for the others)."""

    kind: str
    of: str = ""

    def __str__(self) -> str:
        """As a table shows it."""
        return f"{self.kind} ({self.of})" if self.of else self.kind


@dataclass(frozen=True)
class GeneRelations:
    """What is known of genes, by symbol in capitals; what no lookup holds is not known.

    `paralogs`: the paralogs of each. `sets`: the pathways and complexes each is in; `sizes` has how many
    genes each of those holds. `arms`: the arm of the chromosome that each lies on, 17q.
    """

    paralogs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    arms: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> tuple[str, ...]:
        """The kinds that can be told."""
        lookups = {PARALOG: self.paralogs, PATHWAY: self.sets, ARM: self.arms}
        return (SELF, *(kind for kind, lookup in lookups.items() if lookup))

    def between(self, target: str, gene: str) -> tuple[Relation, ...]:
        """How the gene is related to the target, closest first; a gene is related to itself in one way.

        Of several pathways the smallest counts, of equal ones the first by name.
        """
        one, other = (parse_gene_label(label).symbol.upper() for label in (target, gene))
        if one == other:
            return (Relation(SELF),)
        found = []
        if other in self.paralogs.get(one, ()) or one in self.paralogs.get(other, ()):
            found.append(Relation(PARALOG))
        if shared := self.sets.get(one, frozenset()) & self.sets.get(other, frozenset()):
            found.append(Relation(PATHWAY, min(shared, key=lambda name: (self.sizes.get(name, 0), name))))
        arm = self.arms.get(one)
        if arm and arm == self.arms.get(other):
            found.append(Relation(ARM, arm))
        return tuple(found)

    def joined(self, other: "GeneRelations") -> "GeneRelations":
        """What both know; the other's arm and size of a set where both have one."""
        return GeneRelations(
            _joined(self.paralogs, other.paralogs),
            _joined(self.sets, other.sets),
            {**self.sizes, **other.sizes},
            {**self.arms, **other.arms},
        )


def _joined(
    one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]
) -> Mapping[str, frozenset[str]]:
    if not one or not other:
        return one or other
    return {name: one.get(name, frozenset()) | other.get(name, frozenset()) for name in {*one, *other}}
