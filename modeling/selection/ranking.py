"""From the genes that pass a test, or from all, to the few kept: the strongest first.

For selection optionally without near copies. For the forest on all genes, those most strongly correlated with
a target: what scikit-learn's SelectKBest(f_regression, k) chooses. F grows with |r|, so |r| orders the
genes. Of equally strong genes (|r| alike to 12 significant digits) the lower column goes first, which
scikit-learn leaves to rounding; constant genes come after all others, again the lower column first.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Float64, Int64

from modeling.numba_cache import njit
from modeling.selection.association import one_blas_thread, rounding_error
from modeling.selection.exact import magnitude_of
from modeling.selection.prepared import BLOCK_ROWS, check_matrix, standardise
from modeling.selection.tiles import TILE_TARGETS, multiply

SIGNIFICANT_DIGITS = 12  # of a statistic, before it orders anything: scipy's own last digits are noise
Q_DIGITS = 9  # to which q-values are promised, and to which they order anything
MARGIN = 1e-10  # magnitudes this close, relatively, may change places when rounded

POWERS = 10.0 ** np.arange(23)  # of ten that are exact in double precision
DOUBLE_UNIT = 2.0**-53  # the rounding error of one operation in double precision, relatively

Statistic = Callable[[Int64[np.ndarray, " k"]], Float64[np.ndarray, " k"]]


def round_significant(values: Float64[np.ndarray, " k"], digits: int) -> Float64[np.ndarray, " k"]:
    """Round to significant decimal digits, correctly, as printing and reading back does."""
    out, unsure = _rounded(values, digits)
    for place in np.flatnonzero(unsure).tolist():
        out[place] = float(f"{values[place]:.{digits - 1}e}")
    return out


@njit
@no_type_check
def _rounded(values, digits):
    """Values rounded to significant digits; where that might not be the nearest such number, `unsure`.

    Of a whole number and an exact power of ten the quotient, and the product, is what reading the digits
    gives. Only the number before it is rounded is off, by one rounding.
    """
    out, unsure = values.copy(), np.ones(len(values), dtype=np.bool_)
    for i in range(len(values)):
        size = abs(values[i])
        if size == 0.0:
            unsure[i] = False
        if not 0.0 < size < np.inf:
            continue
        shift = digits - 1 - math.floor(math.log10(size))
        if abs(shift) >= len(POWERS):
            continue
        scaled = size * POWERS[shift] if shift >= 0 else size / POWERS[-shift]
        whole = math.floor(scaled)
        if not POWERS[digits - 1] < scaled < POWERS[digits]:
            continue
        if abs(scaled - whole - 0.5) <= 2 * DOUBLE_UNIT * scaled:
            continue
        whole += scaled - whole > 0.5
        out[i] = math.copysign(whole / POWERS[shift] if shift >= 0 else whole * POWERS[-shift], values[i])
        unsure[i] = False
    return out, unsure


def strongest(
    rough: Float[np.ndarray, " genes"],
    error: float,
    critical_value: float,
    statistic: Statistic,
    count: int,
    test: str = "pearson",
    ordered: bool = True,
) -> Int64[np.ndarray, " k"]:
    """The genes at or above the critical value, at most `count`, by rounded statistic, then by column.

    Args:
        rough: the magnitude of every gene.
        error: how far it may be off.
        critical_value: the exact magnitude needed (`critical_values.critical_values_of`).
        statistic: gives the exact statistic of some genes, to be rounded and compared without its sign.
        test: whose statistic it is.
        ordered: False for the same genes in any order, for which mostly no statistic is needed.
    """
    kept = np.flatnonzero(rough >= critical_value - error)
    if not ordered and len(kept) <= count and (rough[kept] > critical_value + error).all():
        return kept
    if len(kept) > count:
        last = np.partition(rough[kept], len(kept) - count)[len(kept) - count]
        kept = kept[rough[kept] >= last - 2 * error - MARGIN * last]
    exact = statistic(kept)
    passes = ~(magnitude_of(test, exact) < critical_value)  # of an infinite effect all are NaN, and stay
    kept, size = kept[passes], np.abs(round_significant(exact[passes], SIGNIFICANT_DIGITS))
    return kept[np.lexsort((kept, -size))][:count]


def without_redundant(
    ordered: Callable[[int], Int64[np.ndarray, " k"]],
    top: int,
    standardised: Float64[np.ndarray, "genes cell_lines"],
    redundancy: float,
    chosen: list[int],
) -> Int64[np.ndarray, " k"]:
    """Walk one test's kept genes until `top` are taken, passing over near copies of genes already chosen.

    Args:
        ordered: gives the given number of kept genes (or all, if fewer), the strongest first.
        standardised: expression of all genes as in `PreparedGenes`.
        redundancy: a gene whose |Pearson r| in the training lines with a *different* chosen gene reaches this
            (both rounded to 12 digits) is passed over. A gene chosen for an earlier test is taken at once.
        chosen: genes chosen for this target so far, by any test; this test's new ones are appended.
    """
    looked_at, taken, wanted = 0, list[int](), 4 * top
    while len(taken) < top:
        genes = ordered(wanted)
        for gene in genes[looked_at:].tolist():
            if gene not in chosen:
                r = np.vecdot(standardised[chosen], standardised[gene])
                if (np.abs(round_significant(r, SIGNIFICANT_DIGITS)) >= redundancy).any():
                    continue
                chosen.append(gene)
            taken.append(gene)
            if len(taken) == top:
                break
        if len(genes) < wanted:
            break
        looked_at, wanted = wanted, 4 * wanted
    return np.array(taken, dtype=np.int64)


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
    error = rounding_error(genes.shape[1], DOUBLE_UNIT)
    with one_blas_thread(), np.errstate(invalid="ignore"):
        for start in range(0, effects.shape[1], TILE_TARGETS):
            tile = standardise(np.ascontiguousarray(effects[:, start : start + TILE_TARGETS].T))
            multiply(tile, genes, left, magnitude)
            np.nan_to_num(np.abs(magnitude, out=magnitude), copy=False)
            magnitude[:, constant] = -1.0
            for row, target in enumerate(tile):
                statistic = partial(_correlation, genes, target)
                found = strongest(magnitude[row], error, 0.0, statistic, kept.shape[1])
                some = constant[: kept.shape[1] - len(found)]
                kept[start + row] = np.sort(np.concatenate([found, some]))
    return kept


def _correlation(
    genes: Float64[np.ndarray, "genes cell_lines"],
    target: Float64[np.ndarray, " cell_lines"],
    columns: Int64[np.ndarray, " k"],
) -> Float64[np.ndarray, " k"]:
    return np.vecdot(genes[columns], target)
