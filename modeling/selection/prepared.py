"""Expression prepared once per fold for association with any number of targets, from training lines only."""

from dataclasses import dataclass
from typing import Literal, no_type_check

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64, UInt64

from modeling.numba_cache import njit
from modeling.statistics.chi_squared import pack

BLOCK_ROWS = 1024  # bounds temporary memory, and does not influence results: rows are independent
Cut = Literal["median", "mean"]

LARGEST = 8e307  # of a value: a larger one less the mean may overflow
FEWEST_LINES = 3  # a correlation of two points says nothing


@dataclass(frozen=True)
class PreparedGenes:
    """What the association tests need of the expression of the training lines: plain, read-only arrays.

    Attributes:
        standardised: expression minus its mean, scaled to unit length; zeros for a constant gene.
        rounded: the same in single precision.
        ranks: average ranks minus the mean rank: multiples of one half, which single precision holds exactly.
        rank_spread: standard deviation of the ranks (n - 1 in the denominator); 0 for a constant gene.
        upper: whether expression is at or above the gene's cut (median or mean), packed, words outermost.
        upper_counts: in how many lines it is.
        varies: whether expression differs between lines at all; correlation is undefined where not.
        digest: names the content, where that is known: genes of one digest are sent to a device once.
    """

    standardised: Float64[np.ndarray, "genes cell_lines"]
    rounded: Float32[np.ndarray, "genes cell_lines"]
    ranks: Float32[np.ndarray, "genes cell_lines"]
    rank_spread: Float64[np.ndarray, " genes"]
    upper: UInt64[np.ndarray, "words genes"]
    upper_counts: Int64[np.ndarray, " genes"]
    varies: Bool[np.ndarray, " genes"]
    digest: str = ""

    @property
    def n_lines(self) -> int:
        """Number of cell lines the genes were prepared on."""
        return self.standardised.shape[1]

    @property
    def n_genes(self) -> int:
        """Number of genes, constant ones included."""
        return self.standardised.shape[0]


