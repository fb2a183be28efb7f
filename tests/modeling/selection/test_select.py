from dataclasses import fields

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from modeling.selection.association import TARGETS_AT_ONCE, TESTS
from modeling.selection.prepared import PreparedGenes, group_by_missing, prepare_genes
from modeling.selection.select import Modifiers, SelectionSettings, select
from tasks.simulation.biology import simulate_arrays
from tests.modeling.selection_data import nasty_pair, real_pair
from tests.reference.selection import select_one


def assert_equals_reference(found: Modifiers, expression, effect, **settings):
    """The same genes in the same order, the same bits of every statistic, q to 1e-9."""
    expected = select_one(expression, effect, **settings)
    assert found.genes.tolist() == expected.genes
    for test in TESTS:
        np.testing.assert_array_equal(getattr(found, test), expected.statistics[test])
        np.testing.assert_allclose(getattr(found, f"{test}_q"), expected.q[test], rtol=1e-9, atol=0)
        assert set(found.genes[getattr(found, f"by_{test}")].tolist()) == expected.chosen[test]


def assert_same_bits(some, others):
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        for field in fields(Modifiers):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), strict=True)


@pytest.fixture(scope="module")
def nasty():
    return nasty_pair()


@pytest.mark.parametrize("redundancy", [None, 1.0, 0.95, 0.5])
@pytest.mark.parametrize("top", [1, 5, 20])
def test_equals_the_slow_loop_on_nasty_data(nasty, top, redundancy):
    x, y = nasty
    settings = SelectionSettings(top=top, fdr=0.1, redundancy=redundancy)
    found = select(prepare_genes(x), y, settings)
    assert len(found[2]) == 0
    assert max(map(len, found)) > min(top, 10)
    for target, modifiers in enumerate(found):
        assert_equals_reference(modifiers, x, y[:, target], top=top, fdr=0.1, redundancy=redundancy)


@pytest.mark.parametrize("top", [1, 5, 200])
def test_the_published_codes_selection_equals_the_slow_loop(nasty, top):
    x, y = nasty
    settings = SelectionSettings(top=top, fdr=None, redundancy=0.95, cut="mean")
    found = select(prepare_genes(x, "mean"), y, settings)
    assert [len(modifiers) == 0 for modifiers in found] == [target == 2 for target in range(len(found))]
    for target, modifiers in enumerate(found):
        assert_equals_reference(modifiers, x, y[:, target], top=top, fdr=None, redundancy=0.95, cut=np.mean)
    cut_at_the_median = select(prepare_genes(x), y, settings)
    assert any(a.chi2.tolist() != b.chi2.tolist() for a, b in zip(found, cut_at_the_median, strict=True))


@pytest.mark.parametrize("noise", [1e-2, 1e-4, 1e-6, 1e-8])
def test_q_is_the_slow_loops_where_a_target_nearly_is_a_gene(noise):
    """With few lines p is far from 0 even there, and changes by whole percents with the last bits of r."""
    rng = np.random.default_rng(6)
    x = rng.standard_normal((40, 70)).astype(np.float32)
    y = x[:, 58:] + noise * rng.standard_normal((40, 12))
    for target, modifiers in enumerate(select(prepare_genes(x), y, SelectionSettings())):
        assert 58 + target in modifiers.genes
        assert_equals_reference(modifiers, x, y[:, target])


def test_equals_the_slow_loop_with_missing_blocks_ties_and_thirty_lines():
    rng = np.random.default_rng(2)
    x = np.maximum(rng.standard_normal((48, 200)), -0.5).astype(np.float32)
    y = rng.standard_normal((48, 30)) + 1.2 * x[:, :30]
    y[:, ::3] = np.round(y[:, ::3])
    y[:18, 3:9] = np.nan
    y[30:, 9:12] = np.nan
    y[5, 20] = np.nan
    found = 0
    groups = group_by_missing(y)
    assert [lines.sum() for lines, _ in groups] == [48, 30, 30, 47]
    for lines, targets in groups:
        chosen = select(prepare_genes(x[lines]), y[np.ix_(lines, targets)], SelectionSettings(top=3))
        for target, modifiers in zip(targets, chosen, strict=True):
            assert_equals_reference(modifiers, x[lines], y[lines, target], top=3)
            found += len(modifiers) > 0
    assert found > 15


def targets_with_modifiers(x, y):
    """How many targets have modifiers; of every target they are those of the slow loop."""
    with_modifiers = 0
    for lines, targets in group_by_missing(y):
        found = select(prepare_genes(x[lines]), y[np.ix_(lines, targets)], SelectionSettings())
        for target, modifiers in zip(targets, found, strict=True):
            assert_equals_reference(modifiers, x[lines], y[lines, target])
            with_modifiers += len(modifiers) > 0
    return with_modifiers


