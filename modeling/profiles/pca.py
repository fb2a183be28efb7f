"""Principal components of a matrix whose columns are standardised: what regressions and CCA start from.

Rows are genes and columns cell lines, the other way round than in most of this package: a gene is an example.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from modeling.kernels.distances import Scaling, scaling_of
from modeling.selection.association import one_blas_thread


@dataclass(frozen=True, eq=False)
class Principal:
    """The thin SVD `left` diag(`values`) `right`' of standardised columns, without directions of no variance.

    Attributes:
        scaling: of each column over the rows; constant columns are zero once standardised.
        left: orthonormal, each column summing to zero.
        values: singular values, largest first, all above rounding.
        right: orthonormal.
    """

    scaling: Scaling
    left: Float64[np.ndarray, "genes rank"]
    values: Float64[np.ndarray, " rank"]
    right: Float64[np.ndarray, "cell_lines rank"]


def principal_of(matrix: Float[np.ndarray, "genes cell_lines"]) -> Principal:
    """Standardise every column over the rows given, and decompose.

    By the SVD itself and not the eigenvectors of a product, which would square the condition number. The
    rank is numpy's: a singular value counts if above max(shape) x epsilon x the largest. Raises ValueError
    for fewer than three rows or a value that is not finite.
    """
    scaling = scaling_of(matrix)
    with one_blas_thread():
        left, values, right = np.linalg.svd(rescaled(matrix, scaling), full_matrices=False)
    rank = int((values > max(matrix.shape) * np.finfo(float).eps * values.max(initial=0.0)).sum())
    return Principal(scaling, left[:, :rank], values[:rank], np.ascontiguousarray(right[:rank].T))


def rescaled(
    matrix: Float[np.ndarray, "genes cell_lines"], scaling: Scaling
) -> Float64[np.ndarray, "genes cell_lines"]:
    """Columns less their means and over their standard deviations; 0 where those were constant."""
    return (matrix.astype(np.float64) - scaling.mean) * scaling.inverse
