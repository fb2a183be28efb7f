"""From the genes that pass a test to the few kept: the strongest first, optionally without near copies."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64, Int64

SIGNIFICANT_DIGITS = 12  # of a statistic, before it orders anything: scipy's own last digits are noise
Q_DIGITS = 9  # to which q-values are promised, and to which they order anything
MARGIN = 1e-10  # magnitudes this close, relatively, may change places when computed as scipy does

Statistic = Callable[[Int64[np.ndarray, " k"]], Float64[np.ndarray, " k"]]


def round_significant(values: Float64[np.ndarray, " k"], digits: int) -> Float64[np.ndarray, " k"]:
    """Round to significant decimal digits, correctly, as printing and reading back does."""
    return np.array([float(f"{value:.{digits - 1}e}") for value in values.tolist()], dtype=np.float64)


def strongest(
    magnitude: Float64[np.ndarray, " genes"], critical_value: float, statistic: Statistic, count: int
) -> Int64[np.ndarray, " k"]:
    """The genes at or above the critical value, at most `count`, by rounded statistic, then by column.

    Args:
        magnitude: of every gene; orders genes as the statistic does except in the last digits.
        critical_value: the magnitude needed (`modeling.selection.critical_values.critical_values_of`).
        statistic: gives the statistic of some genes, to be rounded and compared without its sign.
    """
    kept = np.flatnonzero(magnitude >= critical_value)
    if len(kept) > count:
        last = np.partition(magnitude[kept], len(kept) - count)[len(kept) - count]
        kept = kept[magnitude[kept] >= last * (1 - MARGIN)]
    size = np.abs(round_significant(statistic(kept), SIGNIFICANT_DIGITS))
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
