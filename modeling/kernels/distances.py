"""How far cell lines lie apart over all genes: L1 distances and inner products of standardised expression.

Expression is standardised with the training lines' statistics and rounded to float32 (half the memory; the
rounding is far below that of the data). Distances are summed in float64, gene after gene, so a pair of lines
has the same bits whichever other lines are asked about. One thread, as a task has one CPU: folds are prepared
side by side.
"""

from dataclasses import dataclass
from typing import TypeAlias, no_type_check

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from modeling.numba_cache import njit
from modeling.selection.prepared import check_matrix
from modeling.statistics.metrics import CONSTANT_TOLERANCE

GENES_AT_ONCE = 512  # a pass: their values of a tile of lines stay in the second-level cache
LINES_LEFT, LINES_RIGHT = 4, 128  # a tile: its float64 sums stay in the first-level cache
BLOCK_GENES = 2048  # bounds the float64 copies that statistics and inner products are made of

Counted: TypeAlias = int | Int64[np.ndarray, " left"] | None


@dataclass(frozen=True)
class Scaling:
    """Each gene's mean over the training lines, and 1 / its standard deviation (ddof 0); 0 where constant."""

    mean: Float64[np.ndarray, " genes"]
    inverse: Float64[np.ndarray, " genes"]

    @property
    def varies(self) -> Bool[np.ndarray, " genes"]:
        """The genes that count: constant ones distinguish no lines."""
        return self.inverse > 0


def scaling_of(expression: Float[np.ndarray, "cell_lines genes"]) -> Scaling:
    """Statistics of the training lines.

    A gene whose range is at most 1e-12 of its largest magnitude is constant, as in `statistics.metrics`.
    Raises ValueError for fewer than three lines or a value that is not finite.
    """
    check_matrix("expression", expression)
    mean, inverse = np.zeros(expression.shape[1]), np.zeros(expression.shape[1])
    for start in range(0, expression.shape[1], BLOCK_GENES):
        genes = slice(start, start + BLOCK_GENES)
        block = expression[:, genes].astype(np.float64)
        low, high = block.min(axis=0), block.max(axis=0)
        mean[genes], spread = block.mean(axis=0), block.std(axis=0)
        varies = high - low > CONSTANT_TOLERANCE * np.maximum(np.abs(low), np.abs(high))
        np.divide(1.0, spread, out=inverse[genes], where=varies & (spread > 0))
    return Scaling(mean, inverse)


def log2_scaling_of(expression: Float[np.ndarray, "cell_lines genes"]) -> Scaling:
    """As `scaling_of`, but every gene that varies is divided by the mean of their standard deviations.

    So a gene counts as much as it varies, in log2 units.
    """
    each = scaling_of(expression)
    mean_sd = float(np.mean(1.0 / each.inverse[each.varies])) if each.varies.any() else 1.0
    return Scaling(each.mean, np.where(each.varies, 1.0 / mean_sd, 0.0))


def standardised(
    expression: Float[np.ndarray, "cell_lines genes"], scaling: Scaling
) -> Float32[np.ndarray, "cell_lines genes"]:
    """(expression - mean) / standard deviation, of training or other lines; 0 where constant in training.

    NaN where the expression is.
    """
    out = np.empty(expression.shape, dtype=np.float32)
    for start in range(0, expression.shape[1], BLOCK_GENES):
        genes = slice(start, start + BLOCK_GENES)
        out[:, genes] = (expression[:, genes] - scaling.mean[genes]) * scaling.inverse[genes]
    return out


def mean_distances(
    left: Float32[np.ndarray, "left genes"],
    right: Float32[np.ndarray, "right genes"] | None = None,
    counted: Counted = None,
) -> Float64[np.ndarray, "..."]:
    """Mean over genes of |left - right| for every pair of lines; `right` None: of `left` with itself.

    Args:
        left, right: standardised expression, the same genes. Where `right` is given, a gene that is NaN for a
            line of `left` is left out of that line's sums.
        counted: the number of genes to divide by (those that vary), for all lines or each of `left`; all the
            genes, if None. 0 gives zeros.
    """
    columns = np.ascontiguousarray(left.T)
    sums = np.zeros((len(left), len(left if right is None else right)))
    if right is None:
        _add_distances(columns, columns, True, sums)
        below = np.tril_indices(len(left), -1)
        sums[below] = sums.T[below]
    else:
        _add_distances(columns, np.ascontiguousarray(right.T), False, sums)
    return _means(sums, left.shape[1] if counted is None else counted)


def mean_products(
    left: Float32[np.ndarray, "left genes"],
    right: Float32[np.ndarray, "right genes"] | None = None,
    counted: Counted = None,
) -> Float64[np.ndarray, "..."]:
    """Mean over genes of left x right for every pair of lines; arguments as of `mean_distances`."""
    sums = np.zeros((len(left), len(left if right is None else right)))
    for start in range(0, left.shape[1], BLOCK_GENES):
        genes = slice(start, start + BLOCK_GENES)
        block = left[:, genes].astype(np.float64)
        if right is not None:
            block[np.isnan(block)] = 0.0
        # A product with its own transpose is symmetric to the last bit (BLAS computes one half).
        sums += block @ (block if right is None else right[:, genes].astype(np.float64)).T
    return _means(sums, left.shape[1] if counted is None else counted)


def _means(
    sums: Float64[np.ndarray, "left right"], counted: int | Int64[np.ndarray, " left"]
) -> Float64[np.ndarray, "left right"]:
    return sums / np.maximum(np.reshape(counted, (-1, 1)), 1)


@njit
@no_type_check
def _add_distances(left, right, symmetric, sums):
    """Add |left - right| summed over genes (rows); where symmetric, below the diagonal not all is filled.

    A gene that is NaN on the left adds nothing.
    """
    genes, n_left = left.shape
    n_right = right.shape[1]
    tile = np.empty((LINES_LEFT, LINES_RIGHT))
    for first in range(0, genes, GENES_AT_ONCE):
        last = min(first + GENES_AT_ONCE, genes)
        for i in range(0, n_left, LINES_LEFT):
            rows = min(LINES_LEFT, n_left - i)
            for j in range(i // LINES_RIGHT * LINES_RIGHT if symmetric else 0, n_right, LINES_RIGHT):
                columns = min(LINES_RIGHT, n_right - j)
                tile[:] = 0.0
                for gene in range(first, last):
                    values = right[gene, j : j + columns]
                    for row in range(rows):
                        here = np.float64(left[gene, i + row])
                        if np.isnan(here):
                            continue
                        total = tile[row]
                        for column in range(columns):
                            total[column] += abs(values[column] - here)
                for row in range(rows):
                    for column in range(columns):
                        sums[i + row, j + column] += tile[row, column]
