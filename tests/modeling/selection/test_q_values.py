import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from modeling.selection.association import error_of
from modeling.selection.q_values import q_values
from modeling.statistics.p_values import chi_squared_table, correlation_table
from tests.reference.magnitudes import blurred, rows_of_every_kind


def found(magnitude, table, columns, untested=(), error=1e-6):
    """Q of the genes of each row, from magnitudes off by up to the error, and exact ones where asked for."""
    rough = blurred(magnitude, error, np.random.default_rng(0))
    defined = np.ones(magnitude.shape[1], dtype=bool)
    defined[list(untested)] = False
    rough[:, ~defined] = 0.0
    rows = np.repeat(np.arange(len(magnitude)), len(columns))
    q = q_values(
        rough,
        error,
        defined,
        lambda rows, columns: magnitude[rows, columns],
        lambda rows, columns: magnitude[rows, columns],
        0.0,
        table,
        rows,
        np.tile(columns, len(magnitude)),
    )
    return q.reshape(len(magnitude), -1)


def check(magnitude, table, columns, untested=(), error=1e-6):
    """Against statsmodels, row by row."""
    magnitude = np.atleast_2d(magnitude)
    tested = np.setdiff1d(np.arange(magnitude.shape[1]), untested)
    for row, ours in zip(magnitude, found(magnitude, table, columns, untested, error), strict=True):
        q = np.full(len(row), np.nan)
        q[tested] = multipletests(table.exact(row[tested]), method="fdr_bh")[1]
        np.testing.assert_allclose(ours, q[columns], rtol=1e-9, atol=0)


@pytest.mark.parametrize("genes", [1, 2, 7, 100, 2500])
@pytest.mark.parametrize("lines", [30, 720])
@pytest.mark.parametrize("errors", [1, 40, 2000])
def test_q_of_any_genes_is_that_of_statsmodels(genes, lines, errors):
    rng = np.random.default_rng(genes)
    for test, table, scale in (
        ("pearson", correlation_table(lines, genes, 0.05), lines**-0.5),
        ("chi2", chi_squared_table(5, genes, 0.05), 1.0),
    ):
        magnitude = np.minimum(rows_of_every_kind(genes, scale, rng), table.limit * 1.05)
        for size in (1, min(genes, 20), genes):
            check(magnitude, table, rng.permutation(genes)[:size], error=errors * error_of(test, lines))


def test_magnitudes_beyond_the_table_and_p_of_zero():
    table = correlation_table(720, 300, 0.05)
    magnitude = np.abs(np.random.default_rng(0).standard_normal(300)) / 27
    magnitude[:6] = 1.0, 1.0, 0.99, 0.97, table.limit, np.nextafter(table.limit, 1)
    for error in (1e-6, 1e-3, 0.1):
        check(magnitude, table, np.arange(300), error=error)
    assert found(magnitude[None], table, np.array([0]))[0, 0] == 0.0


def test_genes_without_a_p_do_not_count():
    rng = np.random.default_rng(1)
    magnitude = np.abs(rng.standard_normal(500)) / 10
    untested = rng.permutation(500)[:120]
    magnitude[untested] = 0.0
    tested = np.setdiff1d(np.arange(500), untested)
    magnitude[tested[:30]] = 0.0  # uncorrelated, yet tested
    check(magnitude, correlation_table(100, 380, 0.05), tested, untested)


def test_of_a_gene_that_cannot_differ_from_zero_q_is_one():
    magnitude = np.zeros((1, 9))
    magnitude[0, :3] = 4.0, 3.0, 0.5
    q = found(magnitude, chi_squared_table(1, 9, 0.05), np.arange(9), untested=range(3, 9))
    assert q[0, 3:].tolist() == [1.0] * 6
    expected = multipletests(chi_squared_table(1, 9, 0.05).exact(magnitude[0]), method="fdr_bh")[1]
    np.testing.assert_allclose(q[0], expected, rtol=1e-9)


def test_without_freedom_every_q_is_one():
    q = found(np.zeros((1, 9)), chi_squared_table(0, 9, 0.05), np.array([0, 8]))
    assert q.tolist() == [[1.0, 1.0]]


def test_no_gene_at_all_is_no_error():
    q = found(np.zeros((2, 9)), correlation_table(40, 9, 0.05), np.array([], dtype=np.int64))
    assert q.shape == (2, 0)


def test_of_genes_that_only_their_last_bits_tell_apart_the_weakest_reported_one_counts():
    table, rows, columns = correlation_table(60, 5, 0.05), np.zeros(3, dtype=np.int64), np.arange(3)
    exact = np.array([0.5, 0.5 + 1e-15, 0.5 - 1e-15, 0.01, 0.02])
    reported = np.array([0.5 + 2e-15, 0.5 - 2e-15, 0.5, 0.01, 0.02])

    def q_settled_from(magnitude):
        rough, defined = exact[None].astype(np.float32), np.ones(5, dtype=bool)
        both = (lambda rows, columns: exact[columns]), (lambda rows, columns: reported[columns])
        return q_values(rough, 1e-6, defined, *both, magnitude, table, rows, columns).tolist()

    weakest, own = (float(table.exact(reported[i : i + 1])[0] / (3 / 5)) for i in (1, 2))
    assert q_settled_from(0.6) == [weakest] * 3
    assert q_settled_from(0.4) == [own] * 3


def test_few_genes_are_computed_exactly_where_a_row_has_strong_ones():
    rng = np.random.default_rng(3)
    table, error = correlation_table(720, 18_000, 0.05), error_of("pearson", 720)
    magnitude = np.abs(rng.standard_normal((1, 18_000))) / 27
    magnitude[0, :8] = np.linspace(0.3, 0.4, 8)
    asked = []

    def exact(rows, columns):
        asked.extend(columns.tolist())
        return magnitude[rows, columns]

    rows, columns = np.zeros(8, dtype=np.int64), np.arange(8)
    q_values(
        magnitude.astype(np.float32), error, np.ones(18_000, bool), exact, exact, 0.0, table, rows, columns
    )
    assert set(asked) >= set(range(8))
    assert len(asked) < 30


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.lists(st.floats(0, 0.4), min_size=0, max_size=200),
    st.integers(3, 900),
    st.sampled_from([1e-6, 1e-4, 0.01]),
)
def test_any_magnitudes_on_any_number_of_lines(some, weak, lines, error):
    magnitude = np.array(some + weak)
    check(magnitude, correlation_table(lines, len(magnitude), 0.05), np.arange(len(magnitude)), error=error)
