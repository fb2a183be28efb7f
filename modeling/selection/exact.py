"""The statistics of a few genes with one target, in double precision: what decides, and what is reported.

Statistics have scipy's own bits. To place a gene among others, its magnitude by a sum in any order is enough;
the p that is reported is of |r| as a product of tiles, whose bits are the same in any company.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from modeling.numba_cache import njit
from modeling.selection.association import PreparedTargets, reciprocal
from modeling.selection.prepared import BLOCK_ROWS, PreparedGenes
from modeling.selection.tiles import products_of_pairs
from modeling.statistics.chi_squared import chi_squared_of, root_chi_squared_of

# Of log p, so of q, relatively; it falls with r by at most lines / (1 - r^2) times r's own error.
Q_TOLERANCE = 1e-9
R_ERROR = 1e-13

DENSE = 4  # pairs for every gene: from there on matrix products are faster than pair by pair


def statistics_of(
    test: str,
    genes: PreparedGenes,
    targets: PreparedTargets,
    target: int,
    columns: Int64[np.ndarray, " k"],
) -> Float64[np.ndarray, " k"]:
    """Signed r, signed rho or chi-squared of one target with a few genes, in scipy's order of operations.

    0 where either is constant.

    Args:
        test: one of `TESTS`.
        target: row in `targets`.
        columns: the k genes.
    """
    if test == "pearson":
        statistic = np.vecdot(genes.standardised[columns], targets.standardised[target])
    elif test == "spearman":
        if not targets.rank_spread[target]:
            return np.zeros(len(columns))
        products = np.vecdot(genes.ranks[columns].astype(np.float64), targets.ranks[target])
        covariance = products * np.true_divide(1, genes.n_lines - 1) / targets.rank_spread[target]
        spread = genes.rank_spread[columns]
        statistic = np.divide(covariance, spread, out=np.zeros(len(columns)), where=spread > 0)
    else:
        rows = np.full(len(columns), target)
        return chi_squared_of(genes.upper, targets.binned, genes.n_lines, rows, columns)
    return np.minimum(np.maximum(statistic, -1.0), 1.0)


def may_differ_from_zero(test: str, genes: PreparedGenes) -> Bool[np.ndarray, " genes"]:
    """Which genes have a magnitude at all: those that vary, or have lines on both sides of their cut."""
    if test != "chi2":
        return genes.varies
    return (genes.upper_counts > 0) & (genes.upper_counts < genes.n_lines)


def magnitude_of(test: str, statistic: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
    """|r|, |rho| or the root of chi-squared: what p falls with."""
    return np.sqrt(statistic) if test == "chi2" else np.abs(statistic)


def magnitudes_of(
    test: str,
    genes: PreparedGenes,
    targets: PreparedTargets,
    rows: Int64[np.ndarray, " k"],
    columns: Int64[np.ndarray, " k"],
    reported: bool = False,
) -> Float64[np.ndarray, " k"]:
    """`magnitude_of` the statistics of k targets (rows) with a gene each, right to `R_ERROR`; constant: 0.

    An |r| or |rho| so near 1 that `R_ERROR` would change p has scipy's own bits.

    Args:
        reported: in the very bits whose p all releases have reported: |r| as a product of tiles.
    """
    if test == "chi2":
        counts = genes.upper, genes.upper_counts
        return root_chi_squared_of(*counts, targets.binned, genes.n_lines, rows, columns)
    products = _dense_products if len(rows) > DENSE * genes.n_genes else _few_products
    if test == "pearson":
        products = products_of_pairs if reported else products
        size = np.abs(products(targets.standardised, genes.standardised, rows, columns))
    else:
        size = np.abs(products(targets.ranks, genes.ranks, rows, columns))
        size *= reciprocal(genes.rank_spread[columns] * (genes.n_lines - 1))
        size *= reciprocal(targets.rank_spread[rows])
    steep = np.flatnonzero(size > steep_from(genes.n_lines))
    for row in np.unique(rows[steep]).tolist():
        some = steep[rows[steep] == row]
        size[some] = magnitude_of(test, statistics_of(test, genes, targets, row, columns[some]))
    return size


def steep_from(n_lines: int) -> float:
    """The |r| or |rho| beyond which an error of `R_ERROR` in it may change p by `Q_TOLERANCE`, relatively."""
    return float(np.sqrt(max(1.0 - n_lines * R_ERROR / Q_TOLERANCE, 0.0)))


def _dense_products(
    targets: Float64[np.ndarray, "targets cell_lines"],
    genes: Float[np.ndarray, "genes cell_lines"],
    rows: Int64[np.ndarray, " k"],
    columns: Int64[np.ndarray, " k"],
) -> Float64[np.ndarray, " k"]:
    """As `_few_products`, for ascending rows with many pairs each."""
    new = np.append(True, rows[1:] != rows[:-1])
    tile = targets[rows[new]]
    products = np.empty((len(tile), len(genes)))
    for start in range(0, len(genes), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        np.matmul(tile, genes[block].astype(np.float64, copy=False).T, out=products[:, block])
    return products[np.cumsum(new) - 1, columns]


def _few_products(
    targets: Float64[np.ndarray, "targets cell_lines"],
    genes: Float[np.ndarray, "genes cell_lines"],
    rows: Int64[np.ndarray, " k"],
    columns: Int64[np.ndarray, " k"],
) -> Float64[np.ndarray, " k"]:
    """As `_products`, gene by gene: the genes come from far in memory, the targets stay in a cache."""
    order, out = np.argsort(columns, kind="stable"), np.empty(len(columns))
    out[order] = _products(targets, genes, rows[order], columns[order])
    return out


@njit(fastmath={"reassoc", "contract"})
@no_type_check
def _products(targets, genes, rows, columns):
    """target . gene of each pair, four at once."""
    out, last = np.empty(len(columns) + 3), len(columns) - 1
    for i in range(0, len(columns), 4):
        j, k, m = min(i + 1, last), min(i + 2, last), min(i + 3, last)
        a, b, c, d = genes[columns[i]], genes[columns[j]], genes[columns[k]], genes[columns[m]]
        e, f, g, h = targets[rows[i]], targets[rows[j]], targets[rows[k]], targets[rows[m]]
        sum_a, sum_b, sum_c, sum_d = 0.0, 0.0, 0.0, 0.0
        for line in range(targets.shape[1]):
            sum_a += a[line] * e[line]
            sum_b += b[line] * f[line]
            sum_c += c[line] * g[line]
            sum_d += d[line] * h[line]
        out[i], out[i + 1], out[i + 2], out[i + 3] = sum_a, sum_b, sum_c, sum_d
    return out[: len(columns)]
