from pathlib import Path

import pytest

from tasks.analyses.answer.relations import GeneRelations, is_disease_map
from tasks.gene_sets.gmt import read_gmt

KNOWN = GeneRelations(
    paralogs={"SMARCA2": frozenset({"SMARCA4"})},
    sets={
        "SMARCA2": frozenset({"BAF", "Big"}),
        "SMARCA4": frozenset({"BAF", "Big"}),
        "X": frozenset({"Big"}),
    },
    sizes={"BAF": 15, "Big": 900},
    arms={"SMARCA2": "9p", "X": "9p", "SMARCA4": "19p"},
)


def told(target: str, gene: str, known: GeneRelations = KNOWN) -> list[str]:
    return [str(relation) for relation in known.between(target, gene)]


def test_relations_come_closest_first() -> None:
    assert told("SMARCA2", "SMARCA2") == ["self"]
    assert told("SMARCA2", "SMARCA4") == ["paralog", "same pathway (BAF; Big)"]
    assert told("SMARCA4", "SMARCA2") == ["paralog", "same pathway (BAF; Big)"]
    assert told("SMARCA2", "X") == ["same pathway (Big)", "same arm (9p)"]
    assert told("SMARCA2", "UNKNOWN") == []


def test_labels_with_ids_are_taken_by_symbol() -> None:
    assert told("SMARCA2 (6595)", "SMARCA4 (6597)") == ["paralog", "same pathway (BAF; Big)"]


def test_self_needs_no_lookup() -> None:
    assert told("A", "A", GeneRelations()) == ["self"]
    assert GeneRelations().known == ("self",)
    assert KNOWN.known == ("self", "paralog", "same pathway", "same arm")


def test_lookups_join() -> None:
    one = GeneRelations(paralogs={"A": frozenset("B")}, arms={"A": "1p"})
    other = GeneRelations(paralogs={"A": frozenset("C")}, sets={"A": frozenset("S"), "D": frozenset("S")})
    both = one.joined(other)
    assert [told("a", gene, both) for gene in ("b", "c", "d")] == [
        ["paralog"],
        ["paralog"],
        ["same pathway (S)"],
    ]
    assert both.arms == {"A": "1p"}


def related(*sets: tuple[str, int, str]) -> GeneRelations:
    """Sets by name, size and the letters that they hold."""
    genes = sorted({gene for _, _, held in sets for gene in held})
    return GeneRelations(
        sets={gene: frozenset(name for name, _, held in sets if gene in held) for gene in genes},
        sizes={name: size for name, size, _ in sets},
    )


def test_the_two_smallest_pathways_are_named_and_maps_of_diseases_only_without_others() -> None:
    known = related(
        ("Thyroid cancer", 37, "AB"), ("Wnt", 166, "AB"), ("Hippo", 163, "AB"), ("Adherens", 71, "AB")
    )
    assert told("A", "B", known) == ["same pathway (Adherens; Hippo)"]
    ill = related(("Endometrial cancer", 58, "AB"), ("Gastric cancer", 149, "AB"), ("Glioma", 75, "AB"))
    assert told("A", "B", ill) == ["same map of a disease (Endometrial cancer; Glioma)"]


def test_a_pathway_of_more_of_the_genes_at_hand_goes_first() -> None:
    known = related(
        ("Small", 40, "AB"), ("Hippo", 70, "AB"), ("Wnt", 166, "ABCD"), ("Everything", 15_000, "ABCDE")
    )
    found = known.between("A", "B", among=["B", "C (12)", "d", "E"])
    assert [str(relation) for relation in found] == ["same pathway (Wnt; Small)"]


@pytest.mark.parametrize(
    ("name", "ill"),
    [
        *(
            (name, True)
            for name in ("Endometrial cancer", "KEGG_THYROID_CANCER", "Pathways of neurodegeneration")
        ),
        *(
            (name, True)
            for name in ("Acute myeloid leukemia", "Human papillomavirus infection", "Prion disease")
        ),
        *((name, False) for name in ("Wnt signaling pathway", "Melanogenesis", "Fanconi anemia pathway")),
        *(
            (name, False)
            for name in ("Leukocyte transendothelial migration", "Cell cycle", "mitophagy (GO:1)")
        ),
    ],
)
def test_maps_of_diseases_are_known_by_name(name: str, ill: bool) -> None:
    assert is_disease_map(name) == ill


def test_the_genes_of_wnt_are_related_by_wnt_in_kegg(real_data: Path) -> None:
    sets = read_gmt(real_data / "gene_sets" / "KEGG_2021_Human.gmt").sets
    genes = {gene for held in sets.values() for gene in held}
    known = GeneRelations(
        sets={gene: frozenset(name for name, held in sets.items() if gene in held) for gene in genes},
        sizes={name: len(held) for name, held in sets.items()},
    )
    shown = ["AXIN2", "RNF43", "TCF7L2", "DNAH3", "MSN"]
    for gene in shown[:3]:
        (relation,) = known.between("CTNNB1", gene, shown)
        assert relation.of.startswith("Wnt signaling pathway"), relation
    assert "cancer" not in "".join(str(known.between("CTNNB1", gene, shown)) for gene in shown)
    assert sum(map(is_disease_map, sets)) > 60
