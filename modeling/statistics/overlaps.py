"""Whether a set of drawn genes holds more marked ones than chance: hypergeometric tails, and draws by chance.

Chance draws each set of the same size from all genes, each as likely as any other, without replacement. Real
modifiers of one target are co-expressed, so that their sets overlap with a pathway more unevenly than that:
p-values are a little too small.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

Counts = Int[np.ndarray, " tests"]


def overlap_p(found: Counts, drawn: Counts, marked: Counts, total: int) -> Float[np.ndarray, " tests"]:
    """How likely `drawn` of `total` genes hold `found` or more of the `marked` ones (hypergeometric tail).

    1 exactly where none was found.
    """
    from scipy.stats import hypergeom  # noqa: PLC0415 - scipy.stats takes a second to import

    found = np.asarray(found)
    p = hypergeom.sf(found - 1, total, np.asarray(marked), np.asarray(drawn))
    return np.where(found <= 0, 1.0, np.clip(p, 0.0, 1.0))


def draw_any(
    drawn: Counts, marked: Counts, total: int, draws: int, generator: np.random.Generator
) -> Int[np.ndarray, " draws"]:
    """Of sets drawn anew `draws` times, one for each test, how many hold a marked gene at all.

    How many marked genes a drawn set holds is hypergeometric, so only that number is drawn.
    """
    held = np.zeros(draws, dtype=np.int64)
    for n, m in zip(drawn, marked, strict=True):
        held += generator.hypergeometric(int(m), total - int(m), int(n), size=draws) > 0
    return held


def draw_shuffled(
    holds: Bool[np.ndarray, "tests sets"], draws: int, generator: np.random.Generator
) -> Int[np.ndarray, " draws"]:
    """How many tests hold a marked gene when each gets the set of another at random (or its own).

    `holds[i, j]`: whether set j holds a gene that test i marks. Unlike `draw_any`, this keeps that some genes
    are in many sets.
    """
    tests = np.arange(len(holds))
    return np.array(
        [holds[tests, generator.permutation(len(tests))].sum() for _ in range(draws)], dtype=np.int64
    )


def draw_enriched(
    drawn: Counts,
    members: sparse.csr_array,
    draws: int,
    level: float,
    generator: np.random.Generator,
) -> Int[np.ndarray, " draws"]:
    """Of sets drawn by chance, how many are enriched for any of the columns of `members` at this FDR.

    `members` is genes × gene sets of 0 and 1. For each size, `draws` sets are drawn; each test then takes
    those of its size in an order of its own.
    """
    total, n_sets = members.shape
    sizes = np.unique(drawn[drawn > 0])
    if not len(sizes) or not n_sets:
        return np.zeros(draws, dtype=np.int64)
    marked = np.asarray(members.sum(axis=0)).ravel()
    limits = level * np.arange(1, n_sets + 1) / n_sets  # Benjamini-Hochberg's for sorted p
    tails = {n: _tails(int(n), marked, total) for n in sizes}
    is_enriched = {n: np.zeros(draws, dtype=bool) for n in sizes}
    dense = members.astype(np.int32)
    for draw in range(draws):
        genes = generator.permutation(total)[: sizes[-1]]  # its beginnings are sets of every size
        held = np.cumsum(dense[genes].toarray(), axis=0)
        for n in sizes:
            p = np.sort(tails[n][held[n - 1], np.arange(n_sets)])
            is_enriched[n][draw] = (p <= limits).any()
    counts = np.zeros(draws, dtype=np.int64)
    for n in drawn[drawn > 0]:
        counts += is_enriched[n][generator.permutation(draws)]
    return counts


def _tails(n: int, marked: Counts, total: int) -> Float[np.ndarray, "found tests"]:
    """p of every number that a set of n genes can hold of each gene set."""
    of = [np.full(len(marked), count) for count in (*range(n + 1), n)]
    return np.stack([overlap_p(found, of[-1], marked, total) for found in of[:-1]])


def draws_p(found: int, counts: Int[np.ndarray, " draws"]) -> float:
    """The share of draws that reach `found`, the real one counted among them: never 0."""
    return float((1 + (counts >= found).sum()) / (1 + len(counts)))
