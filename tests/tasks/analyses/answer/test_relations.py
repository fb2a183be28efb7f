from tasks.analyses.answer.relations import GeneRelations

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
    assert told("SMARCA2", "SMARCA4") == ["paralog", "same pathway (BAF)"]
    assert told("SMARCA4", "SMARCA2") == ["paralog", "same pathway (BAF)"]
    assert told("SMARCA2", "X") == ["same pathway (Big)", "same arm (9p)"]
    assert told("SMARCA2", "UNKNOWN") == []


def test_labels_with_ids_are_taken_by_symbol() -> None:
    assert told("SMARCA2 (6595)", "SMARCA4 (6597)") == ["paralog", "same pathway (BAF)"]


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
