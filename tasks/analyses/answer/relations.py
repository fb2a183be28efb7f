"""How two genes are related: the same, paralogs, of one pathway or complex, on one chromosome arm."""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tasks.dataset.gene_labels import parse_gene_label

MOST_SETS = 2  # that one relation names
_GENOME = 20_000  # genes, of which a set holds its share
# Maps of diseases hold the genes of many pathways: that two genes share one says little of the two.
_DISEASE = re.compile(
    r"\b(cancers?|(adeno)?carcinoma|carcinogenesis|leuka?emia|lymphoma|melanoma|glioma|(neuro|retino)blastoma"
    r"|diseases?|syndrome|infections?|neurodegeneration|sclerosis|ataxia|(cardio)?myopathy|myocarditis"
    r"|atherosclerosis|diabet(es|ic)|insulin resistance|addiction|alcoholism|asthma|arthritis|lupus|rejection"
    r"|malaria|measles|tuberculosis|hepatitis|influenza|pertussis|shigellosis|legionellosis|leishmaniasis"
    r"|toxoplasmosis|amoebiasis|trypanosomiasis|immunodeficiency)\b",
    re.IGNORECASE,
)

SELF, PARALOG, PATHWAY, ARM = "self", "paralog", "same pathway", "same arm"
DISEASE = "same map of a disease"


@dataclass(frozen=True)
class Relation:
    """One relation of a gene to the target: its kind, and of which pathways or arm ("" for the others)."""

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

    def between(self, target: str, gene: str, among: Collection[str] = ()) -> tuple[Relation, ...]:
        """How the gene is related to the target, closest first; a gene is related to itself in one way.

        Of several pathways at most two are named: the smallest, of equal ones the first by name; maps of
        diseases only where there is no other. Where the gene is one of several, `among`, a pathway that holds
        more of those goes before a smaller one, as far as that is less likely by chance.
        """
        one, other = (parse_gene_label(label).symbol.upper() for label in (target, gene))
        if one == other:
            return (Relation(SELF),)
        found = []
        if other in self.paralogs.get(one, ()) or one in self.paralogs.get(other, ()):
            found.append(Relation(PARALOG))
        if shared := self.sets.get(one, frozenset()) & self.sets.get(other, frozenset()):
            pathways = {name for name in shared if not is_disease_map(name)}
            kind = PATHWAY if pathways else DISEASE
            found.append(Relation(kind, "; ".join(self._first(pathways or shared, other, among))))
        arm = self.arms.get(one)
        if arm and arm == self.arms.get(other):
            found.append(Relation(ARM, arm))
        return tuple(found)

    def _first(self, shared: Collection[str], gene: str, among: Collection[str]) -> list[str]:
        genes = {gene, *(parse_gene_label(label).symbol.upper() for label in among)}

        def chance(name: str) -> tuple[float, str]:
            held = sum(name in self.sets.get(one, ()) for one in genes)
            share = min(max(self.sizes.get(name, 1), 1) / _GENOME, 1.0)
            return held * math.log(share), name

        return sorted(shared, key=chance)[:MOST_SETS]

    def joined(self, other: "GeneRelations") -> "GeneRelations":
        """What both know; the other's arm and size of a set where both have one."""
        return GeneRelations(
            _joined(self.paralogs, other.paralogs),
            _joined(self.sets, other.sets),
            {**self.sizes, **other.sizes},
            {**self.arms, **other.arms},
        )


def is_disease_map(name: str) -> bool:
    """Whether a gene set is about a disease, by its name: `Endometrial cancer`, `KEGG_THYROID_CANCER`."""
    return bool(_DISEASE.search(name.replace("_", " ")))


def _joined(
    one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]
) -> Mapping[str, frozenset[str]]:
    if not one or not other:
        return one or other
    return {name: one.get(name, frozenset()) | other.get(name, frozenset()) for name in {*one, *other}}
