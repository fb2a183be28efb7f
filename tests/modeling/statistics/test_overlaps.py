import numpy as np
import pytest
from scipy import sparse, stats

from modeling.statistics.overlaps import draw_any, draw_enriched, draw_shuffled, draws_p, overlap_p
from tests.reference.overlaps import any_slow, enriched_slow, overlap_p_slow


def test_tails_equal_exact_fractions_and_fishers_test() -> None:
    rng = np.random.default_rng(3)
    total = 535
    marked, drawn = rng.integers(1, 200, 60), rng.integers(1, 98, 60)
    found = np.array([rng.integers(0, min(m, n) + 1) for m, n in zip(marked, drawn, strict=True)])
    p = overlap_p(found, drawn, marked, total)
    slow = [overlap_p_slow(*each, total) for each in zip(found, drawn, marked, strict=True)]
    np.testing.assert_allclose(p, slow, rtol=1e-9, atol=1e-300)
    for value, k, n, m in zip(p, found, drawn, marked, strict=True):
        table = [[k, n - k], [m - k, total - n - m + k]]
        if np.min(table) >= 0:
            fisher = stats.fisher_exact(table, alternative="greater").pvalue
            assert value == pytest.approx(fisher, rel=1e-7, abs=1e-300)


def test_borders_of_the_tail() -> None:
    p = overlap_p(np.array([0, 0, 5, 10, 3]), np.array([0, 5, 5, 10, 3]), np.array([4, 0, 10, 10, 3]), 10)
    np.testing.assert_allclose(p, [1, 1, 1, 1, 1 / 120])


def test_sets_drawn_by_chance_hold_marked_genes_as_often_as_those_drawn_gene_by_gene() -> None:
    sizes, marked, total = np.array([1, 5, 20, 40]), np.array([1, 3, 8, 60]), 60
    draws = draw_any(sizes, marked, total, 4000, np.random.default_rng(1))
    slow = any_slow(sizes, [set(range(m)) for m in marked], total, 1000, np.random.default_rng(2))
    exact = overlap_p(np.ones(4, dtype=int), sizes, marked, total)
    assert draws.mean() == pytest.approx(exact.sum(), abs=4 * np.sqrt((exact * (1 - exact)).sum() / 4000))
    for k in range(5):
        assert (draws == k).mean() == pytest.approx(np.mean(np.array(slow) == k), abs=0.06)


def test_shuffled_sets_keep_how_often_a_gene_is_chosen() -> None:
    """Where every set holds what every test marks, a shuffle changes nothing; on the diagonal alone, most."""
    generator = np.random.default_rng(5)
    assert (draw_shuffled(np.ones((6, 6), dtype=bool), 20, generator) == 6).all()
    counts = draw_shuffled(np.eye(6, dtype=bool), 2000, generator)
    assert counts.mean() == pytest.approx(1.0, abs=0.1)  # fixed points of a permutation: 1 on average
    assert draw_shuffled(np.zeros((0, 0), dtype=bool), 3, generator).tolist() == [0, 0, 0]


def test_chance_enrichment_is_that_of_sets_drawn_one_by_one() -> None:
    rng = np.random.default_rng(7)
    total, level = 40, 0.3
    sets = [set(rng.choice(total, size=size, replace=False).tolist()) for size in (3, 5, 8, 12, 20)]
    members = np.zeros((total, len(sets)), dtype=np.int8)
    for column, genes in enumerate(sets):
        members[sorted(genes), column] = 1
    sizes = np.array([4, 4, 9, 0])
    fast = draw_enriched(sizes, sparse.csr_array(members), 3000, level, np.random.default_rng(1))
    slow = enriched_slow(sizes[:3], sets, total, 600, level, np.random.default_rng(2))
    error = np.sqrt(np.var(slow) / 600 + np.var(fast) / 3000)
    assert 0.02 < np.mean(slow) < 2
    assert fast.mean() == pytest.approx(np.mean(slow), abs=4 * error)


def test_nothing_to_draw_finds_nothing() -> None:
    generator = np.random.default_rng(0)
    none = sparse.csr_array((5, 0), dtype=np.int8)
    assert draw_enriched(np.array([2]), none, 4, 0.05, generator).tolist() == [0] * 4
    some = sparse.csr_array(np.ones((5, 1), dtype=np.int8))
    assert draw_enriched(np.array([0]), some, 4, 0.05, generator).tolist() == [0] * 4
    assert draw_any(np.array([], dtype=int), np.array([], dtype=int), 9, 4, generator).tolist() == [0] * 4


def test_p_of_draws_counts_the_real_one() -> None:
    counts = np.array([0, 1, 2, 3])
    assert draws_p(4, counts) == pytest.approx(1 / 5)
    assert draws_p(2, counts) == pytest.approx(3 / 5)
    assert draws_p(0, counts) == 1.0
