"""Ranking genes for a gate, and its validation errors: against plain r and scikit-learn's Ridge."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from modeling.borrowing.gate_errors import validation_errors
from modeling.borrowing.gate_ranking import MOST_GENES, gene_moments, rank_genes, torch_product

GENES, LINES = 1100, 103  # more genes than a tile
BOUNDS = np.array([0, 21, 42, 63, 83, LINES])


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """Genes (equal, opposite, constant, constant but for one fold), columns (far from 0, constant, tiny)."""
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((LINES, 5))
    values = (rng.standard_normal((GENES, 5)) @ factors.T / 2 + rng.standard_normal((GENES, LINES))).astype(
        np.float32
    )
    values[7], values[1050] = values[1040], -values[1040]
    values[20], values[21] = 0.0, 0.0
    values[21, :21] = rng.standard_normal(21)
    columns = factors @ rng.standard_normal((5, 12)) + rng.standard_normal((LINES, 12))
    columns[:, 0] += 1e6
    columns[:, 1], columns[:, 2], columns[:, 3] = 0.0, 0.3, columns[:, 3] * 1e-6
    columns[:, 4] = np.round(columns[:, 4])
    columns[:, 5] = values[1040]
    columns[:, 8] = np.where(np.arange(LINES) == 30, 1.0, 0.1)  # varies in the second fold alone
    return values, columns


def slow(values: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Each gene's |r| with a column; 0 where either is constant."""
    z, y = values.astype(np.float64), column - column.mean()
    z = z - z.mean(axis=1, keepdims=True)
    size = np.sqrt(np.square(z).sum(axis=1) * np.square(y).sum())
    varies = (np.ptp(values, axis=1) > 0) & (np.ptp(column) > 0)
    return np.where(varies, np.abs(z @ y) / np.where(varies, size, 1.0), 0.0)


def test_the_strongest_genes_of_each_ranking_are_found(data: tuple[np.ndarray, np.ndarray]):
    values, columns = data
    found, size = rank_genes(values, BOUNDS, columns)
    for ranking in range(6):
        kept = np.ones(LINES, dtype=bool)
        if ranking < 5:
            kept[BOUNDS[ranking] : BOUNDS[ranking + 1]] = False
        for c in range(columns.shape[1]):
            each = slow(values[:, kept], columns[kept, c])
            genes = found[c, ranking]
            if not each.any():
                assert (genes == -1).all()
                continue
            assert len(set(genes)) == MOST_GENES
            np.testing.assert_allclose(size[c, ranking], each[genes], atol=2e-6)
            np.testing.assert_allclose(size[c, ranking], np.sort(each)[::-1][:MOST_GENES], atol=2e-6)
    assert found[5, :, :3].tolist() == [[7, 1040, 1050]] * 6  # equal ones: the lower gene first


def test_fewer_genes_than_places_leave_some_empty(data: tuple[np.ndarray, np.ndarray]):
    values, columns = data
    found, _ = rank_genes(values[[20, 21, 30, 31]], BOUNDS, columns[:, 6:])
    assert (np.sort(found[:, 0], axis=1)[:, -3:] == [-1, 2, 3]).all()  # gene 1 varies in the first fold only
    assert (np.sort(found[:, -1], axis=1)[:, -4:] == [-1, 1, 2, 3]).all()


def test_torch_and_known_moments_rank_alike(data: tuple[np.ndarray, np.ndarray]):
    values, columns = data
    found, size = rank_genes(values, BOUNDS, columns)
    again, sizes = rank_genes(values, BOUNDS, columns, torch_product("cpu"), gene_moments(values, BOUNDS))
    np.testing.assert_array_equal(again, found)
    np.testing.assert_allclose(sizes, size, atol=1e-6)


def test_validation_errors_equal_refits(data: tuple[np.ndarray, np.ndarray]):
    values, columns = data
    columns = columns[:, 6:8] - columns[:, 6:8].mean(axis=0)
    ranked = np.random.default_rng(1).integers(0, GENES, (2, 1, 6, MOST_GENES))
    ranked[0, 0, 1, 4:] = -1
    ranked[1, 0, 0, 2] = 21  # constant outside the first fold
    tops, penalties = np.array([3, 10]), np.array([0.1, 3.0])
    fast = validation_errors(values, BOUNDS, ranked, columns.T.copy(), tops, penalties)
    for t in range(2):
        for i, top in enumerate(tops):
            for j, penalty in enumerate(penalties):
                error = sum(refit(values, ranked[t, 0, f], top, columns[:, t], f, penalty) for f in range(5))
                assert fast[t, 0, i, j] == pytest.approx(error, rel=1e-12)


def test_a_fold_without_lines_adds_no_error(data: tuple[np.ndarray, np.ndarray]):
    values, columns = data
    residual = columns[:, 6] - columns[:, 6].mean()
    ranked = np.random.default_rng(2).integers(30, GENES, (1, 1, 6, MOST_GENES))
    given = (residual[None].copy(), np.array([3, 10]), np.array([0.1, 3.0]))
    five = validation_errors(values, BOUNDS, ranked, *given)
    emptied = np.insert(ranked, 2, ranked[:, :, 0], axis=2)
    np.testing.assert_array_equal(
        validation_errors(values, np.insert(BOUNDS, 2, BOUNDS[2]), emptied, *given), five
    )


def refit(values: np.ndarray, genes: np.ndarray, top: int, y: np.ndarray, fold: int, penalty: float) -> float:
    """Squared error of a fold by scikit-learn, genes standardised without it."""
    genes = genes[genes >= 0][:top]
    held = np.zeros(LINES, dtype=bool)
    held[BOUNDS[fold] : BOUNDS[fold + 1]] = True
    z = values[genes].astype(np.float64).T
    z -= z[~held].mean(axis=0)
    spread = z[~held].std(axis=0)
    z = np.where(spread > 0, z / np.where(spread > 0, spread, 1.0), 0.0)
    model = Ridge(alpha=penalty * (~held).sum(), fit_intercept=False).fit(z[~held], y[~held])
    return float(np.square(y[held] - model.predict(z[held])).sum())
