"""Pearson, Spearman and chi-squared of every gene with a tile of targets, roughly but within a known error.

Correlations are matrix products in single precision, chi-squared comes from popcounts; all are stored in
single precision. How far they may be off is bounded (`error_of`), so nearly everything is decided by them;
where they are too near a border, `modeling.selection.exact` decides. So no result depends on how these
products are made, nor on their shape or device. What is here runs on the CPU;
`modeling.selection.torch_association` is the same by torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, no_type_check, runtime_checkable

import numpy as np
import scipy.linalg.blas  # noqa: F401 - a BLAS of its own, which must be there when threads are counted
from jaxtyping import Float32, Float64
from threadpoolctl import ThreadpoolController

from modeling.numba_cache import njit
from modeling.selection.prepared import PreparedGenes, centred_ranks, spread_of_ranks, standardise
from modeling.statistics.chi_squared import BinnedTargets, bin_targets, fill_root_chi_squared

TARGETS_AT_ONCE = 512  # rows of a tile: genes are made ready for a product once a tile

TESTS = ("pearson", "spearman", "chi2")

UNIT = 2.0**-24  # the rounding error of one operation in single precision, relatively
SPARE_ROUNDINGS = (
    8  # beside the sum itself: of inputs and results, and where rough values are cut into buckets
)


def rounding_error(lines: int, unit: float) -> float:
    """How far the product of two vectors of unit length may be off, in whatever order it is summed.

    Each operation errs by at most `unit`, relatively (Higham, Accuracy and Stability of Numerical Algorithms,
    section 3.1; the sum of the products' sizes is at most 1).
    """
    return lines * unit / max(1.0 - lines * unit, 0.5) + SPARE_ROUNDINGS * unit


def error_of(test: str, lines: int) -> float:
    """How far a rough magnitude may be off; chi-squared is at most the number of lines, so its root is."""
    return SPARE_ROUNDINGS * UNIT * float(np.sqrt(lines)) if test == "chi2" else rounding_error(lines, UNIT)


@dataclass(frozen=True)
class PreparedTargets:
    """At most `TARGETS_AT_ONCE` targets, as the tests need them; fields as in `PreparedGenes`."""

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
class RoughMagnitudes(Protocol):
    """How large the statistic of every gene with each target of one tile is, wherever it is computed."""

    @property
    def rough(self) -> tuple[Float32[np.ndarray, "targets genes"], ...]:
        """Per test: |r|, |rho| or the root of chi-squared, within `error_of`; 0 where undefined."""

    def fill(self, targets: PreparedTargets) -> None:
        """Compute the magnitudes of the targets; rows beyond them mean nothing."""


def magnitudes_on(genes: PreparedGenes, device: str) -> RoughMagnitudes:
    """Working memory for tiles against these genes: numpy's for "cpu", torch's for any other device."""
    if device == "cpu":
        return Tile.for_genes(genes)
    from modeling.selection.torch_association import DeviceTile  # noqa: PLC0415 - torch takes seconds to import

    return DeviceTile.for_genes(genes, device)


@dataclass(frozen=True)
class Tile:
    """`RoughMagnitudes` on the CPU; the memory of one tile is used again for the next."""

    genes: PreparedGenes
    rough: tuple[Float32[np.ndarray, "targets genes"], ...]
    rank_scale: Float32[np.ndarray, " genes"]

    @classmethod
    def for_genes(cls, genes: PreparedGenes) -> "Tile":
        """Allocate the memory."""
        shape = (TARGETS_AT_ONCE, genes.n_genes)
        memory = tuple(np.empty(shape, dtype=np.float32) for _ in TESTS)
        scale = reciprocal(genes.rank_spread * (genes.n_lines - 1)).astype(np.float32)
        return cls(genes, memory, scale)

    def fill(self, targets: PreparedTargets) -> None:
        """As `RoughMagnitudes` says."""
        self.fill_correlations(targets)
        self.fill_chi_squared(targets)

    def fill_correlations(self, targets: PreparedTargets) -> None:
        """|r| and |rho|."""
        genes = self.genes
        pearson, spearman = (rough[: len(targets)] for rough in self.rough[:2])
        np.matmul(targets.standardised.astype(np.float32), genes.rounded.T, out=pearson)
        np.abs(pearson, out=pearson)
        ranks = targets.ranks * reciprocal(targets.rank_spread)[:, None]
        np.matmul(ranks.astype(np.float32), genes.ranks.T, out=spearman)
        _scale(spearman, self.rank_scale)

    def fill_chi_squared(self, targets: PreparedTargets) -> None:
        """The root of chi-squared."""
        genes, root = self.genes, self.rough[2][: len(targets)]
        fill_root_chi_squared(genes.upper, genes.upper_counts, targets.binned, genes.n_lines, root)


@njit
@no_type_check
def _scale(products, scale):
    """|products| x scale, in place."""
    for row in products:
        for g in range(len(scale)):
            row[g] = abs(row[g]) * scale[g]


def reciprocal(values: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
    """1 / values, and 0 where a value is 0."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values != 0)


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep matrix products on this thread: more threads cut them elsewhere, which changes the last bits."""
    with _controller().limit(limits=1, user_api="blas"):
        yield
