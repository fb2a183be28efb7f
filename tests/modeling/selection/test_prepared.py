from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from modeling.selection.prepared import (
    BLOCK_ROWS,
    centred_ranks,
    group_by_missing,
    prepare_genes,
    standardise,
)
from modeling.statistics.chi_squared import pack


def test_products_of_standardised_rows_have_the_bits_of_pearsonr():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((40, 97)) * 10.0 ** rng.integers(-6, 7, (40, 1)) + 5
    unit = standardise(values)
    for other in range(1, 40):
        r = stats.pearsonr(values[0], values[other]).statistic
        assert np.clip(np.vecdot(unit[0], unit[other]), -1, 1) == r


def test_prepared_genes_are_what_their_words_say():
    rng = np.random.default_rng(1)
    expression = rng.standard_normal((37, BLOCK_ROWS + 3)).astype(np.float32)
    expression[:, 2] = 0.1  # its mean is not exactly 0.1
    expression[:, 4] = np.round(expression[:, 4])
    genes = prepare_genes(expression)
    assert (genes.n_lines, genes.n_genes) == (37, BLOCK_ROWS + 3)
    columns = expression.T.astype(np.float64)
    np.testing.assert_array_equal(genes.varies, (columns != columns[:, :1]).any(axis=1))
    np.testing.assert_array_equal(genes.ranks, stats.rankdata(columns, axis=1) - 19)
    spread = genes.ranks.astype(np.float64).std(axis=1, ddof=1)
    np.testing.assert_allclose(genes.rank_spread, spread, rtol=1e-14)
    np.testing.assert_array_equal(genes.rounded, genes.standardised.astype(np.float32))
    upper = columns >= np.median(columns, axis=1, keepdims=True)
    np.testing.assert_array_equal(genes.upper, pack(upper).T)
    np.testing.assert_array_equal(genes.upper_counts, upper.sum(axis=1))
    lengths = np.linalg.norm(genes.standardised, axis=1)
    np.testing.assert_allclose(lengths, genes.varies.astype(float), rtol=1e-14)


def test_a_gene_is_prepared_alike_whatever_its_neighbours():
    expression = np.random.default_rng(2).standard_normal((50, 60)).astype(np.float32)
    whole, part = prepare_genes(expression), prepare_genes(expression[:, 13:20])
    for field in fields(whole):
        everything, some = getattr(whole, field.name), getattr(part, field.name)
        wanted = everything[:, 13:20] if field.name == "upper" else everything[13:20]
        np.testing.assert_array_equal(wanted, some)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_by_its_column(value):
    expression = np.ones((10, 5), dtype=np.float32)
    expression[3, 4] = value
    with pytest.raises(ValueError, match="expression: column 4"):
        prepare_genes(expression)


@pytest.mark.usefixtures("annotations_unchecked")
@pytest.mark.parametrize("shape", [(2, 5), (7,)])
def test_too_few_lines_or_no_matrix_are_refused(shape):
    with pytest.raises(ValueError, match="cell lines x columns"):
        prepare_genes(np.ones(shape))


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=0, max_size=12))
def test_groups_are_the_targets_measured_in_the_same_lines(patterns):
    present = np.array(patterns, dtype=bool).reshape(-1, 4).T
    effects = np.where(present, 1.5, np.nan)
    groups = group_by_missing(effects)
    for lines, targets in groups:
        assert (np.diff(targets) > 0).all()
        assert (present[:, targets] == lines[:, None]).all()
    assert sorted(t for _, targets in groups for t in targets) == list(range(present.shape[1]))
    assert len({lines.tobytes() for lines, _ in groups}) == len(groups)
    firsts = [targets[0] for _, targets in groups]
    assert firsts == sorted(firsts)


def test_ranks_are_scipy_average_ranks_around_zero():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((BLOCK_ROWS + 7, 31))
    values[::2] = np.round(values[::2])
    values[5] = 3.25
    values[6] = -0.0
    values[6, ::3] = 0.0  # equal to -0.0
    expected = stats.rankdata(values, axis=1) - (31 + 1) / 2
    np.testing.assert_array_equal(centred_ranks(values), expected)
    assert not centred_ranks(values)[[5, 6]].any()


def test_doubled_ranks_are_integers_that_sum_to_zero():
    ranks = centred_ranks(np.round(np.random.default_rng(1).standard_normal((50, 40)), 1))
    np.testing.assert_array_equal(2 * ranks, np.round(2 * ranks))
    assert not ranks.sum(axis=1).any()


def test_values_too_large_to_be_centred_are_refused_and_no_smaller_ones():
    x = np.ones((5, 3))
    x[:3, 1] = 1.7e308, -1e308, -0.6e308  # their sum is finite
    with pytest.raises(ValueError, match="beyond 8e"):
        prepare_genes(x)
    lengths = np.linalg.norm(prepare_genes(x / 4).standardised, axis=1)
    np.testing.assert_allclose(lengths, [0, 1, 0], rtol=1e-14)
