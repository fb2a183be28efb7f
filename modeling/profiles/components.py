"""Principal components of a matrix, and canonical components of two with the same rows.

Rows are genes and columns cell lines, the other way round than in most of this package: a gene is an example.
Regressions and the canonical correlation analysis (CCA) start from principal components.

For CCA each matrix is standardised and whitened by its own SVD; the canonical correlations are then the
singular values of the product of the two orthonormal bases (Björck and Golub, Mathematics of Computation
1973). That is direct: no products that square the condition number, no iteration, all components at once.
scikit-learn's CCA is not used: it finds one component after the other by power iterations (NIPALS) and
deflation, each with two pseudo-inverses of whole matrices, which alone cost what all components cost here,
and its iterations end unconverged where correlations lie close together (14 400 genes x 630 lines: 9 s a
component, the warning among the first two; here 3 s for all 630). Where it converges, both agree: the tests
say so.

CCA fits noise eagerly. Of two unrelated matrices, of which c components for n rows are kept, the first
correlation on those rows comes to about 2 sqrt(c/n (1 - c/n)) (Wachter, Annals of Statistics 1980): 1 from
half as many components as rows on. So each matrix is cut to its leading principal components, at most one
for every `ROWS_PER_COMPONENT` rows: noise then stays below 0.44. At the published size (14 500 training
genes, 630 lines) nothing is cut, and it is plain CCA; a panel of 400 genes x 983 lines is cut to 20
components. A share of the variance to keep would not do: expression differs between genes far more than
between lines, so one component holds most of it, and what distinguishes lines is in the last percents.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from modeling.kernels.distances import Scaling, scaling_of
from modeling.selection.association import one_blas_thread

ROWS_PER_COMPONENT = 20


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


@dataclass(frozen=True, eq=False)
class Projection:
    """From a row to its canonical variates, which have mean 0 and variance 1 over the rows fitted on."""

    scaling: Scaling
    weights: Float64[np.ndarray, "cell_lines components"]

    def of(self, matrix: Float[np.ndarray, "genes cell_lines"]) -> Float64[np.ndarray, "genes components"]:
        """The variates of new rows; NaN where a row has a gap."""
        with one_blas_thread():
            return rescaled(matrix, self.scaling) @ self.weights


@dataclass(frozen=True, eq=False)
class Canonical:
    """Canonical components, strongest first: `correlations` over the rows fitted on, and both projections.

    The left weight of largest magnitude in each component is positive, which fixes the signs.
    """

    correlations: Float64[np.ndarray, " components"]
    left: Projection
    right: Projection

    def __len__(self) -> int:
        return len(self.correlations)


def fit_cca(
    left: Float[np.ndarray, "genes left_lines"],
    right: Float[np.ndarray, "genes right_lines"],
    rows_per_component: int = ROWS_PER_COMPONENT,
) -> Canonical:
    """All canonical components of `left` with `right`: as many as the lower rank of the two, once cut.

    Constant columns get weight zero; of duplicate or dependent ones the weights are those of least norm.
    Raises ValueError for fewer than three rows or a value that is not finite.
    """
    return canonical_of(principal_of(left), principal_of(right), rows_per_component)


def canonical_of(
    left: Principal, right: Principal, rows_per_component: int = ROWS_PER_COMPONENT
) -> Canonical:
    """`fit_cca` of matrices that are decomposed already."""
    rows = len(left.left)
    most = max(rows // rows_per_component, 1)
    with one_blas_thread():
        turned, correlations, other = np.linalg.svd(
            left.left[:, :most].T @ right.left[:, :most], full_matrices=False
        )
        weights = _weights(left, turned, rows), _weights(right, other.T, rows)
    signs = _signs(weights[0])
    projections = (
        Projection(part.scaling, each * signs) for part, each in zip((left, right), weights, strict=True)
    )
    # Cosines of angles: rounding must not make them exceed 1.
    return Canonical(np.minimum(correlations, 1.0), *projections)


def _weights(
    part: Principal, turned: Float64[np.ndarray, "kept components"], rows: int
) -> Float64[np.ndarray, "cell_lines components"]:
    """Weights of standardised columns that give the turned left vectors, at variance 1."""
    kept = len(turned)
    return part.right[:, :kept] @ (turned / part.values[:kept, None]) * np.sqrt(rows)


def _signs(weights: Float64[np.ndarray, "cell_lines components"]) -> Float64[np.ndarray, " components"]:
    largest = np.abs(weights).argmax(axis=0)
    return np.where(weights[largest, np.arange(weights.shape[1])] < 0, -1.0, 1.0)