# All of them are for `make test-torture`: scipy and statsmodels go gene by gene.
@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("share", [0.2, pytest.param(1.0, marks=pytest.mark.torture)])
def test_equals_the_slow_loop_on_300_real_targets(real_data, share):
    expression, levels = real_pair(real_data)
    rng = np.random.default_rng(0)
    train = np.sort(rng.permutation(len(expression))[: round(0.8 * len(expression))])
    x, y = expression[train], levels[train]
    varying = np.flatnonzero(np.nanstd(y, axis=0) > 0)
    missing = varying[np.isnan(y[:, varying]).any(axis=0)]
    wanted = np.union1d(rng.choice(varying, 260, replace=False), rng.choice(missing, 60, replace=False))
    assert len(wanted) >= 300
    some = wanted[:: round(1 / share)]
    assert np.isnan(y[:, some]).any(axis=0).sum() > 10 * share
    assert targets_with_modifiers(x, y[:, some]) > 100 * share


@pytest.mark.timeout(400)
def test_equals_the_slow_loop_on_300_simulated_targets_with_ties_and_missing_blocks():
    simulated = simulate_arrays(150, 330, seed=7)
    lines = slice(0, simulated.n_shared)
    x = np.round(simulated.expression[lines], 1)  # ties beside the zeros it has
    y = simulated.effect[lines].astype(np.float64)
    y[:, ::3] = np.round(y[:, ::3], 1)
    varying = np.flatnonzero(np.nanstd(y, axis=0) > 0)[:320]
    assert len(varying) >= 300
    assert len(group_by_missing(y[:, varying])) > 1
    assert targets_with_modifiers(x, y[:, varying]) > 50


def test_noise_rarely_has_modifiers():
    rng = np.random.default_rng(3)
    targets = 1000
    found = select(
        prepare_genes(rng.standard_normal((100, 300)).astype(np.float32)),
        rng.standard_normal((100, targets)),
        SelectionSettings(),
    )
    slack = 3 / np.sqrt(targets)  # standard errors of a share, times its root
    for test in TESTS:
        share = np.mean([getattr(one, f"by_{test}").any() for one in found])
        assert 0 < share <= 0.05 + slack * np.sqrt(0.05 * 0.95)
    assert np.mean([len(one) > 0 for one in found]) <= 0.15 + slack * np.sqrt(0.15 * 0.85)


@pytest.mark.long
def test_blocks_order_and_threads_do_not_change_a_bit():
    rng = np.random.default_rng(4)
    targets = TARGETS_AT_ONCE + 37
    x = rng.standard_normal((75, 205)).astype(np.float32)
    y = rng.standard_normal((75, targets)) + 0.8 * x[:, np.arange(targets) % 205]
    y[:, ::4] = np.round(y[:, ::4])
    genes, settings = prepare_genes(x), SelectionSettings(top=4)
    whole = select(genes, y, settings)
    assert sum(map(len, whole)) > targets
    for size in (1, 50, TARGETS_AT_ONCE, TARGETS_AT_ONCE + 1):
        cut = [select(genes, y[:, i : i + size], settings) for i in range(0, targets, size)]
        assert_same_bits([one for block in cut for one in block], whole)
    order = rng.permutation(targets)
    assert_same_bits(select(genes, np.asfortranarray(y[:, order]), settings), [whole[i] for i in order])
    with threadpool_limits(2, user_api="blas"):
        assert_same_bits(select(genes, y, settings), whole)


def test_nothing_it_is_given_is_written_to(nasty):
    x, y = nasty
    genes = prepare_genes(x)
    for field in fields(PreparedGenes):
        if field.name != "digest":
            getattr(genes, field.name).flags.writeable = False
    frozen = y.copy()
    frozen.flags.writeable = False
    assert_same_bits(
        select(genes, frozen, SelectionSettings()), select(prepare_genes(x), y, SelectionSettings())
    )


def test_genes_that_never_vary_and_targets_without_columns(nasty):
    x, y = nasty
    assert [len(one) for one in select(prepare_genes(np.ones_like(x)), y, SelectionSettings())] == [0] * 36
    assert select(prepare_genes(x), y[:, :0], SelectionSettings()) == []


def test_inputs_that_cannot_be_used_are_refused(nasty):
    x, y = nasty
    genes = prepare_genes(x)
    with pytest.raises(ValueError, match="59 cell lines, but genes were prepared on 60"):
        select(genes, y[:59], SelectionSettings())
    holed = y.copy()
    holed[4, 11] = np.nan
    with pytest.raises(ValueError, match=r"effects: column 11 .*group_by_missing"):
        select(genes, holed, SelectionSettings())


@pytest.mark.parametrize("wrong", [{"top": 0}, {"fdr": 0.0}, {"fdr": 1.0}, {"redundancy": 0.0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected"):
        SelectionSettings(**wrong)
