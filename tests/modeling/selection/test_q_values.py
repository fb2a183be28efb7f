import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from modeling.selection.q_values import q_values
from modeling.statistics.p_values import chi_squared_table, correlation_table
from tests.reference.magnitudes import rows_of_every_kind


def check(magnitude, table, columns, untested=()):
    tested = np.setdiff1d(np.arange(len(magnitude)), untested)
    q = np.full(len(magnitude), np.nan)
    q[tested] = multipletests(table.exact(magnitude[tested]), method="fdr_bh")[1]
    np.testing.assert_allclose(q_values(magnitude, table, columns), q[columns], rtol=1e-9, atol=0)


@pytest.mark.parametrize("genes", [1, 2, 7, 100, 2500])
@pytest.mark.parametrize("lines", [30, 720])
def test_q_of_any_genes_is_that_of_statsmodels(genes, lines):
    rng = np.random.default_rng(genes)
    tables = [(correlation_table(lines, genes, 0.05), lines**-0.5), (chi_squared_table(5, genes, 0.05), 1.0)]
    for table, scale in tables:
        for magnitude in np.minimum(rows_of_every_kind(genes, scale, rng), table.limit * 1.05):
            for size in (1, min(genes, 20), genes):
                check(magnitude, table, rng.permutation(genes)[:size])


def test_magnitudes_beyond_the_table_and_p_of_zero():
    table = correlation_table(720, 300, 0.05)
    magnitude = np.abs(np.random.default_rng(0).standard_normal(300)) / 27
    magnitude[:6] = 1.0, 1.0, 0.99, 0.97, table.limit, np.nextafter(table.limit, 1)
    check(magnitude, table, np.arange(300))
    assert q_values(magnitude, table, np.array([0]))[0] == 0.0


def test_genes_without_a_p_do_not_count():
    rng = np.random.default_rng(1)
    magnitude = np.abs(rng.standard_normal(500)) / 10
    untested = rng.permutation(500)[:120]
    magnitude[untested] = 0.0
    tested = np.setdiff1d(np.arange(500), untested)
    magnitude[tested[:30]] = 0.0  # uncorrelated, yet tested
    check(magnitude, correlation_table(100, 380, 0.05), tested, untested)


def test_without_freedom_every_q_is_one():
    assert q_values(np.zeros(9), chi_squared_table(0, 9, 0.05), np.array([0, 8])).tolist() == [1.0, 1.0]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.lists(st.floats(0, 0.4), min_size=0, max_size=200),
    st.integers(3, 900),
)
def test_any_magnitudes_on_any_number_of_lines(some, weak, lines):
    magnitude = np.array(some + weak)
    check(magnitude, correlation_table(lines, len(magnitude), 0.05), np.arange(len(magnitude)))
