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
    """What is known of genes, by symbol; a relation that a lookup does not hold is not known.

    `paralogs`: the paralogs of each. `sets`: the pathways and complexes each is in. `arms`: the arm of the
    chromosome that each lies on, 17q.
    """

    paralogs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    arms: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> tuple[str, ...]:
        """The kinds that can be told."""
        lookups = {PARALOG: self.paralogs, PATHWAY: self.sets, ARM: self.arms}
        return (SELF, *(kind for kind, lookup in lookups.items() if lookup))

    def between(self, target: str, gene: str) -> tuple[Relation, ...]:
        """How the gene is related to the target, closest first; a gene is related to itself in one way.

        Of several pathways the one with the fewest known genes counts, of equal ones the first by name.
        """
        one, other = parse_gene_label(target).symbol, parse_gene_label(gene).symbol
        if one == other:
            return (Relation(SELF),)
        found = []
        if other in self.paralogs.get(one, ()) or one in self.paralogs.get(other, ()):
            found.append(Relation(PARALOG))
        if shared := self.sets.get(one, frozenset()) & self.sets.get(other, frozenset()):
            found.append(Relation(PATHWAY, min(shared, key=lambda name: (self._size(name), name))))
        arm = self.arms.get(one)
        if arm and arm == self.arms.get(other):
            found.append(Relation(ARM, arm))
        return tuple(found)

    def _size(self, name: str) -> int:
        return sum(name in names for names in self.sets.values())
