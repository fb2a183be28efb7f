"""Rows of `enrichment` against loops over sets, with exact fractions for the tails."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from tasks.analyses.enrichment import LEAST_GENES, PARALOGS, Lists, enrichment
from tasks.gene_sets.gmt import GeneSets
from tasks.gene_sets.paralogs import Paralogs
from tests.reference.overlaps import overlap_p_slow

UNIVERSE = tuple(f"G{i:03d}" for i in range(120))
RNG = np.random.default_rng(4)
SETS = {
    f"S{size}": frozenset(RNG.choice(UNIVERSE, size=size, replace=False).tolist()) | {f"UNKNOWN{size}"}
    for size in (1, 2, 3, 8, 20, 60, 119)
}
COLLECTION = GeneSets("sets", SETS, "0" * 64)
PAIRS = Paralogs("pairs", (("G000", "G001"), ("G000", "G002"), ("G005", "G007"), ("G003", "FAR")), "0" * 64)


def drawn(size: int, *also: str) -> frozenset[str]:
    return frozenset(RNG.choice(UNIVERSE[10:], size=size, replace=False).tolist()) | set(also)


LISTS = Lists(
    method="modifiers",
    symbols={"G000 (1)": "G000", "G001": "G001", "G003": "G003", "G005": "G005", "NONE": "NONE"},
    modifiers={
        "G000 (1)": drawn(6, "G001", "G000"),
        "G001": frozenset(list(SETS["S8"] - {"UNKNOWN8"})[:6]),
        "G003": drawn(30),
        "G005": drawn(1),
        "NONE": frozenset(),
    },
    universe=UNIVERSE,
    modelled=tuple(sorted({*UNIVERSE[:90], "NONE"})),
    seed=7,
)


def slow(genes: frozenset[str], universe: tuple[str, ...]) -> dict[str, tuple[int, int, int, float, float]]:
    """Of each set that shares a gene: size, drawn, overlap, p, q."""
    inside = {name: some & set(universe) for name, some in SETS.items()}
    tested = {name: some for name, some in sorted(inside.items()) if len(some) >= LEAST_GENES}
    mine = genes & set(universe)
    p = [overlap_p_slow(len(mine & s), len(mine), len(s), len(universe)) for s in tested.values()]
    q = multipletests(p, method="fdr_bh")[1]
    rows = zip(tested.items(), p, q, strict=True)
    return {n: (len(s), len(mine), len(mine & s), a, b) for (n, s), a, b in rows if mine & s}


def test_every_row_equals_the_loop() -> None:
    found = enrichment(LISTS, [COLLECTION], [])
    union = frozenset[str]().union(*LISTS.modifiers.values())
    expected = {("modifiers", t): slow(genes, UNIVERSE) for t, genes in LISTS.modifiers.items() if genes}
    expected["all modifiers", ""] = slow(union, UNIVERSE)
    expected["targets", ""] = slow(frozenset(LISTS.symbols.values()), LISTS.modelled)
    rows = {(row["of"], row["target"], row["gene_set"]): row for row in found.rows}
    assert rows.keys() == {(*key, name) for key, some in expected.items() for name in some}
    for (of, target, name), row in rows.items():
        size, n, overlap, p, q = expected[of, target][name]
        assert (row["size"], row["drawn"], row["overlap"]) == (size, n, overlap)
        assert row["p_value"] == pytest.approx(p, rel=1e-9)
        assert row["q_value"] == pytest.approx(q, rel=1e-9)
        assert len(row["genes"].split(", ")) == overlap
    enriched = {
        t
        for t, g in LISTS.modifiers.items()
        if g and any(row[4] < 0.05 for row in slow(g, UNIVERSE).values())
    }
    (count,) = found.counts
    assert (count["targets"], count["with_modifiers"], count["tested"]) == (5, 4, 4)
    assert count["found"] == len(enriched) > 0
    assert 0 <= count["expected"] < 1
    assert 1 / 1001 <= count["p_value"] < 0.2


def test_paralogs_are_counted_where_one_could_be_chosen() -> None:
    found = enrichment(LISTS, [], [PAIRS])
    rows = {row["target"]: row for row in found.rows}
    assert rows.keys() == {"G000 (1)", "G001", "G005"}  # G003's is no gene of the run
    assert {row["gene_set"] for row in found.rows} == {PARALOGS}
    first = rows["G000 (1)"]
    assert (first["size"], first["drawn"], first["overlap"], first["genes"]) == (2, 8, 1, "G001")
    assert first["p_value"] == pytest.approx(overlap_p_slow(1, 8, 2, 120))
    p = [overlap_p_slow(row["overlap"], row["drawn"], row["size"], 120) for row in rows.values()]
    np.testing.assert_allclose([r["q_value"] for r in rows.values()], multipletests(p, method="fdr_bh")[1])
    (count,) = found.counts
    assert (count["targets"], count["tested"], count["found"], count["universe"]) == (5, 3, 1, 120)
    by_hand = sum(overlap_p_slow(1, row["drawn"], row["size"], 120) for row in rows.values())
    assert count["expected"] == pytest.approx(by_hand, abs=0.05)
    # The modifiers of G000 hold G001, its own paralog, and G000, that of G001: each one time in three.
    assert count["expected_shuffled"] == pytest.approx(2 / 3, abs=0.06)


def test_the_same_seed_draws_the_same_and_another_differs() -> None:
    first, again = (enrichment(LISTS, [COLLECTION], [PAIRS]).counts for _ in range(2))
    assert first == again
    other = enrichment(Lists(**{**LISTS.__dict__, "seed": 8}), [COLLECTION], [PAIRS]).counts
    assert [row["found"] for row in other] == [row["found"] for row in first]
    assert other != first


def test_nothing_known_of_any_gene_is_no_error() -> None:
    strangers = GeneSets("far", {"S": frozenset({"X", "Y", "Z"})}, "0" * 64)
    found = enrichment(LISTS, [strangers], [Paralogs("far", (("X", "Y"),), "0" * 64)])
    assert found.rows == []
    assert [(row["tested"], row["found"], row["p_value"]) for row in found.counts] == [
        (0, 0, 1.0),
        (4, 0, 1.0),
    ]
