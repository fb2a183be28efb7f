"""Pearson, Spearman and chi-squared of every gene with a tile of targets, as matrix products and popcounts.

A tile always has the same number of rows and its products the same alignment, because the last bits of a
matrix product depend on its shape: so a target gets the same bits in whatever block and place it comes. What
is here runs on the CPU; `modeling.selection.torch_association` is the same by torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64
from threadpoolctl import ThreadpoolController

from modeling.selection.prepared import PreparedGenes, centred_ranks, spread_of_ranks, standardise
from modeling.statistics.chi_squared import BinnedTargets, bin_targets, chi_squared_of, fill_root_chi_squared

TILE_TARGETS = 128  # rows of a tile; fewer targets are padded with zeros
ALIGNED_GENES = 64  # products are made of this many genes at least; a multiple of every BLAS kernel's width

TESTS = ("pearson", "spearman", "chi2")

# Of log p, so of q, relatively; it falls with r by at most lines / (1 - r^2) times r's own error.
Q_TOLERANCE = 1e-9
R_ERROR = 1e-13


@dataclass(frozen=True)
class PreparedTargets:
    """At most `TILE_TARGETS` targets, as the tests need them; fields as in `PreparedGenes`."""

    standardised: Float64[np.ndarray, "targets cell_lines"]
    ranks: Float64[np.ndarray, "targets cell_lines"]
    rank_spread: Float64[np.ndarray, " targets"]
    binned: BinnedTargets

    def __len__(self) -> int:
        return len(self.standardised)


def prepare_targets(effects: Float64[np.ndarray, "targets cell_lines"]) -> PreparedTargets:
    """Standardise, rank and bin the effects of a tile's targets (rows) in the training lines."""
    ranks = centred_ranks(effects)
    return PreparedTargets(standardise(effects), ranks, spread_of_ranks(ranks), bin_targets(effects))


@runtime_checkable
class StatisticMagnitudes(Protocol):
    """How large the statistic of every gene with each target of one tile is, wherever it is computed."""

    @property
    def statistic_magnitude(self) -> tuple[Float64[np.ndarray, "targets genes"], ...]:
        """Per test of `TESTS`: |r|, |rho| or the square root of chi-squared; 0 where undefined."""

    def fill(self, targets: PreparedTargets) -> None:
        """Compute the magnitudes of the targets; rows beyond them mean nothing."""

    def recompute_exact(self, targets: PreparedTargets, rows: Int64[np.ndarray, " k"]) -> None:
        """Give these targets' |r| the very bits that the CPU computes: a decision depends on them."""


def magnitudes_on(genes: PreparedGenes, device: str) -> StatisticMagnitudes:
    """Working memory for tiles against these genes: numpy's for "cpu", torch's for any other device."""
    if device == "cpu":
        return Tile.for_genes(genes)
    from modeling.selection.torch_association import DeviceTile  # noqa: PLC0415 - torch takes seconds to import

    return DeviceTile.for_genes(genes, device)


@dataclass(frozen=True)
class Tile:
    """`StatisticMagnitudes` on the CPU; the memory of one tile is used again for the next."""

    genes: PreparedGenes
    statistic_magnitude: tuple[Float64[np.ndarray, "targets genes"], ...]
    left: Float64[np.ndarray, "targets cell_lines"]

    @classmethod
    def for_genes(cls, genes: PreparedGenes, tests: int = len(TESTS)) -> "Tile":
        """Allocate the memory for the first so many of the tests."""
        shape = (TILE_TARGETS, genes.n_genes)
        memory = tuple(np.empty(shape) for _ in range(tests))
        return cls(genes, memory, np.zeros((TILE_TARGETS, genes.n_lines)))

    def fill(self, targets: PreparedTargets) -> None:
        """As `StatisticMagnitudes` says."""
        genes = self.genes
        _, spearman, chi = self.statistic_magnitude
        self.fill_pearson(targets.standardised)
        multiply(targets.ranks, genes.ranks, self.left, spearman)
        np.abs(spearman, out=spearman)
        spearman *= reciprocal(genes.rank_spread * (genes.n_lines - 1))
        spearman[: len(targets)] *= reciprocal(targets.rank_spread)[:, None]
        fill_root_chi_squared(genes.upper, genes.upper_counts, targets.binned, genes.n_lines, chi)

    def fill_pearson(self, standardised: Float64[np.ndarray, "targets cell_lines"]) -> None:
        """|r| alone, of at most `TILE_TARGETS` targets."""
        multiply(standardised, self.genes.standardised, self.left, self.statistic_magnitude[0])
        np.abs(self.statistic_magnitude[0], out=self.statistic_magnitude[0])

    def recompute_exact(self, targets: PreparedTargets, rows: Int64[np.ndarray, " k"]) -> None:
        """Nothing: they have them."""


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


def reciprocal(values: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
    """1 / values, and 0 where a value is 0."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values != 0)


def statistics_of(
    test: str, genes: PreparedGenes, targets: PreparedTargets, target: int, columns: np.ndarray
) -> Float64[np.ndarray, " k"]:
    """Signed r, signed rho or chi-squared of one target with a few genes, in scipy's order of operations.

    Args:
        test: one of `TESTS`.
        target: row in `targets`.
        columns: the k genes.
    """
    if test == "pearson":
        return np.clip(np.vecdot(genes.standardised[columns], targets.standardised[target]), -1.0, 1.0)
    if test == "spearman":
        products = np.vecdot(genes.ranks[columns], targets.ranks[target])
        covariance = products * np.true_divide(1, genes.n_lines - 1)
        return np.clip(covariance / targets.rank_spread[target] / genes.rank_spread[columns], -1.0, 1.0)
    binned = targets.binned
    return chi_squared_of(
        genes.upper[:, columns], binned.members[target], binned.sizes[target], genes.n_lines
    )


def steep_from(n_lines: int) -> float:
    """The |r| or |rho| beyond which an error of `R_ERROR` in it may change p by `Q_TOLERANCE`, relatively."""
    return float(np.sqrt(max(1.0 - n_lines * R_ERROR / Q_TOLERANCE, 0.0)))


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep matrix products on this thread: more threads cut them elsewhere, which changes the last bits."""
    with _controller().limit(limits=1, user_api="blas"):
        yield
