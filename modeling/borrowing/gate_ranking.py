"""The genes of highest |r| with many columns at once, on all lines and on all but each inner fold.

One product serves them all: sums over a fold's lines are made apart, and those of the lines without a fold
are the total less the fold's. Genes come in tiles, so that no genes x targets table is ever whole.
"""

from collections.abc import Callable
from typing import TypeAlias, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.numba_cache import njit
from modeling.selection.association import one_blas_thread

MOST_GENES = 10
GENE_TILE = 1024
ALL_LINES = -1  # the last of the rankings: on all lines
SMALLEST = 1e-9  # of a standardised gene's variance: below, it is constant on the lines left

Product: TypeAlias = Callable[[np.ndarray, np.ndarray], np.ndarray]


def torch_product(device: str) -> Product:
    """Products on a device as torch names it."""
    import torch  # noqa: PLC0415 - heavy, and only on a GPU

    def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        a, b = (torch.from_numpy(np.ascontiguousarray(m)).to(device) for m in (left, right))
        out: np.ndarray = (a @ b).cpu().numpy()
        return out

    return product


def rank_genes(
    values: Float32[np.ndarray, "genes lines"],
    bounds: Int64[np.ndarray, " bounds"],
    columns: Float64[np.ndarray, "lines columns"],
    product: Product = np.matmul,
) -> tuple[Int64[np.ndarray, "columns rankings most"], Float64[np.ndarray, "columns rankings most"]]:
    """For each column and ranking the genes of highest |r|, strongest first, and their |r|.

    Ranking f leaves out the lines `bounds[f]` to `bounds[f + 1]`; the last takes all. Of equal ones the lower
    gene comes first. Fewer than `MOST_GENES` genes that vary: -1 fills up.
    """
    folds, width = len(bounds) - 1, columns.shape[1]
    sizes = np.diff(bounds).astype(np.float64)
    left = np.append(len(columns) - sizes, len(columns))
    parts = [slice(bounds[f], bounds[f + 1]) for f in range(folds)]
    sums = _without(np.stack([columns[part].sum(axis=0) for part in parts]))
    squares = _without(np.stack([np.square(columns[part]).sum(axis=0) for part in parts]))
    spread = np.maximum(squares - np.square(sums) / left[:, None], 0.0)
    best = np.zeros((width, folds + 1, MOST_GENES))
    found = np.full((width, folds + 1, MOST_GENES), -1, dtype=np.int64)
    with one_blas_thread():
        for start in range(0, len(values), GENE_TILE):
            tile = values[start : start + GENE_TILE].astype(np.float64)
            crossed = np.stack([product(tile[:, part], columns[part]) for part in parts])
            gene_sums = _without(np.stack([tile[:, part].sum(axis=1) for part in parts]))
            gene_squares = _without(np.stack([np.square(tile[:, part]).sum(axis=1) for part in parts]))
            variance = gene_squares / left[:, None] - np.square(gene_sums / left[:, None])
            inverse = np.divide(
                1.0, variance * left[:, None], out=np.zeros_like(variance), where=variance > SMALLEST
            )
            _keep_best(crossed, gene_sums, inverse, sums / left[:, None], start, best, found)
    size = np.sqrt(
        np.divide(best, spread.T[:, :, None], out=np.zeros_like(best), where=spread.T[:, :, None] > 0)
    )
    return found, size


def _without(parts: Float64[np.ndarray, "folds k"]) -> Float64[np.ndarray, "rankings k"]:
    """Sums over all lines but each fold's, then over all."""
    total = parts.sum(axis=0)
    return np.concatenate([total - parts, total[None]])


@njit
@no_type_check
def _keep_best(crossed, gene_sums, inverse, means, start, best, found):
    """Offer a tile's genes to every column's rankings; `best` holds covariance squared / gene variance."""
    folds, genes, width = crossed.shape
    most = best.shape[2]
    bar = np.empty((folds + 1, width))
    for c in range(width):
        for f in range(folds + 1):
            bar[f, c] = best[c, f, most - 1]
    total = np.empty(width)
    for g in range(genes):
        for c in range(width):
            total[c] = 0.0
        for f in range(folds):
            for c in range(width):
                total[c] += crossed[f, g, c]
        for f in range(folds + 1):
            scale, own = inverse[f, g], gene_sums[f, g]
            if scale == 0.0:
                continue
            for c in range(width):
                cross = total[c]
                if f < folds:
                    cross -= crossed[f, g, c]
                cross -= own * means[f, c]
                size = cross * cross * scale
                if size > bar[f, c]:
                    place = most - 1
                    while place > 0 and best[c, f, place - 1] < size:
                        best[c, f, place] = best[c, f, place - 1]
                        found[c, f, place] = found[c, f, place - 1]
                        place -= 1
                    best[c, f, place] = size
                    found[c, f, place] = start + g
                    bar[f, c] = best[c, f, most - 1]
