"""The genes most strongly correlated with a target: the filter in front of the forest on all genes.

It chooses what scikit-learn's SelectKBest(f_regression, k) chooses: F grows with |r|, so |r| orders the
genes. Of equally strong genes (|r| alike to 12 significant digits) the lower column goes first, which
scikit-learn leaves to rounding; constant genes come after all others, again the lower column first.
"""

from functools import partial

import numpy as np
from jaxtyping import Float, Float64, Int64

from modeling.selection.association import TILE_TARGETS, multiply, one_blas_thread
from modeling.selection.prepared import BLOCK_ROWS, check_matrix, standardise
from modeling.selection.ranking import strongest


def standardised_genes(
    expression: Float[np.ndarray, "cell_lines genes"],
) -> Float64[np.ndarray, "genes cell_lines"]:
    """Each gene less its mean over the training lines, scaled to unit length; zeros where constant.

    Raises ValueError for fewer than three cell lines or a value that is not finite.
    """
    check_matrix("expression", expression)
    out = np.empty(expression.shape[::-1])
    for start in range(0, len(out), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        out[rows] = standardise(np.ascontiguousarray(expression[:, rows].T, dtype=np.float64))
    return out


def top_genes(
    genes: Float64[np.ndarray, "genes cell_lines"],
    effects: Float64[np.ndarray, "cell_lines targets"],
    count: int,
) -> Int64[np.ndarray, "targets kept"]:
    """Columns of the `count` genes (all, if there are fewer) best by |r|, ascending, for every target.

    A target's genes do not depend on the targets that come with it. Those of an effect that is not finite
    mean nothing.

    Args:
        genes: as `standardised_genes` gives them.
        effects: in the same lines, nothing missing.
    """
    kept = np.empty((effects.shape[1], min(count, len(genes))), dtype=np.int64)
    constant = np.flatnonzero(~genes.any(axis=1))
    magnitude, left = np.empty((TILE_TARGETS, len(genes))), np.empty((TILE_TARGETS, genes.shape[1]))
    with one_blas_thread(), np.errstate(invalid="ignore"):
        for start in range(0, effects.shape[1], TILE_TARGETS):
            tile = standardise(np.ascontiguousarray(effects[:, start : start + TILE_TARGETS].T))
            multiply(tile, genes, left, magnitude)
            np.nan_to_num(np.abs(magnitude, out=magnitude), copy=False)
            magnitude[:, constant] = -1.0
            for row, target in enumerate(tile):
                statistic = partial(_correlation, genes, target)
                found = strongest(magnitude[row], 0.0, statistic, kept.shape[1])
                some = constant[: kept.shape[1] - len(found)]
                kept[start + row] = np.sort(np.concatenate([found, some]))
    return kept


def _correlation(
    genes: Float64[np.ndarray, "genes cell_lines"],
    target: Float64[np.ndarray, " cell_lines"],
    columns: Int64[np.ndarray, " k"],
) -> Float64[np.ndarray, " k"]:
    return np.vecdot(genes[columns], target)
