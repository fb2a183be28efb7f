"""The genes of a simulated release: invented names, and the part each gene plays."""

from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np

from tasks.simulation.cell_lines import LINEAGES

FAMILY = 8  # genes that share a stem; even, so that a paralog pair (2j, 2j + 1) always does
FIRST_ENTREZ = 990_000_001  # above every real Entrez id
MOST_GENES = FAMILY * 26**3

NEAR_CONSTANT, ESSENTIAL, NOISE, LINEAR, PARALOG, OWN, LINEAGE = (
    "near_constant",
    "common_essential",
    "noise",
    "linear",
    "paralog",
    "own",
    "lineage",
)
# Shares of all genes; the rest, about 70%, are near-constant.
SHARES = {ESSENTIAL: 0.10, NOISE: 0.05, LINEAR: 0.08, PARALOG: 0.03, OWN: 0.02, LINEAGE: 0.02}
MARKERS = 0.03
EXPRESSION_ONLY = 0.03
SCREENED_ONLY = 0.01
SMALLEST_MODULE, LARGEST_MODULE = 4, 30
IN_MODULES = 0.6  # of the genes; the others vary alone


@dataclass(frozen=True)
class GenePlan:
    """Who does what. Genes are numbered 0 .. n_all-1; the first `n_expressed` are in the expression file.

    `kind` gives every gene's class as a target; `screened` the numbers that are targets, ascending;
    `partner` the paralog whose loss makes a gene essential (-1: none); `markers` the genes expressed in one
    lineage only and `marker_lineage` which; `marker_of` the marker of the lineage that a lineage-specific
    target needs (-1: none); `module` the co-regulated group of each expressed gene, where a gene that
    varies alone has a group of its own.
    """

    n_expressed: int
    kind: np.ndarray
    screened: np.ndarray
    partner: np.ndarray
    markers: np.ndarray
    marker_lineage: np.ndarray
    marker_of: np.ndarray
    module: np.ndarray

    @property
    def n_all(self) -> int:
        """Genes in either file."""
        return len(self.kind)


def symbol(number: int) -> str:
    """An invented, unique symbol such as SIMAAC5; sorting symbols sorts numbers; paralogs share the stem."""
    stem, member = divmod(number, FAMILY)
    letters = "".join(ascii_uppercase[stem // 26**place % 26] for place in (2, 1, 0))
    return f"SIM{letters}{member + 1}"


def entrez(number: int) -> int:
    """An invented Entrez id, unique and outside the real range."""
    return FIRST_ENTREZ + number


def plan_genes(n_expressed: int, rng: np.random.Generator) -> GenePlan:
    """Give each of `n_expressed` genes, and of a few that were only screened, its part at random.

    Parts do not overlap: a paralog's partner, an own-expression target and a marker have their own kind of
    expression. Every kind occurs at least once.
    """
    n_all = n_expressed + max(1, round(SCREENED_ONLY * n_expressed))
    counts = {kind: max(1, round(share * n_expressed)) for kind, share in SHARES.items()}
    kind = np.full(n_all, NEAR_CONSTANT, dtype="U16")

    pairs = rng.permutation(n_expressed // 2)
    paired = pairs[: counts[PARALOG]]
    partner = np.full(n_all, -1)
    partner[2 * paired + 1] = 2 * paired
    kind[2 * paired + 1] = PARALOG

    free = np.setdiff1d(np.arange(n_expressed), np.concatenate([2 * paired, 2 * paired + 1]))
    free = rng.permutation(free)
    for part in (OWN, LINEAGE, LINEAR, NOISE, ESSENTIAL):
        kind[free[: counts[part]]] = part
        free = free[counts[part] :]

    markers, free = np.split(free, [max(2, round(MARKERS * n_expressed))])
    markers = np.sort(markers)
    marker_lineage = np.arange(len(markers)) % len(LINEAGES)
    needy = np.flatnonzero(kind == LINEAGE)
    marker_of = np.full(n_all, -1)
    marker_of[needy] = markers[np.arange(len(needy)) % len(markers)]

    unscreened = free[: max(1, round(EXPRESSION_ONLY * n_expressed))]
    screened = np.setdiff1d(np.arange(n_all), unscreened)
    module = _modules(n_expressed, rng)
    return GenePlan(n_expressed, kind, screened, partner, markers, marker_lineage, marker_of, module)


def _modules(n_genes: int, rng: np.random.Generator) -> np.ndarray:
    together = round(IN_MODULES * n_genes)
    sizes = rng.integers(SMALLEST_MODULE, LARGEST_MODULE + 1, together // SMALLEST_MODULE)
    shared = np.repeat(np.arange(len(sizes)), sizes)[:together]
    alone = len(sizes) + np.arange(n_genes - len(shared))
    return rng.permutation(np.concatenate([shared, alone]))
