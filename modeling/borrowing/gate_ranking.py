"""The genes of highest |r| with many columns at once, on all lines and on all but each inner fold.

One product serves them all: sums over a fold's lines are made apart, and those of the lines without a fold
are the total less the fold's. Genes come in tiles, so that no genes x targets table is ever whole. Products
are of float32, as expression is (columns are centred and scaled first, so nothing cancels), and added up in
float64: an r is good to about 1e-6, and only genes that are closer than that may change places.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int64

from modeling.numba_cache import njit
from modeling.selection.association import one_blas_thread

MOST_GENES = 10
GENE_TILE = 1024
ALL_LINES = -1  # the last of the rankings: on all lines
SMALLEST = 1e-9  # of a standardised gene's variance: below, it is constant on the lines left
FLAT = 1e-10  # of a column's variance on all lines: below, it is constant on the lines left
ROUNDING = 1e-12  # of a column's mean: one that varies less is constant

Product: TypeAlias = Callable[[np.ndarray, np.ndarray], np.ndarray]


def torch_product(device: str) -> Product:
    """Products on a device as torch names it."""
    import torch  # noqa: PLC0415 - heavy, and only on a GPU

    def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        a, b = (torch.from_numpy(np.ascontiguousarray(m)).to(device) for m in (left, right))
        out: np.ndarray = (a @ b).cpu().numpy()
        return out

    return product


@dataclass(frozen=True, eq=False)
class GeneMoments:
    """Of each gene on the lines that each ranking has: the sum, and 1 / the sum of squares about the mean.

    The latter is 0 where the gene is constant there.
    """

    sums: Float64[np.ndarray, "rankings genes"]
    inverse: Float64[np.ndarray, "rankings genes"]


def gene_moments(
    values: Float32[np.ndarray, "genes lines"], bounds: Int64[np.ndarray, " bounds"]
) -> GeneMoments:
    """What `rank_genes` needs of the genes whatever the columns are."""
    folds = len(bounds) - 1
    sums, squares = np.empty((folds, len(values))), np.empty((folds, len(values)))
    for start in range(0, len(values), GENE_TILE):
        genes = slice(start, start + GENE_TILE)
        tile = values[genes].astype(np.float64)
        for fold in range(folds):
            part = tile[:, bounds[fold] : bounds[fold + 1]]
            sums[fold, genes] = part.sum(axis=1)
            squares[fold, genes] = np.square(part).sum(axis=1)
    sums, squares, left = _without(sums), _without(squares), _lines_left(bounds)[:, None]
    variance = squares / left - np.square(sums / left)
    inverse = np.divide(1.0, variance * left, out=np.zeros_like(variance), where=variance > SMALLEST)
    return GeneMoments(sums, inverse)


def rank_genes(
    values: Float32[np.ndarray, "genes lines"],
    bounds: Int64[np.ndarray, " bounds"],
    columns: Float64[np.ndarray, "lines columns"],
    product: Product = np.matmul,
    moments: GeneMoments | None = None,
) -> tuple[Int64[np.ndarray, "columns rankings most"], Float64[np.ndarray, "columns rankings most"]]:
    """For each column and ranking the genes of highest |r|, strongest first, and their |r|.

    Ranking f leaves out the lines `bounds[f]` to `bounds[f + 1]`; the last takes all. Of equal ones the lower
    gene comes first. Fewer than `MOST_GENES` genes that vary, or a constant column: -1 fills up. `moments`
    are those of the genes, where they are known already.
    """
    moments = gene_moments(values, bounds) if moments is None else moments
    folds, width = len(bounds) - 1, columns.shape[1]
    parts = [slice(bounds[f], bounds[f + 1]) for f in range(folds)]
    scaled = _scaled(columns)
    precise, left = scaled.astype(np.float64), _lines_left(bounds)[:, None]
    sums = _without(np.stack([precise[part].sum(axis=0) for part in parts]))
    squares = _without(np.stack([np.square(precise[part]).sum(axis=0) for part in parts]))
    spread = np.maximum(squares - np.square(sums) / left, 0.0)
    best = np.zeros((width, folds + 1, MOST_GENES))
    found = np.full((width, folds + 1, MOST_GENES), -1, dtype=np.int64)
    # The last place stays 0: the ranking on all lines leaves nothing out.
    crossed = np.zeros((folds + 1, min(GENE_TILE, len(values)), width), dtype=np.float32)
    with one_blas_thread():
        for start in range(0, len(values), GENE_TILE):
            tile = values[start : start + GENE_TILE]
            for fold, part in enumerate(parts):
                crossed[fold, : len(tile)] = product(tile[:, part], scaled[part])
            _keep_best(crossed, len(tile), moments.sums, moments.inverse, sums / left, start, best, found)
    # A column may vary on the lines of one fold alone; what rounding leaves of it elsewhere ranks no genes.
    varies = np.broadcast_to((spread > FLAT * left).T[:, :, None], best.shape)
    size = np.sqrt(np.divide(best, spread.T[:, :, None], out=np.zeros_like(best), where=varies))
    return np.where(varies, found, -1), size


def _scaled(columns: Float64[np.ndarray, "lines columns"]) -> Float32[np.ndarray, "lines columns"]:
    """Centred, and divided by their root mean square; zeros where a column is constant but for rounding."""
    mean = columns.mean(axis=0)
    size = np.sqrt(np.square(columns - mean).mean(axis=0))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=~(size <= ROUNDING * np.abs(mean)))
    return ((columns - mean) * scale).astype(np.float32)


def _lines_left(bounds: Int64[np.ndarray, " bounds"]) -> Float64[np.ndarray, " rankings"]:
    """How many lines each ranking has."""
    return np.append(bounds[-1] - np.diff(bounds), bounds[-1]).astype(np.float64)


def _without(parts: Float64[np.ndarray, "folds k"]) -> Float64[np.ndarray, "rankings k"]:
    """Sums over all lines but each fold's, then over all."""
    total = parts.sum(axis=0)
    return np.concatenate([total - parts, total[None]])


@njit
@no_type_check
def _keep_best(crossed, genes, gene_sums, inverse, means, start, best, found):
    """Offer a tile's genes to every column's rankings; `best` holds covariance squared / gene variance."""
    rankings, _, width = crossed.shape
    bar = np.empty((rankings, width))
    for c in range(width):
        bar[:, c] = best[c, :, -1]
    total, size = np.empty(width), np.empty(width)
    for g in range(genes):
        total[:] = 0.0
        for f in range(rankings - 1):
            for c in range(width):
                total[c] += np.float64(crossed[f, g, c])
        for f in range(rankings):
            scale, own = inverse[f, start + g], gene_sums[f, start + g]
            if scale == 0.0:
                continue
            better = 0
            for c in range(width):  # without branches, so that it compiles to something fast
                cross = total[c] - np.float64(crossed[f, g, c]) - own * means[f, c]
                size[c] = cross * cross * scale
                better += size[c] > bar[f, c]
            if better == 0:
                continue
            for c in range(width):
                if size[c] > bar[f, c]:
                    bar[f, c] = _insert(best[c, f], found[c, f], size[c], start + g)


@njit
@no_type_check
def _insert(best, found, size, gene):
    """Put a gene where it belongs, the last falls out; gives the new last size."""
    place = len(best) - 1
    while place > 0 and best[place - 1] < size:
        best[place] = best[place - 1]
        found[place] = found[place - 1]
        place -= 1
    best[place] = size
    found[place] = gene
    return best[-1]