def prepare_genes(expression: Float[np.ndarray, "cell_lines genes"], cut: Cut = "median") -> PreparedGenes:
    """Standardise, rank and cut in two the expression of the training lines.

    Args:
        expression: log2(TPM+1) or any other measure, float32 or float64, no missing values.
        cut: where the chi-squared test splits each gene's lines (the published code: the mean).

    Raises:
        ValueError: fewer than three cell lines, or a value that is not finite.
    """
    check_matrix("expression", expression)
    lines, genes = expression.shape
    standardised, spread = np.empty((genes, lines)), np.empty(genes)
    ranks = np.empty((genes, lines), dtype=np.float32)
    upper = np.empty((genes, lines), dtype=bool)
    middle = np.median if cut == "median" else np.mean
    for start in range(0, genes, BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        block = np.ascontiguousarray(expression[:, rows].T, dtype=np.float64)
        standardised[rows] = standardise(block)
        block_ranks = centred_ranks(block)
        ranks[rows], spread[rows] = block_ranks, spread_of_ranks(block_ranks)
        upper[rows] = block >= middle(block, axis=1, keepdims=True)
    return PreparedGenes(
        standardised=standardised,
        rounded=standardised.astype(np.float32),
        ranks=ranks,
        rank_spread=spread,
        upper=np.ascontiguousarray(pack(upper).T),
        upper_counts=upper.sum(axis=1, dtype=np.int64),
        varies=spread > 0,
    )


def check_matrix(name: str, matrix: Float[np.ndarray, "..."]) -> None:
    """Refuse a matrix that selection cannot use.

    Raises:
        ValueError: not two-dimensional, fewer than `FEWEST_LINES` rows, or values that are not finite.
    """
    if matrix.ndim != 2 or len(matrix) < FEWEST_LINES:
        raise ValueError(
            f"{name}: expected cell lines x columns with >= {FEWEST_LINES} lines, got {matrix.shape}"
        )
    # A sum is finite unless a value is not, and it needs no matrix of truth values.
    bad = np.flatnonzero(~np.isfinite(matrix.sum(axis=0, dtype=np.float64)))
    if not bad.size and matrix.size and max(-float(matrix.min()), float(matrix.max())) > LARGEST:
        raise ValueError(f"{name}: holds values beyond {LARGEST:g}, too large to be centred")
    if bad.size:
        raise ValueError(
            f"{name}: column {bad[0]} ({bad.size} in all) holds missing or infinite values; "
            "group targets by their missing values (group_by_missing) and leave those cell lines out"
        )


def standardise(values: Float64[np.ndarray, "rows cell_lines"]) -> Float64[np.ndarray, "rows cell_lines"]:
    """Centre each row and scale it to unit length; a row of equal values becomes zeros.

    The operations and their order are those of `scipy.stats.pearsonr`, so that a dot product of two rows
    has the same bits as its statistic.
    """
    centred = values - values.mean(axis=1, keepdims=True)
    centred[(values == values[:, :1]).all(axis=1)] = 0.0
    largest = np.abs(centred).max(axis=1, keepdims=True)
    largest[largest == 0] = 1.0
    length = largest * np.linalg.norm(centred / largest, axis=1, keepdims=True)
    return centred / np.where(length == 0, 1.0, length)


def centred_ranks(values: Float64[np.ndarray, "rows cell_lines"]) -> Float64[np.ndarray, "rows cell_lines"]:
    """Rank every row (average ranks for ties, as `scipy.stats.rankdata`) minus the mean rank (n + 1) / 2.

    The results are multiples of one half, so sums of their products are exact in float64 while
    n^3 < 2^53. A constant row gives zeros.
    """
    ranks = np.empty(values.shape, dtype=np.float64)
    for start in range(0, len(values), BLOCK_ROWS):
        block = values[start : start + BLOCK_ROWS]
        _rank_rows(block, np.argsort(block, axis=1), ranks[start : start + BLOCK_ROWS])
    return ranks


@njit
@no_type_check
def _rank_rows(
    values: Float64[np.ndarray, "rows cell_lines"],
    order: Int64[np.ndarray, "rows cell_lines"],
    ranks: Float64[np.ndarray, "rows cell_lines"],
) -> None:
    rows, lines = values.shape
    for row in range(rows):
        first = 0
        while first < lines:
            value = values[row, order[row, first]]
            end = first + 1
            while end < lines and values[row, order[row, end]] == value:
                end += 1
            # Positions first..end-1 share the rank (first + 1 + end) / 2; the mean rank is (lines + 1) / 2.
            centred = 0.5 * (first + end - lines)
            for position in range(first, end):
                ranks[row, order[row, position]] = centred
            first = end


def spread_of_ranks(ranks: Float64[np.ndarray, "rows cell_lines"]) -> Float64[np.ndarray, " rows"]:
    """Standard deviation of centred ranks, computed in the order `numpy.corrcoef` does."""
    squares = np.einsum("rl,rl->r", ranks, ranks)
    return np.sqrt(squares * np.true_divide(1, ranks.shape[1] - 1))


def group_by_missing(
    effects: Float[np.ndarray, "cell_lines targets"],
) -> list[tuple[Bool[np.ndarray, " cell_lines"], Int64[np.ndarray, " k"]]]:
    """Group targets that are measured (not NaN) in exactly the same cell lines.

    Returns:
        (present, targets) pairs: which lines are measured, and the ascending columns of the group. Groups
        come in the order of their first target.
    """
    present = ~np.isnan(effects)
    if present.all() and effects.shape[1]:
        return [(present[:, 0], np.arange(effects.shape[1]))]
    packed = np.ascontiguousarray(np.packbits(present, axis=0).T)
    groups: dict[bytes, list[int]] = {}
    for target, pattern in enumerate(packed):
        groups.setdefault(pattern.tobytes(), []).append(target)
    return [(present[:, columns[0]], np.array(columns, dtype=np.int64)) for columns in groups.values()]
