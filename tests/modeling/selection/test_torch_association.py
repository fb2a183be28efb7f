"""Selection by torch chooses what selection by numpy does: on a CPU, and on a GPU if there is one."""

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modeling.selection.association import (
    TARGETS_AT_ONCE,
    TESTS,
    error_of,
    magnitudes_on,
    one_blas_thread,
    prepare_targets,
)
from modeling.selection.prepared import group_by_missing, prepare_genes
from modeling.selection.select import Modifiers, SelectionSettings, select
from modeling.selection.torch_association import on_device
from tests.modeling.devices import DEVICES
from tests.modeling.selection_data import nasty_pair, real_pair

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.parametrize("device", DEVICES)


def assert_agrees(found, expected):
    """The same genes in the same order, by the same tests, and the same bits of all numbers."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for field in fields(Modifiers):
            ours, theirs = getattr(one, field.name), getattr(other, field.name)
            np.testing.assert_array_equal(ours, theirs, strict=True)


def both(x, y, device, **settings):
    genes, chosen = prepare_genes(x), SelectionSettings(**settings)
    return select(genes, y, chosen, device), select(genes, y, chosen)


def tiles(genes, targets, device):
    filled = [magnitudes_on(genes, where) for where in (device, "cpu")]
    for tile in filled:
        for magnitude in tile.rough:
            magnitude[:] = np.nan
        with one_blas_thread():
            tile.fill(targets)
    return filled


@pytest.mark.parametrize(("lines", "genes"), [(30, 5), (60, 90), (97, 64), (301, 201), (513, 1)])
def test_magnitudes_are_the_cpus_within_their_errors(device, lines, genes):
    rng = np.random.default_rng(lines)
    x = np.round(rng.standard_normal((lines, genes)), 1).astype(np.float32)
    x[:, 0] = 3.3
    y = rng.standard_normal((lines, 20)) + 0.5 * x[:, [-1]]
    y[:, 0], y[:, 1] = 0.1, y[:, 1] > 0
    y[:, 2:8], y[:, 8] = np.round(y[:, 2:8]), np.minimum(y[:, 8], -1)
    targets = prepare_targets(np.ascontiguousarray(y.T))
    there, here = tiles(prepare_genes(x), targets, device)
    for test, ours, theirs in zip(TESTS, there.rough, here.rough, strict=True):
        assert np.abs(ours[:20] - theirs[:20]).max() <= 2 * error_of(test, lines)


@pytest.mark.parametrize("redundancy", [None, 0.95])
@pytest.mark.parametrize("top", [1, 20])
def test_nasty_data(device, top, redundancy):
    found, expected = both(*nasty_pair(), device, top=top, fdr=0.1, redundancy=redundancy)
    assert max(map(len, found)) > min(top, 10)
    assert_agrees(found, expected)


@pytest.mark.long
def test_real_data_with_missing_lines_and_levels(device, real_data):
    expression, levels = real_pair(real_data)
    rng = np.random.default_rng(0)
    train = np.sort(rng.permutation(len(expression))[: round(0.8 * len(expression))])
    x, y = expression[train], levels[train]
    varying = np.flatnonzero(np.nanstd(y, axis=0) > 0.1)
    missing = varying[np.isnan(y[:, varying]).any(axis=0)]
    wanted = np.union1d(rng.choice(varying, 600, replace=False), missing[:40])
    with_modifiers = 0
    for lines, places in group_by_missing(y[:, wanted]):
        found, expected = both(x[lines], y[np.ix_(lines, wanted[places])], device)
        assert_agrees(found, expected)
        with_modifiers += sum(len(one) > 0 for one in found)
    assert with_modifiers > 150


def test_company_and_place_do_not_change_a_bit(device):
    rng = np.random.default_rng(4)
    targets = TARGETS_AT_ONCE + 37
    x = rng.standard_normal((75, 205)).astype(np.float32)
    y = rng.standard_normal((75, targets)) + 0.8 * x[:, np.arange(targets) % 205]
    y[:, ::4] = np.round(y[:, ::4])
    genes, settings = prepare_genes(x), SelectionSettings(top=4)
    whole = select(genes, y, settings, device)
    assert sum(map(len, whole)) > targets
    for size, end in ((1, 20), (50, targets), (TARGETS_AT_ONCE, targets)):
        cut = [select(genes, y[:, i : min(i + size, end)], settings, device) for i in range(0, end, size)]
        assert_agrees([one for block in cut for one in block], whole[:end])
    order = rng.permutation(targets)
    assert_agrees(select(genes, y[:, order], settings, device), [whole[i] for i in order])


@pytest.mark.long
def test_where_the_last_bit_of_r_decides_it_is_the_cpus(device):
    """The rate is put on a gene's very q, and just above: one wrong bit of a magnitude decides otherwise."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((200, 150)).astype(np.float32)
    y = rng.standard_normal((200, 25)) + 0.3 * x[:, :25]
    genes, decided = prepare_genes(x), 0
    first = select(genes, y, SelectionSettings(fdr=0.2))
    for target, found in enumerate(first):
        if not found.by_pearson.any():
            continue
        q = found.pearson_q[found.by_pearson].max()
        sizes = []
        for fdr in (np.nextafter(q, 0), q, np.nextafter(q, 1)):
            ours, theirs = both(x, y[:, [target]], device, fdr=float(fdr))
            assert_agrees(ours, theirs)
            sizes.append(int(ours[0].by_pearson.sum()))
        decided += len(set(sizes)) > 1
    assert decided > 10


@pytest.mark.parametrize("noise", [1e-2, 1e-4, 1e-6])
def test_q_of_a_target_that_nearly_is_a_gene(device, noise):
    """With few lines p is far from 0 even there, and changes by whole percents with the last bits of r."""
    rng = np.random.default_rng(6)
    x = rng.standard_normal((40, 70)).astype(np.float32)
    y = x[:, 30:] + noise * rng.standard_normal((40, 40))
    found, expected = both(x, y, device)
    assert min(one.pearson_q.min() for one in expected) > 0
    assert_agrees(found, expected)


def test_constant_genes_and_no_targets(device):
    x, y = nasty_pair()
    assert [len(one) for one in both(np.ones_like(x), y, device)[0]] == [0] * 36
    assert select(prepare_genes(x), y[:, :0], SelectionSettings(), device) == []


def test_genes_with_a_digest_are_sent_once(device):
    x, _ = nasty_pair()
    genes = prepare_genes(x)
    assert on_device(genes, device) is not on_device(genes, device)
    named, again, other = (replace(prepare_genes(x), digest=digest) for digest in ("a", "a", "b"))
    for one in (named, again, other):
        one.ranks.flags.writeable = False  # as what lies in Ray's object store
    sent = on_device(named, device)
    assert on_device(again, device) is sent
    assert on_device(other, device) is not sent
    assert on_device(named, device) is not sent  # only the last stay


def test_torch_gets_its_threads_back(device):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        both(*nasty_pair(), device)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_on_the_cpu_selection_does_not_wait_for_torch(device):
    del device
    code = (
        "import sys, numpy as np\n"
        "from modeling.selection.prepared import prepare_genes\n"
        "from modeling.selection.select import SelectionSettings, select\n"
        "x = np.random.default_rng(0).standard_normal((40, 9)).astype('f4')\n"
        "assert len(select(prepare_genes(x), x[:, :2].astype('f8'), SelectionSettings())) == 2\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
