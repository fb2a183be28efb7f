from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.selection.prepared import standardise
from modeling.selection.ranking import round_significant, strongest, without_redundant


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 17))
def test_rounding_keeps_that_many_digits(value, digits):
    result = round_significant(np.array([value]), digits)[0]
    assert result == float(f"{value:.{digits - 1}e}")
    assert result == round_significant(np.array([result]), digits)[0]


def listed(statistic, count, critical_value=0.0, rough=None, error=1e-6):
    """The strongest in order; also without, which must be the same genes."""
    statistic = np.array(statistic)
    rough = np.abs(statistic) if rough is None else np.array(rough)
    asked = rough.astype(np.float32), error, critical_value, lambda genes: statistic[genes], count
    genes = strongest(*asked).tolist()
    assert sorted(strongest(*asked, ordered=False).tolist()) == sorted(genes)
    return genes


def test_the_strongest_come_first_whatever_their_sign():
    assert listed([0.1, -0.5, 0.3, 0.4], 3) == [1, 3, 2]


def test_genes_below_the_bar_are_not_kept_and_none_may_be_left():
    assert listed([0.1, -0.5, 0.3, 0.4], 9, critical_value=0.3) == [1, 3, 2]
    assert listed([0.1, 0.2], 9, critical_value=np.inf) == []


def test_equal_to_twelve_digits_goes_to_the_lower_column():
    close = [0.2, 0.3, 0.3 + 1e-13, -0.3, 0.3 + 2e-13]
    assert listed(close, 3) == [1, 2, 3]
    assert listed(close, 2) == [1, 2]
    assert listed([0.3, 0.3 + 1e-11], 1) == [1]


def test_the_statistic_decides_where_rough_magnitudes_are_too_near():
    assert listed([0.3, 0.3, 0.1], 1, rough=[0.3 - 1e-7, 0.3 + 1e-7, 0.1]) == [0]
    assert listed([0.31, 0.30, 0.29], 1, rough=[0.305, 0.309, 0.299], error=0.01) == [0]
    assert listed([0.31, 0.30], 9, critical_value=0.305, rough=[0.305, 0.309], error=0.01) == [0]


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=40), st.integers(1, 12), st.integers(0, 60), st.data()
)
def test_any_rough_magnitudes_within_the_error_give_the_same_genes(values, count, bar, data):
    size = np.array(values) / 60
    blur = data.draw(st.lists(st.floats(-0.049, 0.049), min_size=len(size), max_size=len(size)))
    expected = sorted(np.flatnonzero(size >= bar / 60), key=lambda gene: (-size[gene], gene))[:count]
    assert listed(size, count, bar / 60, size + np.array(blur), 0.05) == expected


def test_no_statistic_is_needed_where_all_genes_surely_pass_and_order_is_none():
    def fails(genes):
        raise AssertionError(f"asked for {genes}")

    rough = np.array([0.4, 0.1, 0.5], dtype=np.float32)
    assert strongest(rough, 0.01, 0.3, fails, 2, ordered=False).tolist() == [0, 2]


@pytest.mark.parametrize("top", [1, 2, 3, 10])
def test_near_copies_are_passed_over_and_the_next_gene_comes_up(top):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 300))
    x[1::2] = x[::2]  # every second gene is a copy of the one before
    walk = partial(without_redundant, top=top, standardised=standardise(x), redundancy=1.0)
    chosen = []
    first = walk(lambda count: np.arange(100)[:count], chosen=chosen)
    assert first.tolist() == list(range(0, 2 * top, 2))
    # Another test: its copies of chosen genes go, the chosen ones themselves are taken again.
    second = walk(lambda count: np.array([1, 0, 3, 2, 50, 51])[:count], chosen=chosen)
    assert second.tolist() == [0, 2, 50][:top]
    assert chosen == first.tolist() + [g for g in second.tolist() if g not in first]


def test_a_long_list_of_copies_is_walked_to_its_end():
    x = np.random.default_rng(1).standard_normal((1, 50)).repeat(400, axis=0)
    x[399] = np.arange(50)
    asked = []

    def ordered(count):
        asked.append(count)
        return np.arange(400)[:count]

    assert without_redundant(ordered, 2, standardise(x), 0.95, []).tolist() == [0, 399]
    assert asked == [8, 32, 128, 512]
