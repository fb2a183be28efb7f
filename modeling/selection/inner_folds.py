"""Selection by |r| within inner folds: the strongest genes on the lines that each part of the lines leaves.

r without a part comes from sums over the parts, so all inner folds together cost one product of genes and
targets, and no second copy of the genes prepared.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64

from modeling.selection.association import one_blas_thread, reciprocal
from modeling.selection.prepared import standardise
from modeling.selection.ranking import MARGIN, SIGNIFICANT_DIGITS, round_significant
from modeling.selection.tiles import TILE_TARGETS, multiply

# Of the share that a gene's variation on the kept lines has in that on all: below, it is rounding.
CONSTANT = 1e-12


def strongest_without(
    genes: Float64[np.ndarray, "genes cell_lines"],
    effects: Float64[np.ndarray, "cell_lines targets"],
    parts: Sequence[Int64[np.ndarray, " _"]],
    count: int,
) -> list[list[Int64[np.ndarray, " _"]]]:
    """Per target and part: the genes (columns) of highest |r| on the other parts' lines, at most `count`.

    The strongest come first; equal ones (12 digits) by column. Genes or targets that are constant on those
    lines have r = 0, and a gene of |r| 0 is not taken. A target's genes do not depend on the others.

    Args:
        genes: centred and of unit length on all lines, as `PreparedGenes.standardised`.
        effects: in the same lines, nothing missing.
        parts: numbers of lines, which together hold each line once.
    """
    columns = [np.ascontiguousarray(genes[:, part]) for part in parts]
    sums = [each.sum(axis=1) for each in columns]
    squares = [np.einsum("gl,gl->g", each, each) for each in columns]
    found: list[list[Int64[np.ndarray, " _"]]] = []
    with one_blas_thread():
        for start in range(0, effects.shape[1], TILE_TARGETS):
            tile = standardise(np.ascontiguousarray(effects[:, start : start + TILE_TARGETS].T))
            products = [_product(tile[:, part], each) for part, each in zip(parts, columns, strict=True)]
            every = sum(products[1:], start=products[0])
            each_part: list[list[Int64[np.ndarray, " _"]]] = []
            for part, product, gene_sum, square in zip(parts, products, sums, squares, strict=True):
                magnitude = _without(tile, part, every - product, gene_sum, square)
                each_part.append([_strongest(row, count) for row in magnitude])
            found += [list(row) for row in zip(*each_part, strict=True)]
    return found


def _product(
    targets: Float64[np.ndarray, "targets part"], genes: Float64[np.ndarray, "genes part"]
) -> Float64[np.ndarray, "targets genes"]:
    left, out = np.empty((TILE_TARGETS, genes.shape[1])), np.empty((TILE_TARGETS, len(genes)))
    multiply(targets, genes, left, out)
    return out[: len(targets)]


def _without(
    tile: Float64[np.ndarray, "targets cell_lines"],
    part: Int64[np.ndarray, " part"],
    products: Float64[np.ndarray, "targets genes"],
    gene_sum: Float64[np.ndarray, " genes"],
    gene_square: Float64[np.ndarray, " genes"],
) -> Float64[np.ndarray, "targets genes"]:
    """|r| on the lines outside the part. Over all lines, sums are 0 and squares 1 (0 for a constant)."""
    kept = tile.shape[1] - len(part)
    out = np.ascontiguousarray(tile[:, part])
    target_sum, target_square = out.sum(axis=1), np.einsum("tl,tl->t", out, out)
    gene_spread = _spread(gene_sum, gene_square, kept)
    target_spread = _spread(target_sum, target_square, kept)
    magnitude = np.abs(products - target_sum[:, None] * gene_sum / kept)
    magnitude *= reciprocal(gene_spread)
    magnitude *= reciprocal(target_spread)[:, None]
    return magnitude


def _spread(
    sums: Float64[np.ndarray, " k"], squares: Float64[np.ndarray, " k"], kept: int
) -> Float64[np.ndarray, " k"]:
    """Length of centred values on the kept lines, from sum and squares of the others; 0 where constant."""
    left = 1.0 - squares - np.square(sums) / kept
    return np.sqrt(np.where(left > CONSTANT, left, 0.0))


def _strongest(magnitude: Float64[np.ndarray, " genes"], count: int) -> Int64[np.ndarray, " k"]:
    kept = np.arange(len(magnitude))
    if len(kept) > count:
        last = np.partition(magnitude, len(kept) - count)[len(kept) - count]
        kept = np.flatnonzero(magnitude >= last * (1 - MARGIN))
    kept = kept[magnitude[kept] > CONSTANT]
    size = round_significant(magnitude[kept], SIGNIFICANT_DIGITS)
    return kept[np.lexsort((kept, -size))][:count]
