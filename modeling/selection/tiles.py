"""Products of targets and genes in double precision that are the same bits in any company.

The last bits of a matrix product depend on its shape: so a tile always has the same number of rows, and its
products the same alignment. Of a few genes alone they are the same as of all.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64, Int64

TILE_TARGETS = 128  # rows of a tile; fewer targets are padded with zeros
ALIGNED_GENES = 64  # products are made of this many genes at least; a multiple of every BLAS kernel's width
BLOCK_GENES = 2048  # of pairs: so many genes are held at once
LEAST_WORK = 2**21  # multiplications; some BLAS take another kernel for products below half of it


def multiply(
    targets: Float64[np.ndarray, "targets cell_lines"],
    genes: Float64[np.ndarray, "genes cell_lines"],
    left: Float64[np.ndarray, "tile cell_lines"],
    out: Float64[np.ndarray, "tile genes"],
) -> None:
    """Write targets @ genes.T in products whose shapes do not depend on the number of targets.

    Args:
        left: working memory of `TILE_TARGETS` rows, written over.
        out: its first rows are filled; those beyond the targets mean nothing.
    """
    left[: len(targets)] = targets
    left[len(targets) :] = 0.0
    whole = len(genes) // ALIGNED_GENES * ALIGNED_GENES
    np.matmul(left, genes[:whole].T, out=out[:, :whole])
    if whole < len(genes):
        last = np.zeros((ALIGNED_GENES, genes.shape[1]))
        last[: len(genes) - whole] = genes[whole:]
        out[:, whole:] = (left @ last.T)[:, : len(genes) - whole]


def products_of_pairs(
    targets: Float64[np.ndarray, "targets cell_lines"],
    genes: Float64[np.ndarray, "genes cell_lines"],
    rows: Int64[np.ndarray, " k"],
    columns: Int64[np.ndarray, " k"],
) -> Float64[np.ndarray, " k"]:
    """The products of k targets (rows) with a gene each, in the bits that `multiply` with all genes gives."""
    out, left = np.empty(len(rows)), np.empty((TILE_TARGETS, targets.shape[1]))
    distinct, place = np.unique(rows, return_inverse=True)
    for start in range(0, len(distinct), TILE_TARGETS):
        tile = targets[distinct[start : start + TILE_TARGETS]]
        some = np.flatnonzero((place >= start) & (place < start + TILE_TARGETS))
        for needed in _with_company(columns[some], genes):
            product = np.empty((TILE_TARGETS, len(needed)))
            multiply(tile, genes[needed], left, product)
            here = some[(columns[some] >= needed[0]) & (columns[some] <= needed[-1])]
            out[here] = product[place[here] - start, np.searchsorted(needed, columns[here])]
    return out


def _with_company(
    columns: Int64[np.ndarray, " k"], genes: Float64[np.ndarray, "genes cell_lines"]
) -> Iterator[Int64[np.ndarray, " _"]]:
    """The genes in blocks, with others, so that `multiply` takes each as among all: whole, or in the last."""
    n_genes, lines = genes.shape
    whole = n_genes // ALIGNED_GENES * ALIGNED_GENES
    least = -(-LEAST_WORK // (TILE_TARGETS * lines * ALIGNED_GENES)) * ALIGNED_GENES
    width = max(least, BLOCK_GENES)
    columns = np.unique(columns)
    inside = columns[columns < whole]
    for start in range(0, len(inside), width):
        block = inside[start : start + width]
        size = max(-(-len(block) // ALIGNED_GENES) * ALIGNED_GENES, least)
        if size < whole:
            yield np.concatenate([block, np.repeat(block[-1:], size - len(block))])
        else:
            yield np.arange(whole)
    if len(inside) < len(columns):
        yield np.arange(whole, n_genes)
